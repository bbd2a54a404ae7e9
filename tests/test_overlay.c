/* SPDX-License-Identifier: MIT */
/* Which raw bytes are seen through, and which stay bytes. */
#include "tests/aid_types.h"

#include "analyze/overlay.h"

/* pair { long first, second; } */
static uint32_t make_pair(void)
{
	const struct part m[] = { { "first", number, 0, 0, 0 },
				  { "second", number, 8, 0, 0 } };

	return struct_of("pair", 16, m, N(m));
}

/* name<first_argument, ...> { unsigned char storage[size]; } */
static uint32_t make_storage(uint64_t size, const struct part *args,
			     uint32_t n_args)
{
	const struct part m = { "storage", array_of(byte, size), 0, 0, 0 };

	return add_record(TYPE_STRUCT, "membuf", size, TYPE_NONE, &m, 1, args,
			  n_args);
}

static void bytes_are_the_argument_of_their_size(void **state)
{
	uint32_t pair = make_pair();
	const struct part args[] = { { "T", pair, 0, 0, 0 },
				     { "A", byte, 0, 0, 0 } };
	uint32_t id = make_storage(16, args, N(args));

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 0)->type, pair);
}

static void bytes_of_another_size_stay_bytes(void **state)
{
	const struct part arg = { "T", make_pair(), 0, 0, 0 };
	uint32_t id = make_storage(24, &arg, 1);
	uint32_t before = member_of(id, 0)->type;

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 0)->type, before);
}

static void two_arguments_of_the_size_decide_nothing(void **state)
{
	const struct part other_member = { "d", array_of(number, 2), 0, 0, 0 };
	const struct part args[] = {
		{ "K", make_pair(), 0, 0, 0 },
		{ "V", struct_of("other", 16, &other_member, 1), 0, 0, 0 },
	};
	uint32_t id = make_storage(16, args, N(args));
	uint32_t before = member_of(id, 0)->type;

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 0)->type, before);
}

static void an_argument_that_is_a_number_is_no_tenant(void **state)
{
	const struct part arg = { "N", number, 8, 1, 0 };
	uint32_t id = make_storage(8, &arg, 1);
	uint32_t before = member_of(id, 0)->type;

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 0)->type, before);
}

static void storage_takes_the_argument_of_the_class_around_it(void **state)
{
	uint32_t pair = make_pair();
	const struct part arg = { "T", pair, 0, 0, 0 };
	uint32_t outer = add_record(TYPE_CLASS, "holder", 1, TYPE_NONE, NULL, 0,
				    &arg, 1);
	const struct part m = { "bytes", array_of(byte, 16), 0, 0, 0 };
	uint32_t id = add_record(TYPE_STRUCT, "holder::storage", 16, outer, &m,
				 1, NULL, 0);

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 0)->type, pair);
}

static void an_empty_base_does_not_hide_storage(void **state)
{
	uint32_t pair = make_pair(), empty = struct_of("empty", 1, NULL, 0);
	const struct part arg = { "T", pair, 0, 0, 0 };
	const struct part m[] = { { "", empty, 0, MEMBER_BASE, 0 },
				  { "bytes", array_of(byte, 16), 0, 0, 0 } };
	uint32_t id = add_record(TYPE_STRUCT, "membuf", 16, TYPE_NONE, m, N(m),
				 &arg, 1);

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 1)->type, pair);
}

static void a_base_with_members_makes_it_no_storage(void **state)
{
	uint32_t pair = make_pair();
	const struct part inner = { "x", byte, 0, 0, 0 };
	uint32_t base = struct_of("base", 1, &inner, 1);
	const struct part arg = { "T", pair, 0, 0, 0 };
	const struct part m[] = { { "", base, 0, MEMBER_BASE, 0 },
				  { "bytes", array_of(byte, 16), 0, 0, 0 } };
	uint32_t id = add_record(TYPE_STRUCT, "name", 16, TYPE_NONE, m, N(m),
				 &arg, 1);

	(void)state;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 1)->type, m[1].type);
}

/* MaybeUninit: union { () nothing; T value; } */
static void a_union_with_nothing_is_its_value(void **state)
{
	uint32_t pair = make_pair(), unit = struct_of("()", 0, NULL, 0);
	const struct part m[] = { { "uninit", unit, 0, 0, 0 },
				  { "value", pair, 0, 0, 0 } };
	uint32_t id = add_record(TYPE_UNION, "MaybeUninit", 16, TYPE_NONE, m,
				 N(m), NULL, 0);

	(void)state;
	overlay_storage(&types);
	assert_int_equal(types.types.at[id].kind, TYPE_STRUCT);
	assert_int_equal(types.types.at[id].n_members, 1);
	assert_int_equal(member_of(id, 0)->type, pair);
}

static void a_union_of_one_is_its_value(void **state)
{
	const struct part m = { "value", make_pair(), 0, 0, 0 };
	uint32_t id = add_record(TYPE_UNION, "room", 16, TYPE_NONE, &m, 1,
				 NULL, 0);

	(void)state;
	overlay_storage(&types);
	assert_int_equal(types.types.at[id].kind, TYPE_STRUCT);
	assert_int_equal(types.types.at[id].n_members, 1);
}

static void a_union_of_two_values_stays_a_union(void **state)
{
	uint32_t pair = make_pair();
	const struct part m[] = { { "a", number, 0, 0, 0 },
				  { "b", pair, 0, 0, 0 } };
	uint32_t id = add_record(TYPE_UNION, "either", 16, TYPE_NONE, m, N(m),
				 NULL, 0);

	(void)state;
	overlay_storage(&types);
	assert_int_equal(types.types.at[id].kind, TYPE_UNION);
	assert_int_equal(types.types.at[id].n_members, 2);
}

static void a_class_is_not_laid_over_itself(void **state)
{
	uint32_t id = make_storage(16, NULL, 0), before;
	const struct part arg = { "Self", id, 0, 0, 0 };
	uint32_t outer = add_record(TYPE_CLASS, "crtp", 1, TYPE_NONE, NULL, 0,
				    &arg, 1);

	(void)state;
	types.types.at[id].scope = outer;
	before = member_of(id, 0)->type;
	overlay_storage(&types);
	assert_int_equal(member_of(id, 0)->type, before);
}

static void twice_is_once(void **state)
{
	uint32_t pair = make_pair(), unit = struct_of("()", 0, NULL, 0);
	const struct part arg = { "T", pair, 0, 0, 0 };
	const struct part m[] = { { "uninit", unit, 0, 0, 0 },
				  { "value", pair, 0, 0, 0 } };
	uint32_t storage = make_storage(16, &arg, 1);
	uint32_t either = add_record(TYPE_UNION, "MaybeUninit", 16, TYPE_NONE,
				     m, N(m), NULL, 0);

	(void)state;
	for (int i = 0; i < 2; i++) {
		overlay_storage(&types);
		assert_int_equal(member_of(storage, 0)->type, pair);
		assert_int_equal(types.types.at[either].n_members, 1);
		assert_int_equal(member_of(either, 0)->type, pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_the_argument_of_their_size),
		TEST(bytes_of_another_size_stay_bytes),
		TEST(two_arguments_of_the_size_decide_nothing),
		TEST(an_argument_that_is_a_number_is_no_tenant),
		TEST(storage_takes_the_argument_of_the_class_around_it),
		TEST(an_empty_base_does_not_hide_storage),
		TEST(a_base_with_members_makes_it_no_storage),
		TEST(a_union_with_nothing_is_its_value),
		TEST(a_union_of_one_is_its_value),
		TEST(a_union_of_two_values_stays_a_union),
		TEST(a_class_is_not_laid_over_itself),
		TEST(twice_is_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
