/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What changed between two or more images of a program: by type, by place in
 * the dominator tree, by leak group, and block by block.
 *
 * The first image is compared with the last; with three or more, each row
 * also tells whether it grew at every step between them. What grows each time
 * is what leaks; what grew once may be a cache that has filled.
 *
 * Among the places only those are listed where growth can be told best: a
 * path is left out when nine tenths of its growth are that of one path below
 * it which is listed.
 *
 * Source: growth by path of labels instead of by object is the method of
 * LeakCanary's shark (ObjectGrowthDetector), here on the dominator tree,
 * where what a place holds is counted once. That blocks do not move, so that
 * an address tells which block it is, native heaps have to themselves.
 *
 * Cost: O(labels + paths + blocks).
 */
#ifndef ANALYZE_DIFF_H
#define ANALYZE_DIFF_H

#include "analyze/digest.h"

struct diff_row {
	uint32_t id;		/* label, or path */
	struct tally old, new;
	int64_t growth;		/* bytes; of paths, bytes retained */
	bool grew_every_time;	/* at each step from image to image */
};

struct diff_rows {
	struct diff_row *at;
	size_t len, cap;
};

struct diff {
	/* All types and leak groups that the first or last image has. */
	struct diff_rows types, leaks;
	struct diff_rows paths;		/* places where growth happens */
	/* Block by block; comparable: both images show the same process. */
	struct {
		bool comparable;
		const char *why;	/* half a sentence; a literal */
		/*
		 * The same address, usable size and type: survived. The type
		 * is left aside where one of the images has no types at all.
		 */
		bool by_type;
		struct tally new, gone, survived;
	} blocks;
};

/**
 * Compare @digests[0 .. n - 1], oldest first, n >= 2, which share @names.
 * Rows come with the largest growth first. Release with diff_free().
 */
bool diff_build(const struct digest_names *names, const struct digest *digests,
		size_t n, struct diff *ret, struct err *err) MUST_CHECK;

void diff_free(struct diff *diff);

enum diff_order {
	DIFF_BY_GROWTH,		/* in bytes */
	DIFF_BY_COUNT,		/* growth in blocks or instances */
	DIFF_BY_SIZE,		/* bytes in the last image */
	DIFF_BY_NAME,
};

/** Sort @rows of labels; of @paths when that is not NULL. Largest first. */
void diff_sort(struct diff_rows *rows, const struct labels *labels,
	       const struct holder_paths *paths, enum diff_order order);

#endif
