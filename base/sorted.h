/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Searching what is in order, in log2(n) steps.
 */
#ifndef BASE_SORTED_H
#define BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/**
 * Set the variable @i to the first index from @from on for which @before is
 * false, or to @to when there is none below. @before is an expression that
 * names @i, true for a first part of the indexes and false for the rest:
 *
 *     sorted_skip(i, 0, n, spans[i].end <= addr);
 *     return i < n && spans[i].start <= addr;
 */
#define sorted_skip(i, from, to, before) \
	do { \
		uint64_t low_ = (from), high_ = (to); \
		while (low_ < high_) { \
			(i) = low_ + (high_ - low_) / 2; \
			if (before) \
				low_ = (i) + 1; \
			else \
				high_ = (i); \
		} \
		(i) = low_; \
	} while (0)

/** Index of the first of @n ascending numbers that is >= @value, or @n. */
static inline size_t sorted_from(const uint64_t *at, size_t n, uint64_t value)
{
	size_t i;

	sorted_skip(i, 0, n, at[i] < value);
	return i;
}

#endif
