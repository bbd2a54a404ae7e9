/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Fixed-size sets of small integers, one bit each.
 */
#ifndef BASE_BITSET_H
#define BASE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct bitset {
	uint64_t *words;	/* [(n + 63) / 64] */
	size_t n;		/* members are 0 .. n - 1 */
};

/** An empty set of @n possible members; false when memory is exhausted. */
static inline bool bitset_init(struct bitset *set, size_t n)
{
	set->words = calloc(n / 64 + 1, sizeof(*set->words));
	set->n = set->words ? n : 0;
	return set->words != NULL;
}

static inline void bitset_free(struct bitset *set)
{
	free(set->words);
	*set = (struct bitset){0};
}

static inline bool bitset_has(const struct bitset *set, size_t i)
{
	return set->words[i / 64] >> i % 64 & 1;
}

static inline void bitset_add(struct bitset *set, size_t i)
{
	set->words[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void bitset_remove(struct bitset *set, size_t i)
{
	set->words[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/** Add @i; true when it was not a member before. */
static inline bool bitset_insert(struct bitset *set, size_t i)
{
	uint64_t bit = UINT64_C(1) << i % 64, old = set->words[i / 64];

	set->words[i / 64] = old | bit;
	return !(old & bit);
}

/** Number of members. */
static inline size_t bitset_count(const struct bitset *set)
{
	size_t count = 0;

	for (size_t i = 0; i < (set->n + 63) / 64; i++)
		count += (size_t)__builtin_popcountll(set->words[i]);
	return count;
}

#endif
