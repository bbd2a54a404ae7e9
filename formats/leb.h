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

static inline uint64_t leb_u64(struct bytes *b)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = bytes_u8(b);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
	} while (byte & 0x80);
	return value;
}

static inline int64_t leb_i64(struct bytes *b)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = bytes_u8(b);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
	} while (byte & 0x80);
	if (shift < 64 && byte & 0x40)
		value |= UINT64_MAX << shift;
	return (int64_t)value;
}

#endif
