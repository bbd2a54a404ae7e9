/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A bounded cursor over bytes that somebody else wrote.
 *
 * Cores, snapshots, ELF files and /proc are read through a `struct bytes`, so
 * no parser does pointer arithmetic on input. The cursor stays inside its
 * bytes and does not move on failure. The first read past the end breaks it:
 * from then on every read yields 0, and one bytes_ok() after a row of reads
 * reports the place. Integers are little-endian.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <string.h>

#include "base/err.h"

struct bytes {
	const uint8_t *start;	/* borrowed; outlives the cursor */
	size_t size;		/* bytes */
	size_t pos;		/* <= size */
	bool broken;
};

static inline struct bytes bytes_of(const void *start, size_t size)
{
	return (struct bytes){ .start = start, .size = size };
}

static inline size_t bytes_left(const struct bytes *b)
{
	return b->broken ? 0 : b->size - b->pos;
}

/** Step over @n bytes and return where they begin; NULL when there are fewer. */
static inline const uint8_t *bytes_take(struct bytes *b, uint64_t n)
{
	const uint8_t *at;

	if (b->broken || n > b->size - b->pos) {
		b->broken = true;
		return NULL;
	}
	at = b->start ? b->start + b->pos : NULL;
	b->pos += (size_t)n;
	return at;
}

static inline uint64_t bytes_int_(struct bytes *b, size_t width)
{
	const uint8_t *p = bytes_take(b, width);
	uint64_t value = 0;

	if (p)
		memcpy(&value, p, width);
	return value;
}

static inline uint8_t bytes_u8(struct bytes *b)
{
	return (uint8_t)bytes_int_(b, 1);
}

static inline uint16_t bytes_u16(struct bytes *b)
{
	return (uint16_t)bytes_int_(b, 2);
}

static inline uint32_t bytes_u32(struct bytes *b)
{
	return (uint32_t)bytes_int_(b, 4);
}

static inline uint64_t bytes_u64(struct bytes *b)
{
	return bytes_int_(b, 8);
}

/** Step to the next multiple of @align (a power of two) or to the end. */
static inline void bytes_align(struct bytes *b, size_t align)
{
	size_t pad = -b->pos & (align - 1);

	(void)bytes_take(b, pad < bytes_left(b) ? pad : bytes_left(b));
}

/** The next @n bytes as a cursor of their own; empty and broken if fewer. */
static inline void bytes_cut(struct bytes *b, uint64_t n, struct bytes *ret)
{
	const uint8_t *at = bytes_take(b, n);

	ret->start = at;
	ret->size = at ? (size_t)n : 0;
	ret->pos = 0;
	ret->broken = !at && n > 0;
}

static inline struct bytes bytes_sub(struct bytes *b, uint64_t n)
{
	struct bytes sub;

	bytes_cut(b, n, &sub);
	return sub;
}

/** Report the first failed read, if there was one, as "truncated <what>". */
static inline bool bytes_ok(const struct bytes *b, const char *what,
			    struct err *err)
{
	return !b->broken ||
	       err_at(err, ERR_FORMAT, b->pos, "truncated %s", what);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "holdfast is built for little-endian machines only");

#endif
