/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What else a block could be, by its size and contents alone.
 *
 * For people who doubt a type: all records that fit the block's size are
 * compared with its words (shapes.h), whatever its pointers' declarations say.
 * Records of the program come before those of its libraries, and what code
 * handles much before what it hardly names.
 */
#ifndef ANALYZE_ALTERNATIVES_H
#define ANALYZE_ALTERNATIVES_H

#include "analyze/shape_candidates.h"
#include "analyze/shapes.h"

enum { MAX_ALTERNATIVES = 3 };

struct alternative {
	uint32_t type;
	int score;		/* tenths of a kept promise, see shapes.h */
};

/* What all searches in one heap share. */
struct alternatives {
	const struct heap *heap;	/* borrowed */
	struct shape_cache shapes;
	struct size_weights weights;
	struct window window;
	struct shape_candidates candidates;
	uint32_t program;	/* index of its module */
};

/** O(types + blocks). Close after failures, too. */
bool alternatives_open(const struct heap *heap, struct alternatives *ret,
		       struct err *err) MUST_CHECK;

/**
 * The best other types of block @node that nothing contradicts, best first.
 * Returns how many. O(types of its size). 0 when memory is exhausted, too.
 */
size_t alternatives_find(struct alternatives *a, uint32_t node,
			 struct alternative ret[MAX_ALTERNATIVES]);

/** Accepts a zeroed struct. */
void alternatives_close(struct alternatives *a);

#endif
