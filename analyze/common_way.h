/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The way that most shortest paths to a set of blocks have in common, in words:
 * "app:server.db -> dict -> dictEntry *[]".
 *
 * Source: the merged paths of Eclipse MAT's FindLeaksQuery: descend while one
 * step keeps 80 % of the blocks.
 *
 * Cost: that of retainers_build(), O(V + E).
 */
#ifndef ANALYZE_COMMON_WAY_H
#define ANALYZE_COMMON_WAY_H

#include "analyze/facts.h"

struct common_way {
	const char *text;	/* in the arena; NULL: no root leads there */
	double share;		/* of the blocks, 0..1: how many lie behind */
};

/** Find the way to the @n > 0 blocks; texts go into @arena. */
bool common_way_find(const struct facts *facts, const uint32_t *blocks,
		     size_t n, struct arena *arena, struct common_way *ret,
		     struct err *err) MUST_CHECK;

#endif
