/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Sums of waste by what it has in common: places that are alike are one row.
 *
 * Rows that threads made apart are joined in the order of their chunks, so
 * the result is the same at any number of threads.
 */
#ifndef ANALYZE_WASTE_ROWS_H
#define ANALYZE_WASTE_ROWS_H

#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"

enum { WASTE_KEYS = 3 };

struct waste_row {
	uint64_t key[WASTE_KEYS];	/* what they are means its user knows */
	uint64_t count;			/* places */
	uint64_t bytes;			/* wasted */
	uint64_t used, room;		/* elements */
	/* The place that wastes most, of equal ones the first. */
	uint64_t most;			/* its bytes */
	uint32_t sample;		/* node, or what its user says */
	uint32_t holder;		/* who has the sample, or UINT32_MAX */
};

struct waste_rows {
	VEC(struct waste_row) at;
	struct map by_key;	/* hash, or the next free number -> index */
	uint64_t bytes;		/* of all rows */
};

/** Add the sums of @row to those with its key. False: out of memory. */
bool waste_rows_add(struct waste_rows *rows, const struct waste_row *row);

/** Add all of @from, then free it. */
bool waste_rows_join(struct waste_rows *rows, struct waste_rows *from);

/** Most bytes first, then by key. No more may be added. */
void waste_rows_sort(struct waste_rows *rows);

void waste_rows_free(struct waste_rows *rows);

#endif
