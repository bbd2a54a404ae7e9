/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An order of millions of rows of which somebody looks at a page.
 *
 * Keys are spread over buckets of their first nine bits, as a float would
 * keep them: one pass, by several threads, and all numbers below 512 are in
 * place. What is left in a bucket is sorted when one of its rows is asked
 * for. Rows that stand in order already, or in the reverse one, cost a look.
 * Rows of equal keys stay as they came.
 *
 * Cost: some 30 ms for 5 M rows, 2 bytes a row while running, 4 kept; a
 * bucket as row_sort.h.
 */
#ifndef TUI_ROW_ORDER_H
#define TUI_ROW_ORDER_H

#include "base/vec.h"
#include "tui/row_sort.h"

/* The number that a row is sorted by. */
struct row_keys {
	uint64_t (*key)(void *ctx, uint32_t row, int column);
	void *ctx;
	int column;		/* for key() */
	bool descending;
	bool at_once;		/* key() may be called from several threads */
};

/* Rows that are in no order yet: positions [first, end). */
struct row_run {
	uint32_t first, end;
};

/* All-zero but for n: rows 0 .. n - 1 in their own order. */
struct row_order {
	uint32_t *rows;		/* [n]; NULL: 0 .. n - 1, forth or back */
	uint32_t n;
	bool back;
	struct row_keys keys;
	VEC(struct row_run) runs;	/* ascending */
};

/**
 * Order @rows (NULL: 0 .. n - 1), which it takes over even on failure, by
 * @keys, whose ctx outlives it. Release with row_order_free(). ERR_CANCELLED.
 */
bool row_order_build(uint32_t *rows, uint32_t n, const struct row_keys *keys,
		     struct row_order *ret, struct err *err) MUST_CHECK;

/** The row at @position (< n). Sorts around it what is not sorted yet; where
 * memory is exhausted that stays as it is. */
uint32_t row_order_at(struct row_order *order, uint32_t position);

/** The position of @row; order->n when it is not there. O(n). */
uint32_t row_order_find(struct row_order *order, uint32_t row);

void row_order_free(struct row_order *order);

#endif
