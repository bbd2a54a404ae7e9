/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Holes in the file of a core: memory that was never touched.
 *
 * The kernel announces untouched memory as if it were in the file and seeks
 * over it (fs/coredump.c, dump_skip()), so a program that reserved 64 GiB
 * leaves a core of 64 GiB with little in it. The file system tells where.
 */
#ifndef DUMP_CORE_HOLES_H
#define DUMP_CORE_HOLES_H

#include "formats/image.h"

/**
 * Append @range, whose bytes stand at range->offset of the plain file @fd, to
 * the ranges of @image: whole pages of holes of ZERO_RUN_MERGED bytes and
 * more as zero, the rest as it is. With @fd -1 the range stays whole.
 */
bool core_holes_split(int fd, const struct range *range, struct image *image,
		      struct err *err) MUST_CHECK;

#endif
