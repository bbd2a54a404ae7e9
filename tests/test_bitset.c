/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/bitset.h"

/* Beside an array of bool. */
static void a_bit_set_does_what_an_array_of_bool_does(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t n = rng_below(&seed, 200) + 1, members = 0;
		bool naive[200] = {0};
		struct bitset set;

		assert_true(bitset_init(&set, n));
		for (int step = 0; step < 500; step++) {
			size_t i = rng_below(&seed, n);

			switch (rng_below(&seed, 3)) {
			case 0:
				bitset_add(&set, i);
				naive[i] = true;
				break;
			case 1:
				bitset_remove(&set, i);
				naive[i] = false;
				break;
			default:
				assert_int_equal(bitset_insert(&set, i),
						 !naive[i]);
				naive[i] = true;
			}
		}
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(bitset_has(&set, i), naive[i]);
			members += naive[i];
		}
		assert_int_equal(bitset_count(&set), members);
		bitset_free(&set);
	}
}

static void sets_at_the_edges_of_a_word_are_whole(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 127, 128, 129 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct bitset set;

		assert_true(bitset_init(&set, sizes[s]));
		assert_int_equal(bitset_count(&set), 0);
		for (size_t i = 0; i < sizes[s]; i++)
			assert_true(bitset_insert(&set, i));
		assert_int_equal(bitset_count(&set), sizes[s]);
		bitset_free(&set);
	}
}

static void a_set_of_nothing_is_valid(void **state)
{
	struct bitset set;

	(void)state;
	assert_true(bitset_init(&set, 0));
	assert_int_equal(bitset_count(&set), 0);
	bitset_free(&set);
	assert_null(set.words);
	bitset_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bit_set_does_what_an_array_of_bool_does),
		cmocka_unit_test(sets_at_the_edges_of_a_word_are_whole),
		cmocka_unit_test(a_set_of_nothing_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
