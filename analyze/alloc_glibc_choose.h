/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which of the chunks that look mmapped are?
 *
 * The header of an mmapped chunk is two words at the start of a page, and
 * user data can look just like it; memalign leaves a stale one in front of
 * the real. But malloc keeps count: the true ones do not overlap, are n_mmaps
 * in number, and make mmapped_mem bytes. Where the obvious choice does not
 * add up, the change of least cost that does is searched for among all.
 *
 * Candidates that overlap form groups, each with a few possible subsets; the
 * search adds up what these change, group by group, and drops a sum as soon
 * as the groups left cannot make up for it (dynamic programming over partial
 * sums). Cost: O(candidates) when the obvious choice is right; else at most
 * MAX_SUMS sums are kept.
 */
#ifndef ANALYZE_ALLOC_GLIBC_CHOOSE_H
#define ANALYZE_ALLOC_GLIBC_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mmap_candidate {
	uint64_t base, end;	/* page aligned */
	uint64_t chunk;		/* its header; >= base */
	/*
	 * Candidates that touch or overlap make a row; whether a row fills the
	 * memory between two borders tells real ones from data.
	 */
	bool at_start, at_end;	/* its row begins, ends at a border */
	bool chosen;
};

struct mmap_target {
	uint64_t count, bytes;
	bool surplus;		/* bytes may be less by a small 16 * n: 2.43 */
};

/**
 * Set chosen on the candidates, which are sorted by (base, chunk). *@exact
 * tells whether they add up; without a solution the obvious choice stays, as
 * it does without a target (NULL).
 */
bool glibc_choose(struct mmap_candidate *at, size_t n,
		  const struct mmap_target *target, bool *exact,
		  struct err *err) MUST_CHECK;

#endif
