/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Directed graphs in compressed sparse rows.
 *
 * The edges of node i are target[graph_row(i)] .. target[graph_row(i + 1) - 1],
 * ascending and without duplicates; kind[] runs beside target[]. In the
 * reference graph of a heap the nodes are the blocks in address order, then
 * the roots.
 *
 * Rows are numbers of 32 bits where all edges can be numbered so, of 64 bits
 * otherwise: half as much memory for nearly all heaps, and more of it in the
 * cache. The branch in graph_row() always goes the same way.
 */
#ifndef ANALYZE_GRAPH_H
#define ANALYZE_GRAPH_H

#include <stdint.h>

#include "base/err.h"
#include "base/fetch.h"

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
	/* [n_nodes + 1] One of them; the other is NULL. Read by graph_row(). */
	uint32_t *narrow_row;
	uint64_t *wide_row;	/* where graph_is_wide() */
	uint32_t *target;	/* [graph_n_edges()] */
	uint8_t *kind;		/* enum ref_kind beside target[], or NULL */
};

/** The first edge of @node, or the number of edges for @node = n_nodes. */
static inline uint64_t graph_row(const struct graph *graph, uint32_t node)
{
	return graph->narrow_row ? graph->narrow_row[node] : graph->wide_row[node];
}

/** Set that; rows rise. */
static inline void graph_set_row(struct graph *graph, uint32_t node,
				 uint64_t edge)
{
	if (graph->narrow_row)
		graph->narrow_row[node] = (uint32_t)edge;
	else
		graph->wide_row[node] = edge;
}

static inline uint64_t graph_n_edges(const struct graph *graph)
{
	return graph_row(graph, graph->n_nodes);
}

/** Tell the cache that the row of @node will be looked up. */
FETCH graph_fetch_row(const struct graph *graph, uint32_t node)
{
	if (graph->narrow_row)
		__builtin_prefetch(&graph->narrow_row[node]);
	else
		__builtin_prefetch(&graph->wide_row[node]);
}

/** Whether rows of a graph of so many edges have 64 bits. */
bool graph_is_wide(uint64_t n_edges);

/** Rows are wide from @n_edges on, 2^32 when that is 0: for tests, which
 * cannot make so large a graph. */
void graph_set_wide_from(uint64_t n_edges);

/** Make room for rows of @n_edges edges, all zero; the caller fills them.
 * False when memory is exhausted. */
bool graph_alloc_rows(struct graph *graph, uint64_t n_edges) MUST_CHECK;

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
