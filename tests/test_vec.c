/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/vec.h"

struct triple {
	uint64_t a;
	uint32_t b;
	uint8_t c;
};

static void what_was_pushed_is_there_in_order(void **state)
{
	VEC(struct triple) v = {0};

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct triple t = { i * UINT64_C(3), ~i, (uint8_t)i };

		assert_true(vec_push(&v, t));
		assert_int_equal(v.len, i + 1);
		assert_true(v.cap >= v.len);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		assert_true(v.at[i].a == i * UINT64_C(3));
		assert_true(v.at[i].b == ~i);
		assert_int_equal(v.at[i].c, (uint8_t)i);
	}
	vec_free(&v);
	assert_null(v.at);
	assert_int_equal(v.len + v.cap, 0);
}

static void pop_gives_back_the_last(void **state)
{
	VEC(int) v = {0};

	(void)state;
	assert_true(vec_push(&v, 1) && vec_push(&v, 2));
	assert_int_equal(vec_pop(&v), 2);
	assert_true(vec_push(&v, 3));
	assert_int_equal(vec_pop(&v), 3);
	assert_int_equal(vec_pop(&v), 1);
	assert_int_equal(v.len, 0);
	vec_free(&v);
}

static void reserve_makes_room_and_adds_nothing(void **state)
{
	VEC(char) v = {0};
	char *at;

	(void)state;
	assert_true(vec_reserve(&v, 1000));
	assert_int_equal(v.len, 0);
	at = v.at;
	for (int i = 0; i < 1000; i++)
		assert_true(vec_push(&v, (char)i));
	assert_ptr_equal(v.at, at);
	assert_true(vec_reserve(&v, 3));
	assert_ptr_equal(v.at, at);
	vec_free(&v);
}

static void growth_is_geometric(void **state)
{
	VEC(int) v = {0};
	size_t grown = 0, cap = 0;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		assert_true(vec_push(&v, i));
		grown += v.cap != cap;
		cap = v.cap;
	}
	assert_in_range(grown, 1, 40);
	vec_free(&v);
}

static void a_size_that_overflows_is_refused_and_harms_nothing(void **state)
{
	VEC(uint64_t) v = {0};
	/* Volatile, so that the compiler cannot see through it and warn. */
	volatile size_t half = SIZE_MAX / 2, all = SIZE_MAX;

	(void)state;
	assert_true(vec_push(&v, 77));
	assert_false(vec_reserve(&v, half));
	assert_false(vec_reserve(&v, all));
	assert_int_equal(v.len, 1);
	assert_int_equal(v.at[0], 77);
	vec_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_pushed_is_there_in_order),
		cmocka_unit_test(pop_gives_back_the_last),
		cmocka_unit_test(reserve_makes_room_and_adds_nothing),
		cmocka_unit_test(growth_is_geometric),
		cmocka_unit_test(
			a_size_that_overflows_is_refused_and_harms_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
