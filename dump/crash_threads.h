/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Names and ids of the threads in the notes of a kernel's core.
 *
 * The notes have no names, and in a pid namespace they have its ids; /proc
 * tells both (NSpid in /proc/PID/task/TID/status, proc(5)). Snapshots of live
 * processes have the ids that holdfast sees, so these get them, too.
 */
#ifndef DUMP_CRASH_THREADS_H
#define DUMP_CRASH_THREADS_H

#include "formats/image.h"

/** Name the threads of @image, which are those of process @pid. What /proc
 * does not tell stays as it is. */
void crash_threads_name(uint32_t pid, struct image *image);

/** The last number of the line "NSpid:" in @status (NUL-terminated), or 0. */
uint32_t crash_threads_inner_id(const char *status);

#endif
