/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Random graphs for tests and benchmarks.
 *
 * Everything follows from the seed. Graphs own their arrays; release them
 * with graph_free(). Exhausted memory ends the program.
 */
#ifndef TESTS_AID_GRAPH_H
#define TESTS_AID_GRAPH_H

#include <stddef.h>

#include "analyze/graph.h"

/** The next number of a sequence (splitmix64; S. Vigna, 2015). */
uint64_t random_next(uint64_t *seed);

/** A number below @n, which is not 0. */
uint32_t random_below(uint64_t *seed, uint32_t n);

struct edge {
	uint32_t from, to;
	uint8_t kind;
};

/** The graph of @edges, without duplicates (the smallest kind stays). */
struct graph graph_of(uint32_t n_nodes, const struct edge *edges,
		      size_t n_edges);

/**
 * At most @n_edges edges between @n_nodes nodes: self loops and duplicates
 * happen. Each graph favours, by its seed, chains, hubs or neither. Kinds
 * are mostly strong.
 */
struct graph random_graph(uint64_t *seed, uint32_t n_nodes, size_t n_edges);

/**
 * A graph shaped like a heap of @n_nodes blocks and roots: lists, trees,
 * hash tables with values that a list holds too, objects with strings,
 * and hubs that many point at; about 2.7 references a node. Nodes
 * *@first_root .. n_nodes - 1 are roots, which nobody refers to.
 */
struct graph heap_like_graph(uint64_t seed, uint32_t n_nodes,
			     uint32_t *first_root);

/** 0 -> 1 -> 2 ... -> n - 1, and back to 0 if @ring. */
struct graph chain_graph(uint32_t n_nodes, bool ring);

#endif
