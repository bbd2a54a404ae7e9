/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What becomes of a process that gets a signal.
 *
 * The kernel tells the tracer of a signal before it looks for a handler, even
 * of one that is ignored. A signal of an instruction (a fault) that is blocked
 * or ignored has its handler taken away before that, so what /proc says then
 * is what happens; force_sig_info_to_task() in kernel/signal.c, signal(7).
 */
#ifndef DUMP_SIGNAL_FATE_H
#define DUMP_SIGNAL_FATE_H

enum signal_fate {
	FATE_HANDLED,
	FATE_IGNORED,
	FATE_STOPPED,		/* job control */
	FATE_ENDED,		/* the process dies, because somebody wants it */
	FATE_CRASHED,		/* the process dies, and might leave a core */
};

/**
 * What @signal, about to be delivered to a thread, will do.
 *
 * @status	Descriptor of /proc/PID/status (any thread's: handlers belong
 *		to the process). When it cannot be read nothing is known, and
 *		the answer is FATE_HANDLED.
 */
enum signal_fate signal_fate(int status, int signal);

#endif
