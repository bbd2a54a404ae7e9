/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Is a thread that ends the end of its process?
 *
 * With PTRACE_O_TRACEEXIT every thread stops on its way out, its registers
 * and the memory of the process still there. It may be there because it ended
 * itself (exit(2) of one thread), because some thread called exit_group(2),
 * which makes all others end, because of a deadly signal, or because another
 * thread called execve(2), which then waits for it. Which one is told by the
 * exit status (PTRACE_GETEVENTMSG) and by the system call that the threads
 * are in (/proc/PID/task/TID/syscall, proc(5)).
 */
#ifndef DUMP_PROCESS_END_H
#define DUMP_PROCESS_END_H

#include <stdbool.h>
#include <stdint.h>

/**
 * True when thread @tid of @pid, which stands at PTRACE_EVENT_EXIT, is there
 * because of exit_group(2), or is the last one. Its tracer calls this.
 */
bool process_ends(uint32_t pid, uint32_t tid);

#endif
