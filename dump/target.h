/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Whether a process can be captured, and if not: why, and what to do.
 */
#ifndef DUMP_TARGET_H
#define DUMP_TARGET_H

#include "base/err.h"

/**
 * Look at @pid before anything is done to it. Fails for a process that is
 * gone, ourselves, a single thread, a kernel thread, a zombie, a process with
 * a tracer, and a program that is not 64-bit x86.
 */
bool target_check(uint32_t pid, struct err *err) MUST_CHECK;

/**
 * Explain why the kernel refused to trace @pid with @errnum. Always returns
 * false. Rules: ptrace(2), "Ptrace access mode checking", and Yama's
 * Documentation/admin-guide/LSM/Yama.rst.
 */
bool target_refused(uint32_t pid, int errnum, struct err *err);

#endif
