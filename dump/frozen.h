/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A frozen copy of a process that stands still.
 *
 * One of its threads is made to call clone(CLONE_FILES | CLONE_FS) with no
 * exit signal. The copy is traced from its first moment and never runs: it
 * has registers with which it could only fault, blocks all signals, is killed
 * with its tracer (PTRACE_O_EXITKILL), and is what the kernel ends first when
 * memory gets short. Its parent is the target, which hears nothing of it:
 * children without an exit signal send none and are seen by no wait without
 * __WALL. In the end a thread of the target is made to collect it.
 *
 * With CLONE_FILES the copy has no descriptors of its own: a socket that the
 * target closes is closed.
 */
#ifndef DUMP_FROZEN_H
#define DUMP_FROZEN_H

#include "dump/stop.h"

struct frozen {
	uint32_t pid;		/* of the copy, as we see it */
	uint32_t pid_there;	/* as the target sees it */
	uint32_t parent;	/* the target */
	bool is_dead;		/* and reported to us: its tracer */
};

/**
 * Make a copy of the process whose threads are all held. On failure nothing
 * is changed, and @why says why there is no copy.
 */
bool frozen_make(struct stopped *stopped, struct frozen *ret, struct err *why)
	MUST_CHECK;

/**
 * Kill the copy and have the target collect it.
 *
 * @stopped	Its threads, when they are held (they stay held); or NULL: one
 *		of them is then stopped for a moment.
 */
void frozen_end(struct frozen *frozen, struct stopped *stopped,
		struct diag *diag);

/* The same in steps, for a target whose threads the caller traces. */

/** Kill the copy. */
void frozen_kill(const struct frozen *frozen);

/** True while the killed copy waits to be collected by the target. */
bool frozen_is_left(const struct frozen *frozen);

/** Stop threads of the target, one after the other, until one collects it.
 * They are put into @some, which is the caller's to let go. */
bool frozen_collect(const struct frozen *frozen, struct stopped *some,
		    struct err *why);

/** Forget the killed copy, and note it when nobody has collected it. */
void frozen_forget(struct frozen *frozen, const struct err *why,
		   struct diag *diag);

#endif
