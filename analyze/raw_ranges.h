/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Arrays behind void pointers, whose elements only the class around names.
 *
 * Vectors with room inside keep what does not depend on the element in a base
 * class: {void *first, *last, *limit}, or {void *first; unsigned size, room}.
 * The elements are one of the template arguments of the classes that the
 * pointer lies in; which one fits the size of the block decides later.
 *
 * The same holds for a class that packs a pointer and some bits into one
 * integer: what it refers to is among its arguments.
 */
#ifndef ANALYZE_RAW_RANGES_H
#define ANALYZE_RAW_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/types.h"

enum { RAW_RANGE_TYPES = 4 };

struct raw_range {
	uint64_t offset;	/* of the pointer, from the outermost type */
	uint64_t used_at, room_at;	/* of the other two words */
	uint8_t size;		/* bytes of the two when they are numbers, or 0:
				 * pointers */
	bool packed;		/* an integer, to one object; no other words */
	uint8_t n_types;
	uint32_t types[RAW_RANGE_TYPES];	/* stripped, innermost class first */
};

/** True when @leaf, a void pointer, begins such an array, or when it is an
 * integer that may have a pointer packed in. */
bool raw_range_of(const struct type_table *types, const struct leaf *leaf,
		  struct raw_range *ret);

#endif
