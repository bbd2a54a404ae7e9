/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What else a block could be, by its size and contents alone.
 *
 * For people who doubt a type: all records that fit the block's size are
 * compared with its words (shapes.h), whatever its pointers' declarations say.
 */
#ifndef ANALYZE_ALTERNATIVES_H
#define ANALYZE_ALTERNATIVES_H

#include "analyze/shapes.h"

enum { MAX_ALTERNATIVES = 3 };

struct alternative {
	uint32_t type;
	int score;		/* tenths of a kept promise, see shapes.h */
};

/**
 * The best other types of block @node that nothing contradicts, best first.
 * Returns how many. O(types + blocks). 0 when memory is exhausted, too.
 */
size_t alternatives_find(const struct heap *heap, uint32_t node,
			 struct alternative ret[MAX_ALTERNATIVES]);

#endif
