/* SPDX-License-Identifier: MIT */
/* Which numbers beside a union may say what is in it. */
#include "tests/aid_types.h"

#include "analyze/union_tags.h"

static struct union_tags tags;

static uint32_t make_number(const char *name, uint64_t size)
{
	return add(TYPE_INT, name, size, TYPE_NONE, 0);
}

static void the_nearest_numbers_come_first(void **state)
{
	const struct part m[] = {
		{ "id", make_number("int", 4), 0, 0, 0 },
		{ "op", byte, 6, 0, 0 },
		{ "pointer", pointer_to(number), 16, 0, 0 },
		{ "count", number, 24, 0, 0 },	/* too large a number */
	};

	(void)state;
	union_tags_of(&types, struct_of("regexp", 32, m, N(m)), 8, &tags);
	assert_int_equal(tags.n, 2);
	assert_int_equal(tags.at[0].offset, 6);
	assert_int_equal(tags.at[0].bits, 8);
	assert_int_equal(tags.at[1].offset, 0);
	assert_int_equal(tags.at[1].bits, 32);
}

static void what_is_in_a_union_tells_nothing_of_one(void **state)
{
	const struct part in = { "inner", byte, 0, 0, 0 };
	uint32_t both = add_record(TYPE_UNION, "both", 8, TYPE_NONE, &in, 1,
				   NULL, 0);
	const struct part m[] = { { "u", both, 0, 0, 0 } };

	(void)state;
	union_tags_of(&types, struct_of("outer", 8, m, N(m)), 0, &tags);
	assert_int_equal(tags.n, 0);
}

static void of_many_the_nearest_are_kept(void **state)
{
	struct part m[12];

	(void)state;
	for (uint32_t i = 0; i < N(m); i++)
		m[i] = (struct part){ "n", byte, i, 0, 0 };
	union_tags_of(&types, struct_of("many", 24, m, N(m)), 16, &tags);
	assert_int_equal(tags.n, UNION_TAGS);
	for (uint32_t i = 0; i < UNION_TAGS; i++)
		assert_int_equal(tags.at[i].offset, 11 - i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_nearest_numbers_come_first),
		TEST(what_is_in_a_union_tells_nothing_of_one),
		TEST(of_many_the_nearest_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
