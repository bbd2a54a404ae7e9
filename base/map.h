/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A hash map from u64 to u64.
 *
 * Open addressing, linear probing, no deletion; the load stays under 7/10.
 * All-zero is an empty map. Every key is allowed. The order of map_next() is
 * a function of the keys and of the order they came in, so it is repeatable;
 * results that people see are sorted all the same.
 *
 * Cost: 16 bytes a slot, two random memory accesses a look-up.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key, value;
};

struct map {
	struct map_slot *slots;	/* [mask + 1], or NULL */
	uint64_t *used;		/* bits: one a slot */
	size_t mask;
	size_t len;		/* keys in the map */
};

/**
 * The slot of @key, made with value 0 when it is missing; *@added (may be
 * NULL) tells which. NULL when memory is exhausted. Valid until the next
 * map_slot() or map_set().
 */
uint64_t *map_slot(struct map *map, uint64_t key, bool *added);

/** Set @key to @value. False when memory is exhausted. */
bool map_set(struct map *map, uint64_t key, uint64_t value);

/** The value of @key, or NULL. Valid until the map changes. */
const uint64_t *map_find(const struct map *map, uint64_t key);

/** The value of @key, or @missing. */
uint64_t map_get(const struct map *map, uint64_t key, uint64_t missing);

/** Iterate: start with *@i = 0; false at the end. */
bool map_next(const struct map *map, size_t *i, struct map_slot *ret);

void map_free(struct map *map);

/** A good 64-bit mix (finalizer of MurmurHash3; A. Appleby, 2011). */
static inline uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/** Mix @n bytes into @seed; for tables in memory, never for files. */
uint64_t hash_bytes(const void *data, size_t n, uint64_t seed);

#endif
