/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Directed graphs in compressed sparse rows.
 *
 * The edges of node i are target[row[i]] .. target[row[i + 1] - 1], ascending
 * and without duplicates; kind[] runs beside target[]. In the reference graph
 * of a heap the nodes are the blocks in address order, then the roots.
 */
#ifndef ANALYZE_GRAPH_H
#define ANALYZE_GRAPH_H

#include <stdint.h>

#include "base/err.h"

#define NODE_NONE UINT32_MAX

/*
 * What a reference is. Where several words of one source refer to the same
 * block, the reference takes the smallest of their kinds.
 */
enum ref_kind {
	REF_STRONG,		/* a typed pointer to the start of the block */
	REF_INTERIOR,		/* a typed pointer into the block */
	REF_CONSERVATIVE,	/* a word that is not known to be a pointer */
	REF_META,		/* to type objects and module globals */
	REF_WEAK,		/* known not to own: weak_ptr, list links */
	REF_STALE,		/* a dead word: padding, slack, an ended thread */
	N_REF_KINDS,
};

/* The kinds that keep a block alive, as a mask of 1 << kind. */
enum {
	REF_HOLDING = 1 << REF_STRONG | 1 << REF_INTERIOR |
		      1 << REF_CONSERVATIVE | 1 << REF_META,
};

static inline bool ref_holds(uint8_t kind)
{
	return REF_HOLDING >> kind & 1;
}

struct graph {
	uint32_t n_nodes;	/* < NODE_NONE */
	uint64_t *row;		/* [n_nodes + 1] */
	uint32_t *target;	/* [row[n_nodes]] */
	uint8_t *kind;		/* [row[n_nodes]] enum ref_kind, or NULL */
};

/**
 * The same edges the other way round. Owned by the caller; release with
 * graph_free(). Time O(V + E).
 */
bool graph_reverse(const struct graph *graph, struct graph *ret,
		   struct err *err) MUST_CHECK;

void graph_free(struct graph *graph);

/** Debug check of the invariants above; false when one is broken. */
bool graph_check(const struct graph *graph);

#endif
