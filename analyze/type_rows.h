/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The histogram of types: how many blocks of each, and what they hold.
 */
#ifndef ANALYZE_TYPE_ROWS_H
#define ANALYZE_TYPE_ROWS_H

#include "analyze/block_key.h"
#include "analyze/dominators.h"
#include "analyze/heap.h"

struct type_row {
	uint64_t key;		/* block_key(), untyped ones not by size */
	uint64_t count, bytes;	/* all live blocks */
	/* Bytes that the blocks retain which no block of the row dominates. */
	uint64_t retained;
	uint64_t leaked_count, leaked_bytes;	/* definite leaks among them */
};

struct type_rows {
	struct type_row *at;	/* [len] by bytes, largest first, then key */
	size_t len;
};

/** Release with type_rows_free(). O(n_nodes). @dom is borrowed. */
bool type_rows_build(const struct heap *heap, const struct dominators *dom,
		     struct type_rows *ret, struct err *err) MUST_CHECK;

void type_rows_free(struct type_rows *rows);

#endif
