/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The little of a crash that always fits: what a backtrace needs.
 *
 * Kept are the data of all modules, and of each thread's stack at most
 * TRIM_STACK_MAX bytes from the stack pointer on, which hold its control
 * block, too; and mappings up to TRIM_SMALL, TRIM_SMALL_TOTAL in all, where
 * the dynamic linker keeps its list of modules. The heap, being larger, is
 * left out and said to be absent.
 */
#ifndef DUMP_CRASH_TRIM_H
#define DUMP_CRASH_TRIM_H

#include "dump/ranges.h"

enum {
	TRIM_STACK_MAX = 8 << 20,
	TRIM_SMALL = 64 << 10,
	TRIM_SMALL_TOTAL = 8 << 20,
};

/**
 * Cut the ranges of @image, whose modules and threads are known, and its
 * @plan to that. Both are as they were on failure.
 */
bool crash_trim(struct image *image, struct plan *plan, struct err *err)
	MUST_CHECK;

#endif
