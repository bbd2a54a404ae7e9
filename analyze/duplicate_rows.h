/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Blocks of equal content, by who holds them.
 *
 * A map whose keys are copied from a field of its values has as many pairs of
 * copies as entries: one row says so. A content that saves a hundredth of
 * all is a row of its own; the others are summed up where the same types
 * refer to the same kind of blocks. Contents are not looked at.
 *
 * Cost: a few references of each group; 100 bytes a row.
 */
#ifndef ANALYZE_DUPLICATE_ROWS_H
#define ANALYZE_DUPLICATE_ROWS_H

#include "analyze/waste_duplicates.h"
#include "analyze/waste_rows.h"

/**
 * The rows of the texts among @duplicates, or of all else, by bytes saved.
 * Of a row, count is contents, used blocks, bytes what is saved, and sample
 * the group that saves most. Release with waste_rows_free().
 */
bool duplicate_rows_build(const struct heap *heap,
			  const struct duplicates *duplicates, bool texts,
			  struct waste_rows *ret, struct err *err) MUST_CHECK;

#endif
