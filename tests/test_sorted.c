/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/sorted.h"

enum { MAX = 40 };

static size_t from_slowly(const uint64_t *at, size_t n, uint64_t value)
{
	size_t i = 0;

	while (i < n && at[i] < value)
		i++;
	return i;
}

/* Of every length, with values that occur often, seldom and never. */
static void finds_the_first_that_is_not_less(void **state)
{
	uint64_t seed = rng_seed(), at[MAX];

	(void)state;
	for (size_t n = 0; n < MAX; n++) {
		for (size_t i = 0; i < n; i++)
			at[i] = (i ? at[i - 1] : 0) + rng_below(&seed, 3);
		for (uint64_t value = 0; value < 3 * MAX; value++)
			assert_int_equal(sorted_from(at, n, value),
					 from_slowly(at, n, value));
		assert_int_equal(sorted_from(at, n, UINT64_MAX), n);
	}
}

static void looks_at_nothing_outside_of_the_bounds(void **state)
{
	(void)state;
	for (uint64_t from = 0; from < MAX; from++) {
		for (uint64_t to = from; to < MAX; to++) {
			for (uint64_t edge = 0; edge < MAX; edge++) {
				uint64_t i, want = edge < from ? from :
						   edge > to ? to : edge;

				sorted_skip(i, from, to,
					    (assert_in_range(i, from, to - 1),
					     i < edge));
				assert_int_equal(i, want);
			}
		}
	}
}

static void a_long_row_takes_few_looks(void **state)
{
	unsigned looks = 0;
	uint64_t i;

	(void)state;
	sorted_skip(i, 0, UINT64_MAX, (looks++, i < UINT64_MAX - 5));
	assert_true(i == UINT64_MAX - 5);
	assert_in_range(looks, 1, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_first_that_is_not_less),
		cmocka_unit_test(looks_at_nothing_outside_of_the_bounds),
		cmocka_unit_test(a_long_row_takes_few_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
