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
 * Zeros of less than 1 MiB between captured pages are captured with them, and
 * save a program header each. (A range is one segment of the snapshot; ranges
 * do not cross mappings.) Measured with one page in 100 touched over 512 MiB:
 * the snapshot has 21 headers instead of 1,333 and the same size.
 *
 * A forked copy has all of this but memory that the program keeps from its
 * children (MADV_DONTFORK, MADV_WIPEONFORK), private huge pages of hugetlbfs,
 * which it loses when the pool is empty (mm/hugetlb.c, unmap_ref_private()),
 * and shared memory, which goes on changing. These are marked to be copied
 * during the pause: first what is private, then what is shared, IN_PAUSE_MAX
 * bytes in all.
 *
 * Nothing here touches the process: pages are known from pagemap_read(), and
 * what is not in memory is read from files.
 */
#ifndef DUMP_RANGES_H
#define DUMP_RANGES_H

#include "dump/mapped_files.h"
#include "formats/image.h"

enum piece_from {
	FROM_MEMORY,		/* of the process */
	FROM_OBJECT,		/* shared memory that it has not touched */
	FROM_FILE,		/* a module, which does not change */
	FROM_ZEROS,
};

/* A run of captured bytes with one source. */
struct piece {
	uint64_t start, end;	/* addresses */
	enum piece_from from;
	int fd;			/* OBJECT, FILE: borrowed from mapped_files */
	uint64_t offset;	/* OBJECT, FILE: in it */
	/* A forked copy lacks these bytes, or sees them change: they are to be
	 * copied while the process itself is held; or, where that would take
	 * too long, from the process when it runs again. At most one is set. */
	bool in_pause, from_running;
};

/** True for bytes that change once the process goes on. */
static inline bool piece_is_live(const struct piece *piece)
{
	return piece->from == FROM_MEMORY || piece->from == FROM_OBJECT;
}

/* The bytes of all captured ranges, in their order. */
struct plan {
	VEC(struct piece) pieces;
	uint64_t bytes;		/* in all */
};

enum { ZERO_RUN_MERGED = 1 << 20, IN_PAUSE_MAX = 64 << 20 };	/* bytes */

/**
 * Fill image->ranges from its mappings and page runs, and the plan to copy
 * them. Release with plan_free().
 */
bool ranges_plan(struct image *image, const struct mapped_files *files,
		 struct plan *ret, struct err *err) MUST_CHECK;

/**
 * Call when the process was forked and runs again: what the plan takes from
 * the running process is then torn, which is noted in the ranges and counted
 * in image->diag. (Stopped for the whole copy, it is as good as the rest.)
 */
void ranges_forked(struct image *image, const struct plan *plan);

void plan_free(struct plan *plan);

#endif
