/* SPDX-License-Identifier: MIT */
/* What is known of members whose class is only named. */
#include "tests/aid_types.h"

#include "analyze/declared.h"

static uint32_t make_unknown(void)
{
	uint32_t id = struct_of("Unknown", 0, NULL, 0);

	types.types.at[id].flags |= TYPE_DECLARATION;
	return id;
}

static void complete(void)
{
	struct err err = {0};

	assert_true(declared_complete(&types, &err));
}

static void expect_bytes(uint32_t type, uint64_t n)
{
	const struct type *t = &types.types.at[type];

	assert_int_equal(t->kind, TYPE_ARRAY);
	assert_int_equal(t->count, n);
	assert_int_equal(types.types.at[t->target].size, 1);
}

static void it_reaches_to_the_next_member(void **state)
{
	const struct part m[] = { { "a", number, 0, 0, 0 },
				  { "unknown", make_unknown(), 8, 0, 0 },
				  { "b", number, 40, 0, 0 } };
	uint32_t id = struct_of("outer", 48, m, N(m));

	(void)state;
	complete();
	expect_bytes(member_of(id, 1)->type, 32);
	assert_int_equal(member_of(id, 0)->type, number);
	assert_int_equal(member_of(id, 2)->type, number);
}

static void the_last_member_reaches_to_the_end(void **state)
{
	const struct part m[] = { { "a", number, 0, 0, 0 },
				  { "unknown", make_unknown(), 8, 0, 0 } };
	uint32_t id = struct_of("outer", 64, m, N(m));

	(void)state;
	complete();
	expect_bytes(member_of(id, 1)->type, 56);
}

static void a_base_that_is_only_named_counts_too(void **state)
{
	const struct part m[] = {
		{ "", make_unknown(), 0, MEMBER_BASE, 0 },
		{ "own", number, 24, 0, 0 } };
	uint32_t id = struct_of("derived", 32, m, N(m));

	(void)state;
	complete();
	expect_bytes(member_of(id, 0)->type, 24);
}

/* std::allocator<char> in front of a string's pointer, as clang has it. */
static void a_base_where_a_member_stands_is_empty(void **state)
{
	uint32_t unknown = make_unknown();
	const struct part m[] = { { "", unknown, 0, MEMBER_BASE, 0 },
				  { "own", number, 0, 0, 0 } };
	uint32_t id = struct_of("hider", 8, m, N(m));

	(void)state;
	complete();
	assert_int_equal(member_of(id, 0)->type, unknown);
}

static void without_room_nothing_is_known(void **state)
{
	uint32_t unknown = make_unknown();
	const struct part m[] = { { "empty", unknown, 0, 0, 0 },
				  { "a", number, 0, 0, 0 },
				  { "b", number, 8, MEMBER_VIRTUAL, 0 } };
	uint32_t id = struct_of("outer", 0, m, N(m));

	(void)state;
	complete();
	assert_int_equal(member_of(id, 0)->type, unknown);
}

static void what_is_defined_stays(void **state)
{
	const struct part inner = { "x", number, 0, 0, 0 };
	uint32_t known = struct_of("known", 8, &inner, 1);
	const struct part m[] = { { "k", known, 0, 0, 0 },
				  { "p", pointer_to(make_unknown()), 8, 0, 0 } };
	uint32_t id = struct_of("outer", 16, m, N(m)), before = m[1].type;

	(void)state;
	complete();
	assert_int_equal(member_of(id, 0)->type, known);
	assert_int_equal(member_of(id, 1)->type, before);
}

/* The hider of libstdc++'s string is a pointer to its characters. */
static void a_string_has_its_pointer(void **state)
{
	uint32_t letter = add(TYPE_CHAR, "char", 1, TYPE_NONE, 0);
	const struct part arg = { "C", letter, 0, 0, 0 };
	const struct part m[] = {
		{ "_M_dataplus", make_unknown(), 0, 0, 0 },
		{ "_M_string_length", number, 8, 0, 0 },
		{ "_M_local_buf", array_of(letter, 16), 16, 0, 0 } };
	uint32_t id = add_record(TYPE_CLASS,
		"std::__cxx11::basic_string<char>", 32, TYPE_NONE, m, N(m),
		&arg, 1);
	const struct type *hider, *pointer;

	(void)state;
	complete();
	hider = &types.types.at[member_of(id, 0)->type];
	assert_int_equal(hider->size, 8);
	assert_int_equal(hider->n_members, 1);
	pointer = &types.types.at[types.members.at[hider->first_member].type];
	assert_int_equal(pointer->kind, TYPE_POINTER);
	assert_int_equal(pointer->target, letter);
}

static void a_class_that_is_no_string_has_bytes(void **state)
{
	const struct part arg = { "C", byte, 0, 0, 0 };
	const struct part m[] = { { "unknown", make_unknown(), 0, 0, 0 },
				  { "n", number, 8, 0, 0 } };
	uint32_t id = add_record(TYPE_CLASS, "my::basic_string<char>", 16,
				 TYPE_NONE, m, N(m), &arg, 1);

	(void)state;
	complete();
	expect_bytes(member_of(id, 0)->type, 8);
}

static void twice_is_once(void **state)
{
	const struct part m = { "unknown", make_unknown(), 0, 0, 0 };
	uint32_t id = struct_of("outer", 16, &m, 1), once;
	size_t n;

	(void)state;
	complete();
	once = member_of(id, 0)->type;
	n = types.types.len;
	complete();
	assert_int_equal(member_of(id, 0)->type, once);
	assert_int_equal(types.types.len, n);
}

static void an_array_without_end_is_of_any_length(void **state)
{
	uint32_t word = pointer_to(TYPE_NONE), id;
	const struct part m[] = {
		{ "used", number, 0, 0, 0 },
		{ "elements", array_of(word, 0x7fffffff / 8), 8, 0, 0 },
	};
	const struct type *tail;

	(void)state;
	id = struct_of("rep", UINT64_C(8) + 0x7fffffff / 8 * 8, m, N(m));
	complete();
	assert_int_equal(types.types.at[id].size, 8);
	tail = types_tail(&types, id);
	assert_non_null(tail);
	assert_true(tail->flags & TYPE_NO_COUNT);
	assert_int_equal(tail->target, word);
}

static void an_array_that_people_allocate_has_its_length(void **state)
{
	const struct part m = { "page", array_of(byte, 1 << 20), 0, 0, 0 };
	uint32_t id = struct_of("page", 1 << 20, &m, 1);

	(void)state;
	complete();
	assert_int_equal(types.types.at[id].size, 1 << 20);
	assert_false(types_tail(&types, id)->flags & TYPE_NO_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_reaches_to_the_next_member),
		TEST(the_last_member_reaches_to_the_end),
		TEST(a_base_that_is_only_named_counts_too),
		TEST(a_base_where_a_member_stands_is_empty),
		TEST(without_room_nothing_is_known),
		TEST(what_is_defined_stays),
		TEST(a_string_has_its_pointer),
		TEST(a_class_that_is_no_string_has_bytes),
		TEST(an_array_without_end_is_of_any_length),
		TEST(an_array_that_people_allocate_has_its_length),
		TEST(twice_is_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
