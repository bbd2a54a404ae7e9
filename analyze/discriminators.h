/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Members of a header that say which of the structs with that header a block
 * is: enums, and small numbers called type, kind, tag or tt, in the first
 * words of a block.
 *
 * Not what a value means, only that other values mean other types: blocks
 * with one value are compared with each other and not with the rest.
 */
#ifndef ANALYZE_DISCRIMINATORS_H
#define ANALYZE_DISCRIMINATORS_H

#include "analyze/block_heads.h"
#include "base/map.h"
#include "base/vec.h"
#include "formats/types.h"

/* A number of at most 32 bits. */
struct discriminator {
	uint64_t offset;	/* bytes from the start of the struct */
	uint8_t shift, bits;	/* of the word there */
};

enum { MAX_DISCRIMINATORS = 2 };

struct discriminators {
	const struct type_table *types;	/* borrowed */
	struct map by_type;	/* type -> 1 + index of its first in all */
	VEC(struct discriminator) all;	/* MAX_DISCRIMINATORS each; bits 0: none */
};

/**
 * Those of record @type, also of what it begins with: the first ones, at most
 * MAX_DISCRIMINATORS. Borrowed until the next call. NULL when memory is
 * exhausted. O(members) the first time.
 */
const struct discriminator *discriminators_of(struct discriminators *d,
					      uint32_t type);

/** The values of those of @type in a block that begins with @head, as one
 * number; 0 when there are none. False when memory is exhausted. */
bool discriminators_read(struct discriminators *d, uint32_t type,
			 const struct block_head *head, uint64_t *ret);

void discriminators_free(struct discriminators *d);

#endif
