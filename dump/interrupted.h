/* SPDX-License-Identifier: MIT */
/**
 * @file
 * System calls that end with EINTR when their thread is stopped.
 *
 * Most calls are begun again by the kernel when no handler ran; these are not
 * (signal(7), "Interruption of system calls and library functions by stop
 * signals", which is true of ptrace stops, too). Programs seldom expect it.
 */
#ifndef DUMP_INTERRUPTED_H
#define DUMP_INTERRUPTED_H

#include "dump/inject_arch.h"

/**
 * When @regs are those of a thread in such a call, which was stopped before
 * it saw the result, change them so that the kernel begins the call again,
 * unless a handler runs first; true when they were changed.
 */
bool interrupted_restart(struct arch_regs *regs);

#endif
