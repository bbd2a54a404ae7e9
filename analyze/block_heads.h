/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The first words of blocks, to be had in any order.
 *
 * Contents are read in the order of the file, or a compressed one takes
 * hours. Whoever follows references and wants to know how each target begins
 * has all beginnings read first, once, if it comes to that.
 */
#ifndef ANALYZE_BLOCK_HEADS_H
#define ANALYZE_BLOCK_HEADS_H

#include "analyze/heap.h"
#include "analyze/words.h"
#include "base/bitset.h"

enum { BLOCK_HEAD_WORDS = 2 };

/* Zeros where memory is absent, or the block is no longer than that. */
struct block_head {
	uint64_t word[BLOCK_HEAD_WORDS];
};

struct block_heads {
	/* Set before the first call; borrowed. */
	const struct heap *heap;
	struct window *window;
	const struct bitset *blocks;	/* that can be asked for */
	struct block_head *all;		/* by block; NULL: not read yet */
};

/** That of block @node, wherever the window is. */
void block_head_read(const struct heap *heap, struct window *window,
		     uint32_t node, struct block_head *ret);

/** That of a block of the set. NULL when memory is exhausted. The first call
 * reads all of them, in the order of the file: 16 bytes for each of the set. */
const struct block_head *block_heads_get(struct block_heads *heads,
					 uint32_t node);

void block_heads_free(struct block_heads *heads);

#endif
