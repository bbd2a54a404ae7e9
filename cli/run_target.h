/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Names of the snapshots of `run`.
 *
 *     NAME.PID.core.zst      the process as it died
 *     NAME.PID.2.core.zst    the second snapshot of a program that went on
 *     FILE, FILE.2           the same with -o FILE, and
 *     FILE.PID, FILE.PID.2   of a process that the program started
 *
 * What is added to FILE stands before ".core.zst", where it ends so.
 */
#ifndef CLI_RUN_TARGET_H
#define CLI_RUN_TARGET_H

#include "dump/capture.h"

/**
 * Look at -o before anything is started; a folder becomes options->folder.
 * Fails for standard output, which is the program's, and for a file that may
 * not be replaced.
 */
bool run_target_check(struct capture_options *options, struct err *err)
	MUST_CHECK;

/**
 * The path of the next snapshot.
 *
 * @first	It is of the program itself, not of a child.
 * @number	0 is none.
 */
bool run_target(const struct capture_options *options, uint32_t pid,
		bool first, uint32_t number, char ret[SNAPSHOT_PATH_MAX],
		struct err *err) MUST_CHECK;

#endif
