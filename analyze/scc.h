/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Strongly connected components.
 *
 * A component with more than one node, or with a node that refers to itself,
 * is a cycle: reference counting alone frees none of it.
 *
 * Source: D. J. Pearce, "A space-efficient algorithm for finding strongly
 * connected components", Information Processing Letters 116(1), 2016, pp.
 * 47-52, after R. E. Tarjan, SIAM J. Comput. 1(2), 1972. One array serves as
 * Tarjan's numbers, low links and components; the two stacks of nodes grow
 * towards each other in another. No recursion.
 *
 * Cost: O(V + E) time. 4 bytes a node are kept; while running 4 more, and 8
 * for each node of the longest path that the search descends.
 */
#ifndef ANALYZE_SCC_H
#define ANALYZE_SCC_H

#include <stdint.h>

#include "analyze/graph.h"
#include "base/bitset.h"
#include "base/err.h"

struct scc {
	uint32_t n_nodes, n_components;
	/* [n_nodes] component; NODE_NONE for nodes left out. */
	uint32_t *component;
};

/**
 * Number the components in reverse topological order: a reference between
 * two of them goes from the higher number to the lower.
 *
 * @param kinds		1 << enum ref_kind for each kind that counts.
 * @param members	Nodes to look at; NULL takes all. Borrowed.
 * @param ret		Owned by the caller; release with scc_free().
 * @param err		ERR_NOMEM or ERR_CANCELLED.
 */
bool scc_build(const struct graph *graph, uint32_t kinds,
	       const struct bitset *members, struct scc *ret, struct err *err)
	MUST_CHECK;

void scc_free(struct scc *scc);

/* The components that are cycles. */
struct scc_cycles {
	uint32_t n;
	uint64_t *row;		/* [n + 1] */
	uint32_t *node;		/* [row[n]] of cycle c from row[c], ascending */
};

/**
 * List the cycles among the components of @scc, by number of component.
 * @graph and @kinds are those it was built from. Owned by the caller;
 * release with scc_cycles_free(). 8 bytes a component while running.
 */
bool scc_cycles_build(const struct graph *graph, uint32_t kinds,
		      const struct scc *scc, struct scc_cycles *ret,
		      struct err *err) MUST_CHECK;

void scc_cycles_free(struct scc_cycles *cycles);

#endif
