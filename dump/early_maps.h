/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Mappings of a process that waits, with figures from before it was stopped.
 *
 * For smaps the kernel looks at every page: 15 ms for 570 MB (measured), half
 * of what it takes to stop and fork such a process. So smaps is read while it
 * still runs, and in the pause only maps, in microseconds. Figures and
 * VmFlags are those of a moment ago then; where a mapping has come since, all
 * are read again.
 *
 * Only for kernels that have PAGEMAP_SCAN: the older way to find the pages
 * that exist has to know which mappings have none.
 */
#ifndef DUMP_EARLY_MAPS_H
#define DUMP_EARLY_MAPS_H

#include "formats/image.h"

struct early_maps {
	struct image image;	/* mappings and their texts only */
	bool usable;
};

/** Before the stop. Release with early_maps_free(). */
void early_maps_read(struct early_maps *ret, uint32_t pid);
void early_maps_free(struct early_maps *early);

/**
 * In the pause: fill image->mappings of process @pid, as proc_maps_read()
 * does.
 *
 * @stale	Gets whether figures are of before, so that a mapping that had
 *		no page may have some.
 */
bool early_maps_finish(const struct early_maps *early, uint32_t pid,
		       struct image *image, bool *stale, struct err *err)
	MUST_CHECK;

#endif
