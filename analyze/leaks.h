/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Leak roots: where the unreachable part of the heap begins, in groups.
 *
 * Among the unreachable blocks of one verdict, a leak root is a block, or a
 * cycle of blocks, that no other of them refers to. Leak roots with the same
 * signature (signatures.h) form a group: ten thousand lost sessions are one
 * line.
 *
 * Cost: O(V + E) over the unreachable part.
 */
#ifndef ANALYZE_LEAKS_H
#define ANALYZE_LEAKS_H

#include "analyze/block_key.h"
#include "analyze/heap.h"
#include "analyze/signatures.h"
#include "base/vec.h"

struct leak_group {
	enum state verdict;	/* STATE_LEAKED, STATE_STALE, STATE_WEAK */
	bool cycle;		/* each instance is a cycle, not one block */
	uint64_t key;		/* of the largest member */
	uint64_t count;		/* instances */
	uint64_t blocks, bytes;	/* of all instances' members */
	/* Who has a word that refers to it, for stale and weak ones. */
	uint32_t held_by;	/* node, or NODE_NONE */
	uint64_t held_offset;	/* of the word, from the start of the node */
};

struct loss {
	uint64_t blocks, bytes;
};

struct leaks {
	struct leak_group *groups;	/* [n_groups] by lowest address */
	uint32_t n_groups;
	struct signatures signatures;	/* [n_groups] members of one instance */
	uint64_t *rows;		/* [n_groups + 1] bounds of each in nodes */
	uint32_t *nodes;	/* blocks, instance behind instance by address */
	struct loss total[N_STATES];	/* by verdict, indirect blocks too */
};

/** Find the groups; held_by is not known yet. Release with leaks_free(). */
bool leaks_build(const struct heap *heap, struct leaks *ret, struct err *err)
	MUST_CHECK;

/** Fill in held_by and held_offset of the groups, from heap->referrers. */
void leaks_find_holders(const struct heap *heap, struct leaks *leaks);

void leaks_free(struct leaks *leaks);

/**
 * What group @g loses directly, in valgrind's words: of each leak root one
 * block, of a cycle its first. All else that goes with it is lost indirectly.
 * O(instances).
 */
struct loss leaks_direct(const struct heap *heap, const struct leaks *leaks,
			 uint32_t g);

/** The same of all groups of @verdict. */
struct loss leaks_all_direct(const struct heap *heap, const struct leaks *leaks,
			     enum state verdict);

#endif
