/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Searching ascending numbers.
 */
#ifndef BASE_SORTED_H
#define BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/** Index of the first of @n ascending numbers that is >= @value, or @n. */
static inline size_t sorted_from(const uint64_t *at, size_t n, uint64_t value)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
