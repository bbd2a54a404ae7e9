/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "analyze/block_sizes.h"
#include "tests/aid_graph.h"

/* Every size near the border, and of any magnitude. */
static void each_block_has_the_size_and_count_that_it_was_given(void **state)
{
	enum { N = 5000 };
	static uint64_t size[N];
	static uint32_t count[N];
	uint64_t seed = 7;
	struct block_sizes sizes;
	struct err err = {0};

	(void)state;
	print_message("seed %u\n", (unsigned)seed);
	for (uint32_t i = 0; i < N; i++)
		size[i] = random_below(&seed, 4) == 0 ?
			  UINT16_MAX - 3 + random_below(&seed, 6) :
			  random_next(&seed) >> random_below(&seed, 64);
	assert_true(block_sizes_of(size, N, &sizes, &err));
	for (uint32_t k = 0; k < 2 * N; k++) {
		uint32_t i = random_below(&seed, N);
		uint64_t most = size[i] < UINT32_MAX ? size[i] : UINT32_MAX;

		count[i] = (uint32_t)(most - (random_below(&seed, 2) ? 0 :
					      random_next(&seed) % (most + 1)));
		block_set_count(&sizes, i, count[i]);
	}
	for (uint32_t i = 0; i < N; i++) {
		assert_true(block_size(&sizes, i) == size[i]);
		assert_int_equal(block_count(&sizes, i), count[i]);
	}
	block_sizes_free(&sizes);
}

/* As in an index that somebody made up. */
static void a_large_block_that_is_not_listed_has_no_bytes(void **state)
{
	const uint64_t size[] = { 100000, 8, 200000 };
	struct block_sizes sizes;
	struct err err = {0};

	(void)state;
	assert_true(block_sizes_of(size, 3, &sizes, &err));
	sizes.size[1] = BLOCK_LARGE;
	assert_int_equal(block_size(&sizes, 1), 0);
	block_set_count(&sizes, 1, 5);
	assert_int_equal(block_count(&sizes, 1), 0);
	assert_int_equal(block_size(&sizes, 0), 100000);
	assert_int_equal(block_size(&sizes, 2), 200000);
	block_sizes_free(&sizes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_block_has_the_size_and_count_that_it_was_given),
		cmocka_unit_test(a_large_block_that_is_not_listed_has_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
