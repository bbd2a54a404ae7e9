/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Small random heaps whose memory agrees with their references.
 *
 * Each reference stands in a word of its own, so what a reader finds in
 * memory can be told from what it should find. Everything follows from the
 * seed.
 */
#ifndef TESTS_AID_RANDOM_HEAP_H
#define TESTS_AID_RANDOM_HEAP_H

#include "analyze/facts.h"

enum {
	RANDOM_BLOCKS = 40,	/* at most */
	RANDOM_ROOTS = 7,
	RANDOM_NODES = RANDOM_BLOCKS + RANDOM_ROOTS,
	RANDOM_FIELDS = 16,	/* pointers "f0".."f15" in each type */
};

/* A reference between two nodes; registers hold theirs nowhere. */
struct random_ref {
	bool is_there;
	uint8_t kind;		/* enum ref_kind */
	uint32_t slot;		/* number of the word in the source */
};

struct random_heap {
	struct facts facts;	/* states are not filled in */
	struct random_ref refs[RANDOM_NODES][RANDOM_NODES];
};

/** Release with random_heap_free(). */
void random_heap_make(uint64_t *seed, struct random_heap *ret);
void random_heap_free(struct random_heap *heap);

#endif
