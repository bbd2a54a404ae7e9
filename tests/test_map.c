/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/map.h"

static void an_empty_map_has_nothing(void **state)
{
	struct map map = {0};
	struct map_slot slot;
	size_t i = 0;

	(void)state;
	assert_null(map_find(&map, 0));
	assert_int_equal(map_get(&map, 0, 7), 7);
	assert_false(map_next(&map, &i, &slot));
	map_free(&map);
	map_free(&map);
}

static void every_key_is_allowed(void **state)
{
	static const uint64_t keys[] = { 0, 1, UINT64_MAX, UINT64_MAX - 1 };
	struct map map = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(map_set(&map, keys[i], ~keys[i]));
	assert_int_equal(map.len, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(map_get(&map, keys[i], 5) == ~keys[i]);
	map_free(&map);
}

static void a_new_slot_is_zero_and_said_to_be_new(void **state)
{
	struct map map = {0};
	uint64_t *value;
	bool added;

	(void)state;
	value = map_slot(&map, 9, &added);
	assert_true(added && *value == 0);
	*value = 3;
	value = map_slot(&map, 9, &added);
	assert_true(!added && *value == 3);
	assert_int_equal(map.len, 1);
	map_free(&map);
}

static void the_load_stays_below_seven_tenths(void **state)
{
	struct map map = {0};

	(void)state;
	for (uint64_t key = 0; key < 10000; key++) {
		assert_true(map_set(&map, key << 12, key));
		assert_true(map.len * 10 < (map.mask + 1) * 7);
	}
	map_free(&map);
}

/* The oracle: an array of pairs, searched from the front. */
struct naive {
	struct map_slot pairs[3000];
	size_t len;
};

static struct map_slot *naive_find(struct naive *naive, uint64_t key)
{
	for (size_t i = 0; i < naive->len; i++)
		if (naive->pairs[i].key == key)
			return &naive->pairs[i];
	return NULL;
}

static void naive_set(struct naive *naive, uint64_t key, uint64_t value)
{
	struct map_slot *pair = naive_find(naive, key);

	if (!pair)
		pair = &naive->pairs[naive->len++];
	*pair = (struct map_slot){ key, value };
}

static void check_equal(const struct map *map, struct naive *naive)
{
	struct map_slot slot, *pair;
	size_t i = 0, n = 0;

	assert_int_equal(map->len, naive->len);
	for (; map_next(map, &i, &slot); n++) {
		pair = naive_find(naive, slot.key);
		assert_non_null(pair);
		assert_true(pair->value == slot.value);
	}
	assert_int_equal(n, naive->len);
}

/* Keys as addresses are: few, aligned, close together, and far apart. */
static uint64_t random_key(uint64_t *seed, int round)
{
	switch (round % 4) {
	case 0:
		return rng_below(seed, 64);
	case 1:
		return rng_below(seed, 2000) << 4 | UINT64_C(0x7f) << 40;
	case 2:
		return rng_below(seed, 2000) << 52;
	default:
		return rng_next(seed);
	}
}

static void a_map_does_what_a_list_of_pairs_does(void **state)
{
	static struct naive naive;
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 12; round++) {
		struct map map = {0};

		naive.len = 0;
		for (int i = 0; i < 3000; i++) {
			uint64_t key = random_key(&seed, round);
			uint64_t value = rng_next(&seed);
			struct map_slot *pair = naive_find(&naive, key);

			assert_true(map_get(&map, key, 42) ==
				    (pair ? pair->value : 42));
			if (value % 4 == 0)
				continue;
			assert_true(map_set(&map, key, value));
			naive_set(&naive, key, value);
		}
		check_equal(&map, &naive);
		map_free(&map);
	}
}

static void the_order_of_iteration_is_repeatable(void **state)
{
	struct map a = {0}, b = {0};
	struct map_slot from_a, from_b;
	size_t i = 0, j = 0;

	(void)state;
	for (uint64_t key = 0; key < 500; key++) {
		assert_true(map_set(&a, key * key, key));
		assert_true(map_set(&b, key * key, key));
	}
	while (map_next(&a, &i, &from_a)) {
		assert_true(map_next(&b, &j, &from_b));
		assert_true(from_a.key == from_b.key);
	}
	assert_false(map_next(&b, &j, &from_b));
	map_free(&a);
	map_free(&b);
}

static void a_changed_byte_or_length_changes_the_hash(void **state)
{
	unsigned char text[40] = {0};
	struct map seen = {0};

	(void)state;
	for (size_t n = 0; n <= sizeof(text); n++)
		assert_true(map_set(&seen, hash_bytes(text, n, 0), n));
	assert_int_equal(seen.len, sizeof(text) + 1);
	for (size_t i = 0; i < sizeof(text) * 8; i++) {
		text[i / 8] ^= (unsigned char)(1 << i % 8);
		assert_true(map_set(&seen, hash_bytes(text, 40, 0), i));
		assert_true(map_set(&seen, hash_bytes(text, 40, 1), i));
		text[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	assert_int_equal(seen.len, sizeof(text) * 17 + 1);
	map_free(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(every_key_is_allowed),
		cmocka_unit_test(a_new_slot_is_zero_and_said_to_be_new),
		cmocka_unit_test(the_load_stays_below_seven_tenths),
		cmocka_unit_test(a_map_does_what_a_list_of_pairs_does),
		cmocka_unit_test(the_order_of_iteration_is_repeatable),
		cmocka_unit_test(a_changed_byte_or_length_changes_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
