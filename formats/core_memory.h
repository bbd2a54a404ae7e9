/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The memory of a core or snapshot: ranges of addresses over a source.
 */
#ifndef FORMATS_CORE_MEMORY_H
#define FORMATS_CORE_MEMORY_H

#include "formats/core_elf.h"
#include "formats/image.h"

/**
 * Make image->ranges from the PT_LOAD segments: sorted, without overlaps, what
 * lies behind the end of the source absent. With @zero_tails, memory beyond a
 * segment's bytes is zero (snapshots); else it was not dumped (other cores).
 */
bool core_ranges_build(const struct core_elf *elf, struct source *source,
		       bool zero_tails, struct image *image, struct err *err)
	MUST_CHECK;

/** Mark what is mapped, but in no range, as absent. */
bool core_ranges_fill(struct image *image, struct err *err) MUST_CHECK;

/**
 * Mark as torn what of @torn (@n of them, sorted, without overlaps; only start
 * and end count) is captured. False on no memory.
 */
bool core_ranges_tear(struct image *image, const struct range *torn, size_t n);

/**
 * Make the ranges readable: sets image->ops. The memory owns @source from
 * then on (also on failure) and borrows the ranges, which must not change.
 */
bool core_memory_open(struct source *source, struct image *image,
		      struct err *err) MUST_CHECK;

#endif
