/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The bytes of a variable whose places a DWARF expression has told
 * (formats/dwarf_expr.h).
 *
 * Cost: a read for each piece; pieces that begin or end inside of a byte are
 * copied bit by bit.
 */
#ifndef FORMATS_DWARF_EXPR_FETCH_H
#define FORMATS_DWARF_EXPR_FETCH_H

#include "formats/dwarf_expr.h"

/**
 * Copy the first @size bytes of what @result describes: from memory,
 * registers (8 bytes each), values and pieces. False when one is lost.
 */
bool expr_fetch(const struct expr_env *env, const struct expr_result *result,
		void *buf, size_t size);

#endif
