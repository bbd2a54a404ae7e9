/* SPDX-License-Identifier: MIT */
/* Types of lost blocks, which nothing with a type leads to: by their shape. */
#include "tests/aid_infer_shapes.h"

static void lost_lists_have_the_type_of_their_shape(void **state)
{
	uint32_t entry = make_entry(), person = make_person();

	(void)state;
	(void)place_entries(120);
	of_program(entry);
	of_program(person);
	infer();	/* nothing refers to them */
	assert_true(typed(entry) >= MANY - 1);
	/* Their fields say the same as their shape, and are no surer. */
	for (uint32_t i = 0; i < heap.n_blocks; i++) {
		if (heap.type[i] == entry) {
			assert_true(heap.evidence[i] == EVIDENCE_SHAPE ||
				    heap.evidence[i] == EVIDENCE_FIELD);
			assert_true(heap.confidence[i] < 90);
		}
	}
	assert_int_equal(typed(person), 0);
}

/*
 * vertex { char *name; edge *first; } and edge { vertex *to; edge *next; }
 * have one size and pointers at the same places; text tells them apart.
 */
static void lost_records_differ_by_what_is_text(void **state)
{
	struct made_member m[] = { { "name", number, 0, 0 },
				   { "first", number, 8, 0 },
				   { "mark", number, 16, 0 } };
	struct made_member n[] = { { "to", number, 0, 0 },
				   { "next", number, 8, 0 },
				   { "cost", number, 16, 0 } };
	uint32_t vertex = record("vertex", 24, m, 3);
	uint32_t edge = record("edge", 24, n, 3), i = 0;
	uint64_t at[MANY * 2];

	(void)state;
	(void)make_letter();
	made_retarget(&image, vertex, 0, pointer(letter));
	made_retarget(&image, vertex, 1, pointer(edge));
	made_retarget(&image, edge, 0, pointer(vertex));
	made_retarget(&image, edge, 1, pointer(edge));
	of_program(vertex);
	of_program(edge);
	for (i = 0; i < MANY * 2; i++)
		at[i] = place(24);
	for (i = 0; i < MANY; i++) {
		made_word(&image, at[i], place_text(KEY));
		made_word(&image, at[i] + 8, at[MANY + i]);
		made_word(&image, at[MANY + i], at[(i + 1) % MANY]);
		made_word(&image, at[MANY + i] + 8, at[MANY + (i + 3) % MANY]);
	}
	infer();
	for (i = 0; i < MANY; i++) {
		assert_int_equal(heap.type[i], vertex);
		assert_int_equal(heap.type[MANY + i], edge);
	}
}

/* token { token *next; char *text; long line; void *value; }, of the program */
static uint32_t make_token(void)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "text", pointer(letter), 8, 0 },
				   { "line", number, 16, 0 },
				   { "value", pointer(TYPE_NONE), 24, 0 } };
	uint32_t token = record("token", 32, m, 4);

	made_retarget(&image, token, 0, pointer(token));
	of_program(token);
	return token;
}

/* token looks like entry, but the program takes tokens out of a pool. */
static void what_is_lost_was_no_part_of_a_pool(void **state)
{
	uint32_t entry = make_entry(), token = make_token();
	uint64_t pool = place(400);

	(void)state;
	(void)place_entries(120);
	of_program(entry);
	pointer_var(token, pool + 64);
	infer();
	assert_true(typed(entry) >= MANY - 1);
	assert_int_equal(typed(token), 0);
}

static void of_two_that_are_lost_and_look_alike_none_is_taken(void **state)
{
	uint32_t entry = make_entry(), token = make_token();

	(void)state;
	(void)place_entries(120);
	of_program(entry);
	infer();
	assert_int_equal(typed(entry) + typed(token), 0);
}

/*
 * owner { long id; link all; long age[8]; } with nodes item { link; ... },
 * where link { link *next, *before; }.
 */
static uint32_t make_owner(void)
{
	struct made_member l[] = { { "next", number, 0, 0 },
				   { "before", number, 8, 0 } };
	uint32_t link = record("link", 16, l, 2);
	const struct made_member it[] = { { "", link, 0, MEMBER_BASE },
					  { "value", number, 32, 0 } };
	const struct made_member o[] = {
		{ "id", number, 0, 0 }, { "all", link, 8, 0 },
		{ "age", made_array(&image, number, 8), 24, 0 },
	};
	uint32_t owner;

	(void)record("item", 40, it, 2);
	made_retarget(&image, link, 0, pointer(link));
	made_retarget(&image, link, 1, pointer(link));
	owner = record("owner", 88, o, 3);
	image.types.types.at[owner].popularity = 1;
	of_program(owner);
	return owner;
}

/* What is lost: owners, each with two nodes of @size bytes. */
static void place_owners(uint64_t size)
{
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t o = place(88), a = place(size), b = place(size);

		made_word(&image, o, i);
		made_word(&image, o + 8, a);
		made_word(&image, o + 16, b);
		made_word(&image, a, b);
		made_word(&image, a + 8, o + 8);
		made_word(&image, b, o + 8);
		made_word(&image, b + 8, a);
	}
}

static void lost_owners_of_lists_are_told_by_the_nodes(void **state)
{
	uint32_t owner = make_owner();

	(void)state;
	place_owners(40);
	infer();
	assert_int_equal(typed(owner), MANY);
	evidence_of(owner, EVIDENCE_SHAPE);
}

static void blocks_of_no_node_s_size_tell_no_owner(void **state)
{
	uint32_t owner = make_owner();

	(void)state;
	place_owners(56);
	infer();
	assert_int_equal(typed(owner), 0);
}

/* person { long *first; person *next; } looks like little. */
static void less_is_needed_where_live_blocks_are_of_the_type(void **state)
{
	struct made_member m[] = { { "first", pointer(number), 0, 0 },
				   { "next", number, 32, 0 } };
	uint32_t person = record("person", 40, m, 2);
	uint64_t before = 0;

	(void)state;
	made_retarget(&image, person, 1, pointer(person));
	of_program(person);
	for (int i = 0; i < MANY; i++) {
		uint64_t at = place(40);

		made_word(&image, at + 32, i == 6 ? 0 : before);
		before = at;
		if (i == 5)
			pointer_var(person, at);
	}
	infer();
	assert_true(typed(person) >= MANY - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lost_lists_have_the_type_of_their_shape),
		TEST(lost_records_differ_by_what_is_text),
		TEST(what_is_lost_was_no_part_of_a_pool),
		TEST(of_two_that_are_lost_and_look_alike_none_is_taken),
		TEST(lost_owners_of_lists_are_told_by_the_nodes),
		TEST(blocks_of_no_node_s_size_tell_no_owner),
		TEST(less_is_needed_where_live_blocks_are_of_the_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
