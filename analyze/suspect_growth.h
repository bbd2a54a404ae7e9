/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What grew between two images, in words: where there is an older one, growth
 * says more about a leak than size does.
 *
 * A place in the dominator tree, or a leak group, is told when it grew by more
 * than a share of what was live before.
 *
 * Source: the suspects by comparison of Eclipse MAT (FindLeaksQuery2):
 * threshold 2 %.
 *
 * Cost: O(places).
 */
#ifndef ANALYZE_SUSPECT_GROWTH_H
#define ANALYZE_SUSPECT_GROWTH_H

#include "analyze/diff.h"

struct growth {
	uint64_t bytes;		/* more than before */
	double share;		/* of the growth of all live bytes; 0: none */
	const char *text;	/* one sentence; in the arena */
};

struct growths {
	VEC(struct growth) at;	/* largest first; leaks behind places */
	struct arena arena;
};

/** Of @digests[0], the older one, and [1]. Release with growths_free(). */
bool growths_build(const struct digest_names *names, const struct diff *diff,
		   const struct digest digests[2], struct growths *ret,
		   struct err *err) MUST_CHECK;

void growths_free(struct growths *growths);

#endif
