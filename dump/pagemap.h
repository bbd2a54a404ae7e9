/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which pages of a process exist, so that no others are touched.
 *
 * Linux >= 6.7 tells runs of pages by PAGEMAP_SCAN, in time proportional to
 * the page tables, and knows the shared zero page; before, /proc/PID/pagemap
 * is read, 8 bytes a page of address space. Formats: kernel documentation,
 * admin-guide/mm/pagemap.rst.
 *
 * A mapping of which smaps counts nothing resident or swapped is not looked
 * at: untouched reservations cost nothing on any kernel.
 */
#ifndef DUMP_PAGEMAP_H
#define DUMP_PAGEMAP_H

#include "formats/image.h"

/**
 * Fill image->page_runs and the mappings' part in it, for mappings that may
 * be read (see mapping_classify()). Runs end at the end of a mapping.
 */
bool pagemap_read(uint32_t pid, struct image *image, struct err *err)
	MUST_CHECK;

enum pagemap_part {
	PAGEMAP_ALL,
	PAGEMAP_NOT_COPIED,	/* what a forked copy lacks, or shows else */
	PAGEMAP_COPIED,		/* plain anonymous memory: pages of a forked copy
				 * are those of the process */
};

/**
 * As pagemap_read(), for a part of the mappings; when both have been read,
 * pagemap_join() puts them together.
 *
 * @look_at_all	Look at mappings, too, that had no page according to smaps:
 *		its figures are old.
 */
bool pagemap_read_part(uint32_t pid, struct image *image,
		       enum pagemap_part part, bool look_at_all,
		       struct err *err) MUST_CHECK;

/** Bring image->page_runs into the order of addresses. */
void pagemap_join(struct image *image);

/** The kind of the page that a word of /proc/PID/pagemap tells of; false
 * when there is none. */
bool pagemap_entry(uint64_t entry, enum page_kind *ret);

/** Append @pages pages from @start on to the runs of the last mapping, which
 * began at index @first. */
bool pagemap_add(struct image *image, size_t first, uint64_t start,
		 uint64_t pages, enum page_kind kind);

#endif
