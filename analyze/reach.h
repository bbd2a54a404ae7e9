/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What can be reached, by which way, and what is held by a set of nodes.
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

/* What would be freed. */
struct retained_sum {
	uint64_t nodes, bytes;
};

/**
 * What a set of nodes retains together: the nodes, members included, that
 * the entries reach, but not by any way that avoids the set. Exact, for any
 * set. Members that are not reached do not count.
 *
 * @param set	[n_set] nodes; repeats do no harm.
 * @param bytes	[n_bytes] of each node; later nodes have none.
 * @param reached	What the entries reach, if it is known; NULL: not.
 * @param gone	NULL, or an initialised bitset [n_nodes] that takes the nodes.
 */
bool retained_set(const struct reach_spec *spec, const uint32_t *set,
		  size_t n_set, const uint64_t *bytes, uint32_t n_bytes,
		  const struct bitset *reached, struct bitset *gone,
		  struct retained_sum *ret, struct err *err) MUST_CHECK;

#endif
