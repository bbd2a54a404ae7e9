/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What of a process's memory is captured, and where its bytes come from.
 *
 *   private, anonymous       pages that exist; untouched ones are zeros
 *   shared memory            pages that exist in the object, mapped or not
 *   ELF module, not code     all pages; those not in memory from the file
 *   ELF module, code         the page with the ELF header; changed pages
 *   other private file       changed pages
 *   shared file, device, no access, MADV_DONTDUMP     nothing
 *
 * Zeros of less than 1 MiB between captured pages are captured with them:
 * compressed they are nearly free, and they save a program header each. (A
 * range is one segment of the snapshot; ranges do not cross mappings.)
 *
 * Nothing here touches the process: pages are known from pagemap_read(), and
 * what is not in memory is read from files.
 */
#ifndef DUMP_RANGES_H
#define DUMP_RANGES_H

#include "dump/mapped_files.h"
#include "formats/image.h"

enum piece_from { FROM_MEMORY, FROM_FILE, FROM_ZEROS };

/* A run of captured bytes with one source. */
struct piece {
	uint64_t start, end;	/* addresses */
	enum piece_from from;
	int fd;			/* FROM_FILE: borrowed from the mapped files */
	uint64_t offset;	/* FROM_FILE: in it */
};

/* The bytes of all captured ranges, in their order. */
struct plan {
	VEC(struct piece) pieces;
	uint64_t bytes;		/* in all */
	uint64_t memory_bytes;	/* FROM_MEMORY */
};

enum { ZERO_RUN_MERGED = 1 << 20 };

/**
 * Fill image->ranges from its mappings and page runs, and the plan to copy
 * them. Release with plan_free().
 */
bool ranges_plan(struct image *image, const struct mapped_files *files,
		 struct plan *ret, struct err *err) MUST_CHECK;

void plan_free(struct plan *plan);

#endif
