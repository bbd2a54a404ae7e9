/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Compressed streams, decoded front to back: zstd, gzip and xz.
 *
 * For files without random access and for pipes. Several streams one after
 * the other (as `cat a.gz b.gz` makes them) count as one.
 */
#ifndef FORMATS_UNPACK_H
#define FORMATS_UNPACK_H

#include <stddef.h>

#include "base/err.h"

enum unpack_kind { UNPACK_NONE, UNPACK_ZSTD, UNPACK_GZIP, UNPACK_XZ };

/* How one format is decoded. */
struct unpack_ops {
	/** NULL when memory is exhausted. */
	void *(*open)(void);
	/**
	 * Decode from @from into @to; *@n_from and *@n_to are what there is on
	 * entry and what was used on return.
	 */
	bool (*next)(void *self, const uint8_t *from, size_t *n_from,
		     uint8_t *to, size_t *n_to, struct err *err);
	/** True when the input may end here. */
	bool (*whole)(const void *self);
	void (*close)(void *self);
};

extern const struct unpack_ops unpack_zstd, unpack_gzip, unpack_xz;

enum { UNPACK_MAGIC = 6 };	/* bytes that unpack_kind_of() looks at */

/** What the first bytes of a file say. */
enum unpack_kind unpack_kind_of(const uint8_t *start, size_t n);

/** The decoder of @kind; NULL for UNPACK_NONE. */
const struct unpack_ops *unpack_ops_of(enum unpack_kind kind);

#endif
