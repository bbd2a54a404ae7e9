/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The dominator tree and retained sizes.
 *
 * Node d dominates node v when every path from the entries to v runs through
 * d. A virtual root (id n_nodes) stands before all entries. What a node
 * retains is the sum of bytes over its subtree: what would be freed if it
 * were gone.
 *
 * Entries come in tiers, in order. The tier of a node is the first from
 * which it can be reached over references of the allowed kinds, and
 * references from a later tier to an earlier one do not count: a node first
 * reached in tier k keeps only the in-edges (from nodes and from the virtual
 * root) of tier k. So entries of a later tier hold what no earlier one
 * reaches, and never divide what an earlier one holds.
 *
 * Groups are virtual nodes (ids n_nodes + 1 + g) with edges to their
 * members. A group in a tier is an entry like any other: its subtree is what
 * can be reached only through it, so what all its members retain together is
 * counted once. That is exact where members are reached in no other way.
 *
 * Source: L. Georgiadis, "Linear-time algorithms for dominators and related
 * problems", thesis, Princeton, 2005: Semi-NCA, with path halving (R. E.
 * Tarjan & J. van Leeuwen, JACM 31(2), 1984) and without recursion. Its
 * second phase walks up the tree step by step, which is quadratic for a long
 * list whose values are held by a table too: an ordinary heap. Jump pointers
 * (E. W. Myers, "An applicative random-access stack", IPL 17(5), 1983)
 * bound each walk by the logarithm of the depth.
 *
 * Cost: O(E log V) time, near linear in practice. 20 bytes a node are kept;
 * while running at most 28 bytes a node, or 24 and 8 for each reference to a
 * node that the depth-first search had seen before its source.
 */
#ifndef ANALYZE_DOMINATORS_H
#define ANALYZE_DOMINATORS_H

#include <stdint.h>

#include "analyze/block_sizes.h"
#include "analyze/graph.h"
#include "base/bitset.h"
#include "base/err.h"

/* Entries by id: nodes, or groups as n_nodes + 1 + g. Borrowed. */
struct dom_tier {
	const uint32_t *entry;	/* [n] */
	uint32_t n;
};

/* All borrowed for the call. */
struct dom_spec {
	const struct graph *graph;
	uint32_t kinds;		/* 1 << enum ref_kind for each allowed kind */
	/* Nodes outside do not exist, not even as entries. NULL: all are in. */
	const struct bitset *members;
	const struct dom_tier *tiers;	/* [n_tiers] */
	uint32_t n_tiers;
	/* Members of group g: group_member[group_row[g]] .. [group_row[g + 1]] */
	uint32_t n_groups;
	const uint64_t *group_row;	/* [n_groups + 1] */
	const uint32_t *group_member;	/* node ids; may lie in several groups */
	/* Bytes of the first n_bytes nodes; later ones have 0. */
	const struct block_sizes *sizes;
	uint32_t n_bytes;
};

struct dominators {
	uint32_t n_nodes, n_groups;
	uint32_t n_order;	/* ids in the tree, with root and groups */
	/* By id, [n_nodes + 1 + n_groups]; NODE_NONE when not reached. */
	uint32_t *position;	/* index in order[] */
	uint64_t *retained;	/* bytes; 0 when not reached */
	/* By position, [n_order]: the tree in preorder, the root first. */
	uint32_t *order;	/* id */
	uint32_t *end;		/* position behind the last of the subtree */
};

/**
 * Build the tree. Owned by the caller; release with dom_free().
 * ERR_LIMIT when there are no ids left for groups, ERR_CANCELLED, ERR_NOMEM.
 */
bool dom_build(const struct dom_spec *spec, struct dominators *ret,
	       struct err *err) MUST_CHECK;

void dom_free(struct dominators *dom);

/** The id of the virtual root. */
static inline uint32_t dom_root(const struct dominators *dom)
{
	return dom->n_nodes;
}

/** The id of group @g. */
static inline uint32_t dom_group(const struct dominators *dom, uint32_t g)
{
	return dom->n_nodes + 1 + g;
}

/** True when the tree holds @id. */
static inline bool dom_has(const struct dominators *dom, uint32_t id)
{
	return dom->position[id] != NODE_NONE;
}

/**
 * Children of the id at position p are order[c] for
 * c = p + 1; c < end[p]; c = end[c]. Number of them; O(children).
 */
static inline uint32_t dom_n_children(const struct dominators *dom,
				      uint32_t id)
{
	uint32_t p = dom->position[id], n = 0;

	for (uint32_t c = p + 1; c < dom->end[p]; c = dom->end[c])
		n++;
	return n;
}

/**
 * The id of the parent of @id, its immediate dominator; NODE_NONE for the root
 * and for what is not in the tree. Looks through the positions in between: at
 * most O(n_order), for a whole way up to the root as well.
 */
static inline uint32_t dom_idom(const struct dominators *dom, uint32_t id)
{
	uint32_t p = dom->position[id], q = p;

	if (p == NODE_NONE || p == 0)
		return NODE_NONE;
	do {
		q--;
	} while (q > 0 && dom->end[q] <= p);
	return dom->order[q];
}

/**
 * The position of the parent of each position, 0 for the root; for those who
 * want many. [n_order], owned by the caller; release with bulk_free(). NULL
 * when memory is exhausted.
 */
uint32_t *dom_parents(const struct dominators *dom);

/** True when @above dominates @below, or is the same; both in the tree. */
static inline bool dom_dominates(const struct dominators *dom, uint32_t above,
				 uint32_t below)
{
	uint32_t p = dom->position[above];

	return dom->position[below] - p < dom->end[p] - p;
}

#endif
