/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 16

static bool slot_used(const struct map *map, size_t i)
{
	return map->used[i / 64] >> i % 64 & 1;
}

/* The slot that holds @key, or the free one where it belongs. */
static size_t probe(const struct map *map, uint64_t key)
{
	size_t i = (size_t)hash_u64(key) & map->mask;

	while (slot_used(map, i) && map->slots[i].key != key)
		i = (i + 1) & map->mask;
	return i;
}

static uint64_t *occupy(struct map *map, size_t i, uint64_t key,
			uint64_t value)
{
	map->used[i / 64] |= UINT64_C(1) << i % 64;
	map->slots[i] = (struct map_slot){ key, value };
	map->len++;
	return &map->slots[i].value;
}

static bool grow(struct map *map)
{
	size_t n = map->slots ? (map->mask + 1) * 2 : FIRST_SLOTS, i = 0;
	struct map bigger = { .mask = n - 1 };
	struct map_slot slot;

	bigger.slots = reallocarray(NULL, n, sizeof(*bigger.slots));
	bigger.used = calloc((n + 63) / 64, sizeof(*bigger.used));
	if (!bigger.slots || !bigger.used) {
		map_free(&bigger);
		return false;
	}
	while (map_next(map, &i, &slot))
		occupy(&bigger, probe(&bigger, slot.key), slot.key,
		       slot.value);
	map_free(map);
	*map = bigger;
	return true;
}

/* Whether one key more would bring the load to 7/10. */
static bool is_full(const struct map *map)
{
	return !map->slots ||
	       map->len + 1 >= map->mask / 10 * 7 + map->mask % 10 * 7 / 10;
}

uint64_t *map_slot(struct map *map, uint64_t key, bool *added)
{
	size_t i = map->slots ? probe(map, key) : 0;

	if (added)
		*added = false;
	if (map->slots && slot_used(map, i))
		return &map->slots[i].value;
	if (is_full(map)) {
		if (!grow(map))
			return NULL;
		i = probe(map, key);
	}
	if (added)
		*added = true;
	return occupy(map, i, key, 0);
}

bool map_set(struct map *map, uint64_t key, uint64_t value)
{
	uint64_t *slot = map_slot(map, key, NULL);

	if (slot)
		*slot = value;
	return slot != NULL;
}

const uint64_t *map_find(const struct map *map, uint64_t key)
{
	size_t i;

	if (!map->slots)
		return NULL;
	i = probe(map, key);
	return slot_used(map, i) ? &map->slots[i].value : NULL;
}

uint64_t map_get(const struct map *map, uint64_t key, uint64_t missing)
{
	const uint64_t *value = map_find(map, key);

	return value ? *value : missing;
}

bool map_next(const struct map *map, size_t *i, struct map_slot *ret)
{
	if (!map->slots)
		return false;
	for (; *i <= map->mask; ++*i) {
		if (slot_used(map, *i)) {
			*ret = map->slots[(*i)++];
			return true;
		}
	}
	return false;
}

void map_free(struct map *map)
{
	free(map->slots);
	free(map->used);
	*map = (struct map){0};
}

/* After MurmurHash64A (A. Appleby, 2008): eight bytes at a time. */
uint64_t hash_bytes(const void *data, size_t n, uint64_t seed)
{
	const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
	const unsigned char *p = data;
	uint64_t hash = seed ^ n * m, word;

	for (; n > 0; n -= n < 8 ? n : 8) {
		word = 0;
		memcpy(&word, p, n < 8 ? n : 8);
		p += n < 8 ? n : 8;
		word *= m;
		word ^= word >> 47;
		hash = (hash ^ word * m) * m;
	}
	return hash_u64(hash);
}
