/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The guardian's side of its orders: hold, fork, release, undo.
 *
 * Runs in a process with one thread, which is the tracer of all that is held.
 * A body that traces a process for reasons of its own (see guardian_start())
 * puts it into @stopped when all its threads stand, says how it is let go,
 * and hands on the orders that it does not know.
 */
#ifndef DUMP_KEEPER_H
#define DUMP_KEEPER_H

#include "dump/frozen.h"
#include "dump/guardian_wire.h"
#include "dump/stop.h"

struct keeper {
	int socket;
	struct stopped stopped;	/* pid 0: nothing is held */
	uint64_t since_ns;	/* CLOCK_MONOTONIC: held since then */
	struct frozen frozen;	/* pid 0: there is no copy */
	bool lapsed;		/* let go for want of a beat */
	/* Lets the threads go on and empties @stopped: stop_resume(), or what
	 * keeps them traced. */
	void (*let_go)(struct stopped *stopped);
	/* Stops a process that is traced while it runs, so that it can be
	 * captured; let_go() follows. NULL: it is not traced when it runs,
	 * and stop_process() does. */
	bool (*stop_again)(uint32_t pid, struct stopped *ret,
			   struct diag *diag, struct err *err);
	/* With stop_again(): have the threads get on that stand at events. */
	void (*attend)(void *ctx);
	void *ctx;
	uintptr_t options;	/* of ptrace, that all threads have then */
};

/** Obey one order, answer it. False when the client is gone. */
bool keeper_obey(struct keeper *keeper, const struct guardian_order *order);

/** True when something stands still on the client's account. */
static inline bool keeper_holds(const struct keeper *keeper)
{
	return keeper->stopped.pid != 0;
}

/** No beat came in time: let go of what is held. */
void keeper_lapse(struct keeper *keeper);

/** The client is gone: let go of what is held, end and reap the copy. */
void keeper_undo(struct keeper *keeper);

#endif
