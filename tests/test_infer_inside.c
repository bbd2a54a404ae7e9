/* SPDX-License-Identifier: MIT */
/* Pointers to objects that share a block, which itself has no type. */
#include "tests/aid_infer.h"

/* item { item *next; node *what; long x; }, which is no part of others */
static uint32_t make_item(void)
{
	const struct made_member m[3] = { { "next", number, 0, 0 },
		{ "what", made_pointer(&image, node), 8, 0 },
		{ "x", number, 16, 0 } };
	uint32_t id = record("item", 24, m, 3);

	made_retarget(&image, id, 0, made_pointer(&image, id));
	return id;
}

/* A block of 1000 bytes with an item at 40 that leads to one at 104. */
static void what_lies_in_an_arena_is_followed(void **state)
{
	uint32_t item = make_item();
	uint64_t arena = place(1000), a = place(24), b = place(24), at;

	(void)state;
	at = variable(made_pointer(&image, item), arena + 40);
	made_word(&image, arena + 40, arena + 104);
	made_word(&image, arena + 48, a);
	made_word(&image, arena + 112, b);
	infer();
	expect_untyped(0);
	expect(1, node, 1, EVIDENCE_FIELD);
	expect(2, node, 1, EVIDENCE_FIELD);
	assert_true(heap.confidence[1] < 90);
	/* The last word of known type on the way there. */
	assert_int_equal(heap.why_node[2], n_blocks);
	assert_int_equal(heap.why_offset[2], 0);
	assert_int_equal(at, DATA);
}

/* What may be part of something else says nothing of what is around it. */
static void a_pointer_to_a_part_is_not_followed(void **state)
{
	uint32_t item = make_item();
	const struct made_member m[2] = { { "x", number, 0, 0 },
					  { "item", item, 8, 0 } };
	uint64_t arena = place(1000), a = place(24);

	(void)state;
	record("holder", 32, m, 2);
	pointer_var(item, arena + 40);
	made_word(&image, arena + 48, a);
	infer();
	expect_untyped(0);
	expect_untyped(1);
}

/* A circle of items in an arena comes to an end. */
static void objects_in_a_circle_are_followed_once(void **state)
{
	uint32_t item = make_item();
	uint64_t arena = place(1000), a = place(24);

	(void)state;
	pointer_var(item, arena + 40);
	made_word(&image, arena + 40, arena + 104);
	made_word(&image, arena + 104, arena + 40);
	made_word(&image, arena + 112, a);
	infer();
	expect_untyped(0);
	expect(1, node, 1, EVIDENCE_FIELD);
}

/* {begin, end, limit} in a block that is larger: others have its rest. */
static void the_limit_of_a_range_tells_when_a_block_is_shared(void **state)
{
	uint32_t item = make_item(), p = made_pointer(&image, item);
	const struct made_member m[3] = { { "begin", p, 0, 0 },
		{ "end", p, 8, 0 }, { "limit", p, 16, 0 } };
	uint32_t vector = record("vector", 24, m, 3);
	uint64_t block = place(10 * 24), a = place(24), b = place(24), at;

	(void)state;
	at = variable(vector, block);
	made_word(&image, at + 8, block + 24);
	made_word(&image, at + 16, block + 48);
	made_word(&image, block + 8, a);
	/* Dead capacity, and what belongs to others. */
	made_word(&image, block + 24 + 8, b);
	made_word(&image, block + 48 + 8, b);
	infer();
	expect_untyped(0);
	expect(1, node, 1, EVIDENCE_FIELD);
	expect_untyped(2);
}

/* {char *control; item *slots}: bytes, then items, in one block. */
static void slots_behind_their_control_bytes_are_followed(void **state)
{
	uint32_t item = make_item();
	uint32_t byte = made_scalar(&image, TYPE_CHAR, "char", 1);
	const struct made_member m[2] = {
		{ "control", made_pointer(&image, byte), 0, 0 },
		{ "slots", made_pointer(&image, item), 8, 0 } };
	uint32_t table = record("table", 16, m, 2);
	uint64_t block = place(16 + 4 * 24), a = place(24), at;

	(void)state;
	at = variable(table, block);
	made_word(&image, at + 8, block + 16);
	made_word(&image, block + 16 + 3 * 24 + 8, a);
	infer();
	expect_untyped(0);
	expect(1, node, 1, EVIDENCE_FIELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lies_in_an_arena_is_followed),
		TEST(a_pointer_to_a_part_is_not_followed),
		TEST(objects_in_a_circle_are_followed_once),
		TEST(the_limit_of_a_range_tells_when_a_block_is_shared),
		TEST(slots_behind_their_control_bytes_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
