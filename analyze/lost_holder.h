/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The word that keeps a leak group from being a definite leak.
 *
 * What is stale or weak has such a word: one that lies where nothing is read
 * any more, or that is known not to own. A group of many instances shows the
 * word of one.
 */
#ifndef ANALYZE_LOST_HOLDER_H
#define ANALYZE_LOST_HOLDER_H

#include "analyze/leaks.h"

struct lost_holder {
	uint64_t addr;		/* of the word */
	uint64_t value;
	bool known;		/* of these two: not in a register, captured */
	const char *why;	/* why it does not count: "past the last element" */
};

/** Of @group, which has a holder. O(1). */
struct lost_holder lost_holder_of(const struct heap *heap,
				  const struct leak_group *group);

#endif
