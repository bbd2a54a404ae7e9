/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A shortest path to one node, searched from both ends.
 *
 * What is asked of a browser: one block among millions, and the answer before
 * the key is up. A search from the entries alone would see most of the heap
 * before it comes to a leaf, and one from the node alone as well where the
 * node is shared by millions. So both go on in turns, level by level, always
 * the one with fewer references to look at, until they meet.
 *
 * Of several shortest paths it is the one that reach_paths_build() finds: the
 * first entry, and then always the lowest node.
 *
 * Source: I. Pohl, "Bi-directional search", Machine Intelligence 6, 1971.
 *
 * Cost: O(V + E) at worst, for most nodes of a heap some thousand references.
 * 8 bytes for each node near one that was seen.
 */
#ifndef ANALYZE_REACH_ONE_H
#define ANALYZE_REACH_ONE_H

#include "analyze/reach.h"
#include "base/vec.h"

struct reach_one {
	VEC(uint32_t) path;	/* from an entry to the target, both included;
				 * empty: there is none */
};

/**
 * @param spec		The entries; their graph, and the kinds that count.
 * @param referrers	spec->graph the other way round.
 * @param passes	Nodes that a path may run through; NULL: all.
 * @param ret		Owned by the caller; release with reach_one_free().
 */
bool reach_one_build(const struct reach_spec *spec,
		     const struct graph *referrers, uint32_t target,
		     bool (*passes)(const void *ctx, uint32_t node),
		     const void *ctx, struct reach_one *ret, struct err *err)
	MUST_CHECK;

void reach_one_free(struct reach_one *path);

#endif
