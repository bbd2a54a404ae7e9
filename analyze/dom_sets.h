/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What sets of nodes retain together, many sets one after the other.
 *
 * All that a set retains lies below the nearest common dominator of its
 * members, and every path from there to it stays below there. So it is what a
 * search from that dominator, below it and around the set, does not find. A
 * set whose top member dominates the others needs no search at all.
 *
 * The answer is exact in the sense of dominators.h, tiers included. Where the
 * searches of all sets would visit more nodes than the budget allows, a set
 * gets the sum over its topmost members instead, which is a lower bound.
 *
 * Cost: O(nodes and references below the common dominator) for each set;
 * 4 bytes and a bit a node, and a bit for each tier and node once a set has
 * no common dominator but the virtual root.
 */
#ifndef ANALYZE_DOM_SETS_H
#define ANALYZE_DOM_SETS_H

#include "analyze/dominators.h"
#include "base/vec.h"

struct dom_sets {
	const struct dom_spec *spec;	/* borrowed; what @dom was built from */
	const struct dominators *dom;	/* borrowed */
	uint64_t budget;	/* nodes that searches may still visit */
	/* Scratch: */
	struct bitset seen;	/* positions; empty between the calls */
	uint32_t *queue;	/* [n_order] */
	uint32_t *parent;	/* [n_order] positions in the tree */
	VEC(uint32_t) set;	/* positions of members, ascending */
	/* [n_tiers + 1] nodes of earlier tiers and nodes left out; or NULL. */
	struct bitset *closed;
};

struct dom_set_sum {
	uint64_t bytes;
	bool exact;		/* false: a lower bound */
};

/** Release with dom_sets_free(). */
bool dom_sets_init(const struct dom_spec *spec, const struct dominators *dom,
		   uint64_t budget, struct dom_sets *ret, struct err *err)
	MUST_CHECK;

void dom_sets_free(struct dom_sets *sets);

/**
 * What the @n nodes of @set retain together, themselves included. Nodes that
 * the tree does not hold do not count; repeats do no harm.
 */
bool dom_set_retained(struct dom_sets *sets, const uint32_t *set, size_t n,
		      struct dom_set_sum *ret, struct err *err) MUST_CHECK;

#endif
