/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Sorting millions of rows by a number.
 *
 * A radix sort from the lowest byte up: stable, and free of comparisons.
 * Bytes in which all keys agree are skipped, so sizes cost three or four
 * passes. Reports progress and can be cancelled.
 *
 * Cost: about 0.1 s for 5 million rows; 12 bytes a row while running.
 */
#ifndef TUI_ROW_SORT_H
#define TUI_ROW_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/**
 * Put @rows into ascending order of @keys, which is reordered along with
 * them. After ERR_CANCELLED they are in no order: sort a copy.
 */
bool row_sort(uint32_t *rows, uint64_t *keys, size_t n, struct err *err)
	MUST_CHECK;

#endif
