/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A handler of crashes that hangs is ended.
 *
 * Programs and libraries may lie on a file system that does not answer (FUSE,
 * NFS). Whoever opens a file there waits, and no signal but SIGKILL ends
 * that; a time limit of its own is of no use. So a handler does its work in a
 * child, and waits for it without touching any file of the process.
 */
#ifndef DUMP_CRASH_WATCH_H
#define DUMP_CRASH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Fork; true in the child. The parent returns when the child is at its end,
 * with its exit status in *@status, or -1 when it had to be ended: because
 * process @tid was still kept from dying after @held seconds, or because the
 * child was not done after @rest more. Standard input is the child's alone.
 * Where a fork fails, the caller is the child.
 */
bool crash_watch(uint32_t tid, uint64_t held, uint64_t rest, int *status);

#endif
