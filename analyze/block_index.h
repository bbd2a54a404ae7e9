/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From an address to the block that holds it.
 *
 * The blocks are cut into regions wherever two neighbours lie more than 64 KiB
 * apart, and around each block of more than 256 KiB; such a block is a region
 * alone. A region of several blocks is cut into cells of 512 bytes (aligned),
 * and a table gives for each cell the first block that ends after the cell
 * begins; the few blocks in a cell are searched by halving. So a look-up is
 * one search among the regions (remembered between calls by
 * block_index_near) and two neighbouring reads.
 *
 * Cost: 4 bytes for each 512 bytes of heap, never more than 2.5 KiB a block
 * however the addresses are strewn. A look-up takes about 20 ns where the
 * cache has what it needs, and up to 400 ns at random in 15 M blocks.
 */
#ifndef ANALYZE_BLOCK_INDEX_H
#define ANALYZE_BLOCK_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/block_sizes.h"
#include "analyze/graph.h"
#include "base/err.h"

struct block_region {
	uint64_t start, end;	/* addresses: of the first block, past the last */
	size_t first_cell;	/* in cells; unused for a region of one block */
	uint32_t first, last;	/* block ids, both in the region */
};

struct block_index {
	/* [n] borrowed; ascending, no overlap */
	const uint64_t *addr;
	struct block_sizes sizes;
	uint32_t n;
	struct block_region *regions;	/* [n_regions] by address */
	size_t n_regions;
	uint32_t *cells;	/* one for each cell of each region, plus one */
};

/**
 * Build over @n blocks. Release with block_index_free(). O(n).
 * ERR_FORMAT when they are out of order, overlap or wrap around.
 */
bool block_index_build(const uint64_t *addr, const struct block_sizes *sizes,
		       uint32_t n, struct block_index *ret, struct err *err)
	MUST_CHECK;

void block_index_free(struct block_index *index);

/** The block with addr <= @at < addr + size, or NODE_NONE. */
uint32_t block_index_find(const struct block_index *index, uint64_t at);

/** As block_index_find(), quicker when @hint was left by the last call. */
uint32_t block_index_near(const struct block_index *index, uint64_t at,
			  size_t *hint);

/** Number of cells. O(1). */
size_t block_index_n_cells(const struct block_index *index);

/**
 * True when no look-up in an index that came from a file leaves its arrays:
 * @n_cells cells that never fall and are n at most. O(regions).
 */
bool block_index_check(const struct block_index *index, size_t n_cells);

/** First block with addr >= @at; n when there is none. */
uint32_t block_index_from(const struct block_index *index, uint64_t at);

#endif
