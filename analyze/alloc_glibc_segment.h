/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One segment of a glibc heap: chunks side by side, from its first one to the
 * top chunk or to the fence that malloc puts where a segment ends.
 *
 * A header that cannot be one ends a piece of the segment. What lies between
 * it and the place where the chunks go on is not understood: it belongs to
 * no extent, so that its words count as roots.
 */
#ifndef ANALYZE_ALLOC_GLIBC_SEGMENT_H
#define ANALYZE_ALLOC_GLIBC_SEGMENT_H

#include "analyze/alloc_glibc.h"

/*
 * The rings of the bins, as sums: every free chunk and every bin is once a
 * member, once somebody's fd and once somebody's bk, so the three sums over
 * an arena are equal without following a single link.
 */
struct glibc_sums {
	uint64_t members, fd, bk;
};

struct glibc_segment {
	const struct glibc_copy *copy;
	uint32_t copy_number;
	uint64_t arena;		/* address of its malloc_state */
	bool thread;		/* its arena is not main_arena */
	uint64_t start;		/* first chunk */
	uint64_t extent_start;	/* where the extent begins: <= start */
	uint64_t limit;		/* no chunk reaches beyond */
	uint64_t top;		/* the arena's top chunk, here or elsewhere */
	struct glibc_sums *sums;	/* borrowed; added to */
};

enum glibc_end {
	END_TOP,		/* the arena's top chunk came last */
	END_FENCE,
	END_BROKEN,		/* nothing more could be understood */
};

enum glibc_header {
	HEADER_CHUNK,
	HEADER_ACROSS_TOP,	/* top was moved, sizes not yet written */
	HEADER_TOP,
	HEADER_FENCE,
	HEADER_BAD,
};

/** What the header at @at with size word @word is. */
enum glibc_header glibc_header(struct glibc_walk *walk,
			       const struct glibc_segment *seg, uint64_t at,
			       uint64_t word);

/**
 * Walk @seg: adds runs, blocks, free chunks and extents. *@end is how it
 * ended, *@end_at where.
 */
bool glibc_walk_segment(struct glibc_walk *walk,
			const struct glibc_segment *seg, enum glibc_end *end,
			uint64_t *end_at, struct err *err) MUST_CHECK;

/* alloc_glibc_resync.c */

/* What is looked for, and how far a trial must get to be believed. */
enum glibc_trust {
	TRUST_END,	/* a segment: to the top chunk or a fence */
	TRUST_LISTED,	/* a damaged segment: or to a free chunk of a list */
	TRUST_START,	/* a damaged segment: or over 64 chunks */
	TRUST_STEPS,	/* the same for a chunk within a segment */
};

/**
 * Where the chunks of @seg go on: the lowest aligned address >= @from and
 * < @to from which a walk gets far enough. 0 when there is none.
 */
uint64_t glibc_resync(struct glibc_walk *walk, const struct glibc_segment *seg,
		      uint64_t from, uint64_t to, enum glibc_trust trust);

/** Does a walk from @at arrive at the top chunk or at a fence? */
bool glibc_arrives(struct glibc_walk *walk, const struct glibc_segment *seg,
		   uint64_t at);

#endif
