/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What can be reached, and by which way.
 *
 * Breadth first, so without recursion; entries are taken in their order and
 * targets in ascending order, so results are repeatable. All can be
 * cancelled.
 *
 * Cost: O(V + E) time; 4 bytes a node for the queue while running.
 */
#ifndef ANALYZE_REACH_H
#define ANALYZE_REACH_H

#include <stdint.h>

#include "analyze/graph.h"
#include "base/bitset.h"
#include "base/err.h"

/* Where to begin and what to follow. All borrowed for the call. */
struct reach_spec {
	const struct graph *graph;
	uint32_t kinds;		/* 1 << enum ref_kind for each allowed kind */
	const uint32_t *entry;	/* [n_entries] nodes; repeats do no harm */
	size_t n_entries;
};

/**
 * Add to @seen what the entries reach, themselves included. Nodes that are in
 * @seen before are neither entered nor passed: so several calls make layers,
 * and nodes to be avoided are put in beforehand.
 *
 * @param seen	[n_nodes], initialised by the caller. Partly filled on error.
 */
bool reach_add(const struct reach_spec *spec, struct bitset *seen,
	       struct err *err) MUST_CHECK;

/* Shortest paths from the entries. */
struct reach_paths {
	uint32_t *from;		/* [n_nodes] node before; NODE_NONE: entry */
	uint32_t *depth;	/* [n_nodes] steps; NODE_NONE: not reached */
};

/**
 * Find a shortest path to each node that the entries reach. Owned by the
 * caller; release with reach_paths_free(). 8 bytes a node are kept.
 *
 * @param members	Nodes that a path may run through; NULL: all.
 */
bool reach_paths_build(const struct reach_spec *spec,
		       const struct bitset *members, struct reach_paths *ret,
		       struct err *err) MUST_CHECK;

void reach_paths_free(struct reach_paths *paths);

#endif
