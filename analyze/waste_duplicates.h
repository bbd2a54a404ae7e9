/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Blocks of equal content.
 *
 * Blocks whose hash occurs twice are candidates. A pair of bit sets finds
 * most that stand alone without a table of all; the first block of each hash
 * is read, then each other one is compared with it, in the order of the file.
 * First ones are kept in memory up to a bound, else read again.
 *
 * Cost: 8 bits a block, and 30 bytes a candidate.
 */
#ifndef ANALYZE_WASTE_DUPLICATES_H
#define ANALYZE_WASTE_DUPLICATES_H

#include "analyze/waste_contents.h"

enum duplicate_kind {
	DUPLICATE_TEXT,
	DUPLICATE_DATA,
	DUPLICATE_ZEROS,
	N_DUPLICATE_KINDS,
};

struct duplicate_group {
	uint64_t key;		/* block_key() of the first */
	enum duplicate_kind kind;
	uint64_t size;		/* bytes of the content of each */
	uint64_t saved;		/* bytes that all but one take */
	uint32_t count;
	size_t first;		/* in nodes */
};

struct duplicates {
	VEC(struct duplicate_group) groups;	/* by saved, largest first */
	VEC(uint32_t) nodes;	/* group by group, each by address */
	uint64_t bytes;		/* saved by all groups */
	uint64_t count;		/* blocks that are copies of another one */
};

extern const char *const duplicate_kind_names[N_DUPLICATE_KINDS];

/** Release with duplicates_free(). */
bool duplicates_build(const struct waste_contents *contents,
		      struct duplicates *ret, struct err *err) MUST_CHECK;

void duplicates_free(struct duplicates *duplicates);

#endif
