/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Whether a snapshot is likely to fit on the disk, before anything is done
 * to a process.
 *
 * How far memory can be compressed is known only afterwards: heaps of real
 * programs give 3:1 to 15:1, and zeros cost nothing. So the bounds are wide.
 * With less free space than a twentieth of the memory, a capture would stop
 * the process, fill the disk, and fail: it is refused. With less than half,
 * it is a note. (A disk that gets full on the way leaves no file behind.)
 */
#ifndef DUMP_FREE_SPACE_H
#define DUMP_FREE_SPACE_H

#include "base/diag.h"
#include "base/err.h"

enum { FREE_SPACE_REFUSE = 20, FREE_SPACE_NOTE = 2 };	/* parts of the memory */

/** Bytes of memory that a capture of @pid will find: what is its own, in
 * memory or in swap. 0 when it cannot be told. */
uint64_t free_space_needed(uint32_t pid);

/**
 * Look for room for @bytes of memory where the snapshot @path is to be. What
 * is no file ("-", a pipe, a device) always has room.
 */
bool free_space_suffices(const char *path, uint64_t bytes, struct diag *diag,
			 struct err *err) MUST_CHECK;

/** The same with @free bytes known to be there. */
bool free_space_judge(const char *path, uint64_t bytes, uint64_t free,
		      struct diag *diag, struct err *err) MUST_CHECK;

#endif
