/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Step three of heap_build(): every word of the image that refers to a block,
 * with its place.
 *
 * The words of all nodes are read once, in the order in which they lie in the
 * file, and never again: types are inferred from this table, and the graph is
 * made of it. Following typed pointers through memory instead would read the
 * file in random order, and a compressed file has none.
 *
 * Parallel over chunks of nodes; contents pass through one window a thread.
 * Cost: about 2 ns a word; 8 bytes a node, and 8 a reference.
 */
#ifndef ANALYZE_RAW_REFS_H
#define ANALYZE_RAW_REFS_H

#include "analyze/heap.h"

struct raw_refs {
	uint64_t *row;		/* [n_nodes + 1] */
	uint32_t *target;	/* [row[n_nodes]] blocks, by place in a row */
	uint32_t *where;	/* [row[n_nodes]] see raw_offset() */
};

/*
 * Places are counted in words from the start of the node, shifted left by
 * one; the low bit says that the word points at the very start of the block.
 * Words beyond the first 2^31 (16 GiB) of a node share the last place.
 */
#define RAW_FAR_WORD (UINT32_MAX >> 1)

/** Bytes from the start of the node to the word; UINT64_MAX when too far. */
static inline uint64_t raw_offset(uint32_t where)
{
	return where >> 1 == RAW_FAR_WORD ? UINT64_MAX : (uint64_t)(where >> 1) * 8;
}

static inline bool raw_is_start(uint32_t where)
{
	return where & 1;
}

/**
 * Read all nodes, and note heap->content. Release with raw_refs_free(). The
 * rows of registers are in no order of meaning.
 */
bool raw_refs_build(struct heap *heap, struct raw_refs *ret, struct err *err)
	MUST_CHECK;

void raw_refs_free(struct raw_refs *raw);

#endif
