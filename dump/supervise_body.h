/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the guardian of a supervised program runs: the tracing loop.
 *
 * One process, one thread. It obeys the orders of keeper.h, and ORDER_NEXT,
 * which it answers when there is something to tell: reply.arg is the kind
 * (enum supervise_kind), the thread and the signal. A process that is about
 * to die stands then; one that goes on is held when the client says so.
 * The first reply comes without an order, when the program is traced.
 *
 * Every stop is looked at before it is taken from the kernel (WNOWAIT), so
 * that a signal is delivered even if this process dies in that moment.
 */
#ifndef DUMP_SUPERVISE_BODY_H
#define DUMP_SUPERVISE_BODY_H

#include "dump/keeper.h"
#include "dump/supervise.h"

enum { ORDER_NEXT = ORDER_OTHER };

struct supervise_context {
	const struct supervise_options *options;
	uint32_t pid;		/* of the program, which waits to execute */
	uint32_t client;	/* pid */
};

guardian_body supervise_body;

/* A process that is traced. */
struct traced {
	uint32_t pid;
	int status;		/* owned: /proc/PID/status */
	bool doomed;		/* nothing more is told of it */
	/* What is to be told when somebody asks. */
	bool wants_signal, wants_rss, wants_time;
	uint32_t signal_tid;
	uint64_t rss_limit;	/* bytes, the next one */
	uint64_t due_ns;	/* CLOCK_MONOTONIC, the next one */
};

struct supervision {
	const struct supervise_options *options;
	struct keeper keeper;
	uint32_t program, client;	/* pids */
	bool program_stopped;	/* by job control */
	bool asked;		/* ORDER_NEXT came and was not answered */
	VEC(struct traced) traced;
	/* A process that is about to die; nothing else happens until the
	 * client has heard of it. */
	bool has_last;
	struct supervise_event last;
};

/**
 * Take what the kernel tells of the traced threads and let them go on, until
 * there is no more of it or one of them is about to die.
 */
void trace_events(struct supervision *s);

/** Begin to watch @pid, whose first thread is traced. */
bool trace_add(struct supervision *s, uint32_t pid);

/** What is asked of the kernel for all that is traced. */
uintptr_t trace_options(const struct supervise_options *options);

/** CLOCK_MONOTONIC. */
uint64_t supervise_now_ns(void);

#endif
