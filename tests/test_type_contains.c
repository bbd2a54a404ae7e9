/* SPDX-License-Identifier: MIT */
/* Which records hold a given one, and where. */
#include "tests/aid_types.h"

#include "analyze/type_contains.h"

static struct beginnings begins;
static struct holders holds;

static void build(void)
{
	struct err err = {0};

	assert_true(beginnings_build(&types, &begins, &err));
	assert_true(holders_build(&types, &holds, &err));
}

static void drop(void)
{
	beginnings_free(&begins);
	holders_free(&holds);
}

static uint32_t n_beginning(uint32_t with)
{
	return begins.row[with + 1] - begins.row[with];
}

static uint32_t nth_beginning(uint32_t with, uint32_t i)
{
	return begins.outer[begins.row[with] + i];
}

static uint64_t n_holding(uint32_t inner)
{
	return holds.row[inner + 1] - holds.row[inner];
}

static void expect_holder(uint32_t inner, uint64_t i, uint32_t outer,
			  uint64_t offset)
{
	const struct holder *h = &holds.at[holds.row[inner] + i];

	assert_int_equal(h->outer, outer);
	assert_int_equal(h->offset, offset);
}

static uint32_t make_hook(void)
{
	const struct part m[] = { { "next", pointer_to(number), 0, 0, 0 },
				  { "prev", pointer_to(number), 8, 0, 0 } };

	return struct_of("hook", 16, m, N(m));
}

static void a_base_and_a_first_member_are_beginnings(void **state)
{
	uint32_t hook = make_hook();
	const struct part base[] = { { "", hook, 0, MEMBER_BASE, 0 },
				     { "x", number, 16, 0, 0 } };
	const struct part first[] = { { "link", hook, 0, 0, 0 },
				      { "y", number, 16, 0, 0 } };
	const struct part later[] = { { "z", number, 0, 0, 0 },
				      { "link", hook, 8, 0, 0 } };
	uint32_t a = struct_of("Derived", 24, base, N(base));
	uint32_t b = struct_of("Begins", 24, first, N(first));
	uint32_t c = struct_of("Later", 24, later, N(later));

	(void)state;
	build();
	assert_int_equal(n_beginning(hook), 2);
	assert_int_equal(nth_beginning(hook, 0), a);
	assert_int_equal(nth_beginning(hook, 1), b);
	assert_int_equal(n_beginning(a), 0);
	assert_int_equal(n_holding(hook), 1);
	expect_holder(hook, 0, c, 8);
	drop();
}

static void only_the_next_record_is_a_beginning(void **state)
{
	uint32_t hook = make_hook();
	const struct part m = { "hook", hook, 0, 0, 0 };
	uint32_t middle = struct_of("middle", 16, &m, 1);
	const struct part n = { "middle", middle, 0, 0, 0 };
	uint32_t outer = struct_of("outer", 16, &n, 1);

	(void)state;
	build();
	assert_int_equal(n_beginning(hook), 1);
	assert_int_equal(nth_beginning(hook, 0), middle);
	assert_int_equal(n_beginning(middle), 1);
	assert_int_equal(nth_beginning(middle, 0), outer);
	assert_int_equal(n_holding(hook), 0);
	drop();
}

static void virtual_bases_and_variants_lie_nowhere(void **state)
{
	uint32_t hook = make_hook();
	const struct part virtual_base[] = {
		{ "", hook, 0, MEMBER_BASE | MEMBER_VIRTUAL, 0 } };
	const struct part variant[] = { { "a", hook, 8, MEMBER_VARIANT, 0 } };

	(void)state;
	struct_of("Diamond", 24, virtual_base, 1);
	struct_of("Enum", 24, variant, 1);
	build();
	assert_int_equal(n_beginning(hook), 0);
	assert_int_equal(n_holding(hook), 0);
	drop();
}

static void holders_at_any_depth_add_up_their_offsets(void **state)
{
	uint32_t hook = make_hook();
	const struct part m[] = { { "n", number, 0, 0, 0 },
				  { "hook", hook, 8, 0, 0 } };
	uint32_t middle = struct_of("middle", 24, m, N(m));
	const struct part n[] = { { "n", number, 0, 0, 0 },
				  { "one", middle, 8, 0, 0 },
				  { "two", middle, 32, 0, 0 } };
	uint32_t outer = struct_of("outer", 56, n, N(n));

	(void)state;
	build();
	assert_int_equal(n_holding(hook), 3);
	expect_holder(hook, 0, middle, 8);
	expect_holder(hook, 1, outer, 16);
	expect_holder(hook, 2, outer, 40);
	assert_int_equal(n_holding(middle), 2);
	expect_holder(middle, 0, outer, 8);
	expect_holder(middle, 1, outer, 32);
	drop();
}

static void a_member_of_the_first_member_is_held_at_its_offset(void **state)
{
	uint32_t hook = make_hook();
	const struct part m[] = { { "n", number, 0, 0, 0 },
				  { "hook", hook, 8, 0, 0 } };
	uint32_t first = struct_of("first", 24, m, N(m));
	const struct part n = { "", first, 0, MEMBER_BASE, 0 };
	uint32_t outer = struct_of("outer", 40, &n, 1);

	(void)state;
	build();
	assert_int_equal(n_holding(hook), 2);
	expect_holder(hook, 0, first, 8);
	expect_holder(hook, 1, outer, 8);
	drop();
}

static void elements_of_short_arrays_are_held(void **state)
{
	uint32_t hook = make_hook();
	const struct part few = { "few", array_of(hook, 3), 8, 0, 0 };
	const struct part many = { "many", array_of(hook, 17), 8, 0, 0 };
	uint32_t outer = struct_of("few", 56, &few, 1);

	(void)state;
	struct_of("many", 288, &many, 1);
	build();
	assert_int_equal(n_holding(hook), 3);
	for (uint64_t i = 0; i < 3; i++)
		expect_holder(hook, i, outer, 8 + 16 * i);
	drop();
}

/* Types from a file may hold each other. */
static void types_in_a_circle_come_to_an_end(void **state)
{
	const struct part m[] = { { "n", number, 0, 0, 0 },
				  { "other", number, 8, 0, 0 } };
	uint32_t a = struct_of("a", 16, m, N(m));
	uint32_t b = struct_of("b", 16, m, N(m));

	(void)state;
	types.members.at[types.types.at[a].first_member + 1].type = b;
	types.members.at[types.types.at[b].first_member + 1].type = a;
	types.members.at[types.types.at[a].first_member].type = b;
	build();
	assert_true(n_beginning(b) <= 1);
	assert_true(n_holding(b) > 0);
	drop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_base_and_a_first_member_are_beginnings),
		TEST(only_the_next_record_is_a_beginning),
		TEST(virtual_bases_and_variants_lie_nowhere),
		TEST(holders_at_any_depth_add_up_their_offsets),
		TEST(a_member_of_the_first_member_is_held_at_its_offset),
		TEST(elements_of_short_arrays_are_held),
		TEST(types_in_a_circle_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
