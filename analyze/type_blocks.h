/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which blocks are of a type: all blocks, grouped by row of the histogram.
 *
 * So that five million blocks of one type can be listed at once, without a
 * search through all others.
 *
 * Cost: O(n_blocks); 4 bytes a block are kept, 4 more while running.
 */
#ifndef ANALYZE_TYPE_BLOCKS_H
#define ANALYZE_TYPE_BLOCKS_H

#include "analyze/type_rows.h"

struct type_blocks {
	uint64_t *row;		/* [n_rows + 1] bounds of each type in nodes */
	uint32_t *nodes;	/* [row[n_rows]] blocks by type, then address */
};

/**
 * Group the blocks of @heap by the rows of @types. Blocks of a key that
 * @types does not have are left out. Release with type_blocks_free().
 */
bool type_blocks_build(const struct heap *heap, const struct type_rows *types,
		       struct type_blocks *ret, struct err *err) MUST_CHECK;

void type_blocks_free(struct type_blocks *blocks);

#endif
