/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What becomes of a process that gets a signal.
 *
 * The kernel tells the tracer of a signal before it looks for a handler. A
 * signal of an instruction (a fault) that is blocked or ignored has its
 * handler taken away before that, so what /proc says then is what happens;
 * force_sig_info_to_task() in kernel/signal.c, signal(7).
 */
#ifndef DUMP_SIGNAL_FATE_H
#define DUMP_SIGNAL_FATE_H

#include <stdbool.h>
#include <stdint.h>

/** True when the default of @signal is to end the process. */
bool signal_ends_by_default(int signal);

/**
 * True when @signal, about to be delivered to a thread, will end the process.
 *
 * @status	Descriptor of /proc/PID/status (any thread's: handlers belong
 *		to the process).
 */
bool signal_is_fatal(int status, int signal);

#endif
