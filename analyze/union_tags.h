/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Numbers beside a union that may say which of its members is there: an enum,
 * a small integer, some bits, in the record that has the union or in a struct
 * inside of it, and in no union themselves.
 *
 * Which one does, and what its values mean, debug information does not say:
 * see infer_tags.c.
 *
 * Cost: O(leaves of the record).
 */
#ifndef ANALYZE_UNION_TAGS_H
#define ANALYZE_UNION_TAGS_H

#include "formats/types.h"

enum {
	UNION_TAGS = 8,		/* of a union: the nearest */
	UNION_TAG_BITS = 16,	/* kept of a value */
};

/* Bits of the unsigned number at @offset: (number >> shift) & mask. */
struct union_tag {
	uint32_t offset;	/* bytes from the start of the record */
	uint8_t bytes;		/* 1, 2, 4 or 8 */
	uint8_t shift, bits;
};

struct union_tags {
	unsigned n;
	struct union_tag at[UNION_TAGS];	/* the nearest first */
};

/** Those of the union at byte @at of @record. */
void union_tags_of(const struct type_table *types, uint32_t record, uint64_t at,
		   struct union_tags *ret);

/** The record in which the innermost union around @leaf lies, and where it
 * begins; TYPE_NONE when there is none. */
uint32_t union_record_of(const struct type_table *types,
			 const struct leaf *leaf, uint64_t *base);

#endif
