/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which pages were in memory: by the kernel's list of pages where the image
 * has one, else those that were captured.
 */
#ifndef ANALYZE_RESIDENT_H
#define ANALYZE_RESIDENT_H

#include "formats/image.h"

/* A cursor: questions come in the order of addresses. */
struct resident {
	const struct image *image;	/* borrowed */
	size_t next;		/* run or range that may hold the next page */
	bool by_runs;
};

struct resident resident_of(const struct image *image);

/** Was the page at @addr resident? O(1) amortised. */
bool resident_page(struct resident *resident, uint64_t addr);

/** Bytes of whole resident pages in [@start, @end). */
uint64_t resident_bytes(struct resident *resident, uint64_t start,
			uint64_t end);

#endif
