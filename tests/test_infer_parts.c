/* SPDX-License-Identifier: MIT */
/*
 * What is no block of its own: objects whose memory was used again, values
 * that templates make, members of others, what owned arrays are compared with.
 */
#include "tests/aid_infer_shapes.h"

/* @type is an instance of a template with the argument @arg. */
static void make_about(uint32_t type, uint32_t arg)
{
	const struct template_arg a = { .type = arg };

	image.types.types.at[type].first_arg = (uint32_t)image.types.args.len;
	image.types.types.at[type].n_args = 1;
	assert_true(vec_push(&image.types.args, a));
}

static void an_object_begins_with_its_vtable(void **state)
{
	const struct made_member m[2] = {
		{ "_vptr", number, 0, MEMBER_VPTR }, { "x", number, 8, 0 } };
	uint32_t shape = record("Shape", 24, m, 2);
	uint64_t alive = place(24), freed = place(24);

	(void)state;
	image.types.types.at[shape].flags |= TYPE_POLYMORPHIC;
	pointer_var(shape, alive);
	pointer_var(shape, freed);
	made_word(&image, alive, RODATA + 0x100);
	made_word(&image, freed, 77);
	infer();
	expect(0, shape, 1, EVIDENCE_ROOT);
	expect_untyped(1);
}

/* small { char *name; small *friend; long age, more; } of 32 bytes */
static uint32_t make_small(void)
{
	struct made_member m[] = { { "name", pointer(letter), 0, 0 },
				   { "friend", number, 8, 0 },
				   { "age", number, 16, 0 },
				   { "more", number, 24, 0 } };
	uint32_t small = record("small", 32, m, 4);

	made_retarget(&image, small, 1, pointer(small));
	return small;
}

/* pair<small> has a size that malloc makes the same. */
static void a_pair_is_rather_what_it_begins_with(void **state)
{
	uint32_t entry = make_entry(), small = make_small(), pair;
	const struct made_member m[2] = { { "first", small, 0, 0 },
					  { "second", number, 32, 0 } };
	uint64_t first = place_entries(32);

	(void)state;
	pair = record("pair", 40, m, 2);
	make_about(pair, small);
	pointer(pair);
	for (int i = 0; i < MANY; i++)
		fill_person(payload[i], payload[(i + 1) % MANY]);
	pointer_var(entry, first);
	infer();
	assert_int_equal(typed(small), MANY);
	assert_int_equal(typed(pair), 0);
}

/* Persons that nothing refers to but each other; a holder has one as member.
 * How many of them have their type, in @language. */
static uint32_t count_lost_members(uint8_t language)
{
	uint32_t person;
	struct made_member m[2] = { { "x", number, 0, 0 } };

	make_letter();
	person = make_person();
	m[1] = (struct made_member){ "owner", person, 8, 0 };
	record("holder", 48, m, 2);
	of_program(person);
	image.types.types.at[person].language = language;
	for (int i = 0; i < MANY; i++)
		payload[i] = place(40);
	for (int i = 0; i < MANY; i++)
		fill_person(payload[i], payload[(i + 1) % MANY]);
	infer();
	return typed(person);
}

static void members_of_classes_are_not_told_by_looks(void **state)
{
	(void)state;
	assert_int_equal(count_lost_members(0x21), 0);	/* C++14 */
}

static void in_c_what_is_embedded_is_allocated_too(void **state)
{
	(void)state;
	assert_int_equal(count_lost_members(0x0c), MANY);	/* C99 */
}

/* item { long x, y, z, w; }; one who has two of them; vec<item> { item *first; } */
static void an_owner_of_items_does_not_own_what_begins_with_one(void **state)
{
	struct made_member m[4] = { { "x", number, 0, 0 }, { "y", number, 8, 0 },
				    { "z", number, 16, 0 }, { "w", number, 24, 0 } };
	uint32_t item = record("item", 32, m, 4), vec;
	const struct made_member two[2] = { { "name", item, 0, 0 },
					    { "path", item, 32, 0 } };
	const struct made_member one = { "first", made_pointer(&image, item), 0, 0 };

	(void)state;
	record("two", 64, two, 2);
	vec = record("vec", 8, &one, 1);
	make_about(vec, item);
	variable(vec, place(64));
	infer();
	expect(0, item, 2, EVIDENCE_ELEMENT);
}

/* table<long> { link **buckets; long n; } of links, which nodes<long> begin
 * with, in the middle of a block. */
static void an_array_knows_its_owner_in_the_middle_of_a_block(void **state)
{
	struct made_member m[2] = { { "next", number, 0, 0 } };
	uint32_t link = record("link", 8, m, 1), table, value_node;
	uint64_t arena = place(1000), buckets = place(32), a = place(16);

	(void)state;
	made_retarget(&image, link, 0, made_pointer(&image, link));
	m[0] = (struct made_member){ "", link, 0, MEMBER_BASE };
	m[1] = (struct made_member){ "value", number, 8, 0 };
	value_node = record("node_of", 16, m, 2);
	make_about(value_node, number);
	m[0] = (struct made_member){
		"buckets", made_pointer(&image, made_pointer(&image, link)), 0, 0 };
	m[1] = (struct made_member){ "n", number, 8, 0 };
	table = record("table", 16, m, 2);
	make_about(table, number);
	pointer_var(table, arena + 40);
	made_word(&image, arena + 40, buckets);
	made_word(&image, arena + 48, 4);
	made_word(&image, buckets + 8, a);
	made_word(&image, a + 8, 3);
	infer();
	assert_int_equal(heap.type[2], value_node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_object_begins_with_its_vtable),
		TEST(a_pair_is_rather_what_it_begins_with),
		TEST(members_of_classes_are_not_told_by_looks),
		TEST(in_c_what_is_embedded_is_allocated_too),
		TEST(an_owner_of_items_does_not_own_what_begins_with_one),
		TEST(an_array_knows_its_owner_in_the_middle_of_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
