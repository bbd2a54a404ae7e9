/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Find an instruction that calls the kernel in the code of a process.
 */
#ifndef DUMP_FIND_CALL_H
#define DUMP_FIND_CALL_H

#include "dump/stop.h"

/**
 * Its address: behind it stands a thread that is in a system call; else one
 * in the vdso, or in the code of libc or whatever else is executable. Reads
 * through @mem, /proc/PID/mem.
 */
bool find_call_insn(const struct stopped *stopped, int mem, uint64_t *ret,
		    struct err *why) MUST_CHECK;

#endif
