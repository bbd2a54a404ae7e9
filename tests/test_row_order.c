/* SPDX-License-Identifier: MIT */
/* An order that is made as it is looked at, against one that is sorted. */
#include "tests/aid_cmocka.h"

#include "base/pool.h"
#include "base/progress.h"
#include "tests/aid_graph.h"
#include "tui/row_order.h"

enum { ROUNDS = 300, MAX = 3000, MANY = 1500000 };

static uint64_t *keys;

static uint64_t key(void *ctx, uint32_t row, int column)
{
	const uint64_t *of = ctx;

	return of[row] + (uint64_t)column;
}

static bool sorts_descending;

/* By key, then as they came: rows were ascending. */
static int by_key(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	if (keys[*x] != keys[*y])
		return (keys[*x] < keys[*y]) != sorts_descending ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

/* Keys of many shapes: few values, huge ones, sorted, all alike. */
static void make_keys(uint64_t *seed, uint32_t n)
{
	uint32_t shape = random_below(seed, 6);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t any = random_next(seed);

		keys[i] = shape == 0 ? any :
			  shape == 1 ? any % 700 :
			  shape == 2 ? any >> random_below(seed, 60) :
			  shape == 3 ? 1000 + any % 5 :
			  shape == 4 ? (uint64_t)i * 3 : UINT64_MAX - i;
	}
}

/* Every @step-th row, or NULL. */
static uint32_t *some_rows(uint32_t n, uint32_t step, uint32_t *len)
{
	uint32_t *rows = step > 1 ? malloc((n + 1) * sizeof(*rows)) : NULL;

	*len = step > 1 ? 0 : n;
	for (uint32_t i = 0; rows && i < n; i += step)
		rows[(*len)++] = i;
	return rows;
}

static void check(uint64_t *seed, uint32_t n, uint32_t step, bool at_once)
{
	struct row_keys by = { key, keys, 0, random_below(seed, 2), at_once };
	uint32_t len, *rows = some_rows(n, step, &len);
	uint32_t *want = malloc((n + 1) * sizeof(*want));
	struct row_order order;
	struct err err = {0};

	for (uint32_t i = 0; i < len; i++)
		want[i] = rows ? rows[i] : i;
	sorts_descending = by.descending;
	if (len > 1)
		qsort(want, len, sizeof(*want), by_key);
	assert_true(row_order_build(rows, len, &by, &order, &err));
	assert_int_equal(order.n, len);
	for (int look = 0; len > 0 && look < 20; look++) {
		uint32_t at = random_below(seed, len);

		assert_int_equal(row_order_at(&order, at), want[at]);
		at = random_below(seed, len);
		assert_int_equal(row_order_find(&order, want[at]), at);
	}
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(row_order_at(&order, i), want[i]);
	assert_int_equal(row_order_find(&order, n), len);
	row_order_free(&order);
	free(want);
}

static void each_position_has_the_row_that_sorting_puts_there(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	keys = malloc(MANY * sizeof(*keys));
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t n = random_below(&seed, MAX);

		make_keys(&seed, n);
		check(&seed, n, 1 + random_below(&seed, 3), round % 2);
	}
	/* Several chunks, by several threads and by one. */
	pool_set_threads(3);
	for (int round = 0; round < 4; round++) {
		make_keys(&seed, MANY);
		check(&seed, MANY, 1 + (uint32_t)round % 2, round < 2);
	}
	pool_set_threads(0);
	free(keys);
}

static void the_first_of_many_are_those_that_sorting_puts_there(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	keys = malloc(MAX * sizeof(*keys));
	sorts_descending = false;
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t n = random_below(&seed, MAX), want[MAX];
		struct row_best best = { .limit = random_below(&seed, 200),
					 .below = UINT64_MAX };
		struct err err = {0};

		make_keys(&seed, n);
		for (uint32_t i = 0; i < n; i++) {
			want[i] = i;
			keys[i] >>= 1;
			assert_true(row_best_offer(&best, i, keys[i]));
		}
		if (n > 1)
			qsort(want, n, sizeof(*want), by_key);
		assert_true(row_best_end(&best, &err));
		assert_int_equal(best.len, n < best.limit ? n : best.limit);
		assert_memory_equal(best.rows, want,
				    best.len * sizeof(*want));
		row_best_free(&best);
	}
	free(keys);
}

static void can_be_cancelled(void **state)
{
	struct row_keys by = { .key = key };
	struct row_order order;
	struct err err = {0};

	(void)state;
	by.ctx = keys = calloc(MAX, sizeof(*keys));
	progress_cancel();
	assert_false(row_order_build(NULL, MAX, &by, &order, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	progress_rearm();
	row_order_free(&order);
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_position_has_the_row_that_sorting_puts_there),
		cmocka_unit_test(the_first_of_many_are_those_that_sorting_puts_there),
		cmocka_unit_test(can_be_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
