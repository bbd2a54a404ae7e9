/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Integers of variable length (DWARF 5, 7.6), read from a bounded cursor.
 *
 * Bits above the 64th are dropped, as every reader does. A number that does
 * not end within its bytes breaks the cursor.
 */
#ifndef FORMATS_LEB_H
#define FORMATS_LEB_H

#include "base/bytes.h"

/* The bits of one number; *@shift is how many, 64 or more: all. *@last is its
 * last byte. */
static inline uint64_t leb_bits(struct bytes *b, unsigned *shift,
				uint8_t *last)
{
	uint64_t value = 0;

	*shift = 0;
	do {
		*last = bytes_u8(b);
		if (*shift < 64)
			value |= (uint64_t)(*last & 0x7f) << *shift;
		*shift += *shift < 64 ? 7 : 0;
	} while (*last & 0x80);
	return value;
}

static inline uint64_t leb_u64(struct bytes *b)
{
	unsigned shift;
	uint8_t last;

	/* Most have one byte. */
	if (bytes_left(b) > 0 && b->start[b->pos] < 0x80)
		return b->start[b->pos++];
	return leb_bits(b, &shift, &last);
}

static inline int64_t leb_i64(struct bytes *b)
{
	unsigned shift;
	uint8_t last;
	uint64_t value = leb_bits(b, &shift, &last);

	if (shift < 64 && last & 0x40)
		value |= UINT64_MAX << shift;
	return (int64_t)value;
}

#endif
