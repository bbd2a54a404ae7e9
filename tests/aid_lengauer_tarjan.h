/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Dominators as the textbook has them, to compare with.
 *
 * Source: T. Lengauer & R. E. Tarjan, "A fast algorithm for finding
 * dominators in a flowgraph", ACM TOPLAS 1(1), 1979, pp. 121-141: the simple
 * variant, with buckets and path compression.
 */
#ifndef TESTS_AID_LENGAUER_TARJAN_H
#define TESTS_AID_LENGAUER_TARJAN_H

#include "analyze/graph.h"

/**
 * @param graph	All its edges count, whatever their kinds.
 * @param idom	[n_nodes] NODE_NONE for @root and what it does not reach.
 */
void lengauer_tarjan(const struct graph *graph, uint32_t root,
		     uint32_t *idom);

#endif
