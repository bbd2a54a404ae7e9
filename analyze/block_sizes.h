/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How large blocks are, and how many elements they hold, in 4 bytes a block.
 *
 * Nearly all blocks are small, and one of fewer than 65535 bytes holds fewer
 * elements than that. So both are numbers of 16 bits; what does not fit stands
 * in a table of the large blocks, which no heap can have many of.
 *
 * Cost: 4 bytes a block, 16 more for each of 64 KiB and more, which is looked
 * up by halving.
 */
#ifndef ANALYZE_BLOCK_SIZES_H
#define ANALYZE_BLOCK_SIZES_H

#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

enum { BLOCK_LARGE = UINT16_MAX };

struct large_block {
	uint64_t size;
	uint32_t block, count;
};

/* Read and written by the functions below. */
struct block_sizes {
	uint16_t *size;		/* [n] bytes; BLOCK_LARGE: see large */
	uint16_t *count;	/* [n] elements, unless the block is large */
	VEC(struct large_block) large;	/* by block */
};

/** Room for @n blocks of no bytes. Release with block_sizes_free(). */
bool block_sizes_init(struct block_sizes *sizes, size_t n) MUST_CHECK;

void block_sizes_free(struct block_sizes *sizes);

/** Set the bytes of @block, once; large ones in ascending order. False when
 * memory is exhausted. */
bool block_set_size(struct block_sizes *sizes, uint32_t block, uint64_t bytes)
	MUST_CHECK;

/** The sizes of @n blocks. Release with block_sizes_free(). */
bool block_sizes_of(const uint64_t *bytes, size_t n, struct block_sizes *ret,
		    struct err *err) MUST_CHECK;

/** What is noted of a block whose size is BLOCK_LARGE; all zero if nothing
 * is. */
struct large_block block_large(const struct block_sizes *sizes, size_t block);

static inline uint64_t block_size(const struct block_sizes *sizes, size_t block)
{
	uint16_t size = sizes->size[block];

	return size < BLOCK_LARGE ? size : block_large(sizes, block).size;
}

static inline uint32_t block_count(const struct block_sizes *sizes,
				   size_t block)
{
	return sizes->size[block] < BLOCK_LARGE ? sizes->count[block] :
	       block_large(sizes, block).count;
}

/** Set the number of elements of @block, whose size is set: no more than it
 * has bytes. */
void block_set_count(struct block_sizes *sizes, size_t block, uint32_t count);

#endif
