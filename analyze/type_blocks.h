/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which blocks are of a type: all that have one key.
 *
 * Cost: O(n_blocks), by several threads: one look at the type of each block,
 * some 10 ms for 10 M blocks. 4 bytes are kept for each block found.
 */
#ifndef ANALYZE_TYPE_BLOCKS_H
#define ANALYZE_TYPE_BLOCKS_H

#include "analyze/block_key.h"

struct type_blocks {
	uint64_t key;		/* block_key(), untyped ones not by size */
	uint32_t *nodes;	/* [n] by address */
	uint64_t n;
};

/** Find the blocks with @key. Release with type_blocks_free(). */
bool type_blocks_build(const struct heap *heap, uint64_t key,
		       struct type_blocks *ret, struct err *err) MUST_CHECK;

void type_blocks_free(struct type_blocks *blocks);

#endif
