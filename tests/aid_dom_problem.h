/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Random questions about dominators, and what they mean as plain graphs.
 *
 * Exhausted memory ends the program.
 */
#ifndef TESTS_AID_DOM_PROBLEM_H
#define TESTS_AID_DOM_PROBLEM_H

#include "analyze/dominators.h"
#include "base/vec.h"

enum { MAX_TIERS = 3, MAX_GROUPS = 4 };

/* A random problem, with the arrays its spec points at. It must not move. */
struct dom_problem {
	struct graph graph;
	struct bitset members;
	struct dom_tier tiers[MAX_TIERS];
	uint64_t group_row[MAX_GROUPS + 1];
	VEC(uint32_t) entries, group_members;
	struct block_sizes sizes;
	struct dom_spec spec;
};

/** At most @max nodes, with tiers, groups, members and kinds. */
void dom_problem_make(struct dom_problem *p, uint64_t *seed, uint32_t max);

void dom_problem_free(struct dom_problem *p);

/** The sizes of @n blocks; release with block_sizes_free(). */
struct block_sizes made_sizes(const uint64_t *bytes, size_t n);

/**
 * The problem as an ordinary flow graph from node spec->graph->n_nodes: what
 * dominators.h says about tiers, members and kinds, put into edges. Groups
 * are the nodes after that one. Release with graph_free().
 */
struct graph dom_problem_flow(const struct dom_spec *spec);

/** @seen[n_nodes]: 1 for what @root reaches without the nodes in @gone. */
void mark_reached(const struct graph *graph, uint32_t root,
		  const uint32_t *gone, size_t n_gone, uint8_t *seen);

/** Bytes of what is reached no more when the nodes of @set are taken out. */
uint64_t removed_bytes(const struct dom_spec *spec, const uint32_t *set,
		       size_t n);

#endif
