/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Work that may crash, hang or eat all memory, in a process of its own.
 *
 * The worker is forked, so it sees everything the caller sees, has a limit on
 * memory and time, dies with its parent, and can do one thing: answer with
 * bytes. What comes back is as untrusted as a file. Several may run at once.
 */
#ifndef FORMATS_WORKER_H
#define FORMATS_WORKER_H

#include <sys/types.h>

#include "base/bytes.h"

struct worker;

struct worker_limits {
	uint32_t ms;		/* milliseconds */
	unsigned gib;		/* of address space beyond that of the caller */
};

/* A worker as its caller sees it. */
struct worker_process {
	pid_t pid;
	int end;		/* pipe that closes when the worker ends */
	int answer;		/* memfd */
	int64_t deadline;	/* as worker_now() */
};

/**
 * From now on workers are @uid and @gid, with no other groups: debug
 * information of strangers is read by root, too. Needs that right.
 */
void worker_run_as(uid_t uid, gid_t gid);

/** The work: false means that it failed. Runs in the forked process. */
typedef bool worker_body(void *ctx, struct worker *worker);

/** Append to the answer; false (and errno) when that is impossible. */
bool worker_answer(struct worker *worker, const void *bytes, size_t n);

/** Milliseconds of a clock that only goes forward. */
int64_t worker_now(void);

/**
 * Start @body in a process of its own.
 *
 * @param ret	Must be given to worker_collect() or worker_kill().
 */
bool worker_start(worker_body *body, void *ctx,
		  const struct worker_limits *limits,
		  struct worker_process *ret, struct err *err) MUST_CHECK;

enum { WORKER_MAX = 64 };

/**
 * Wait until one of @at[@n] (at most WORKER_MAX) has ended or is out of time,
 * at most a fifth of a second.
 */
void worker_wait(const struct worker_process *const *at, size_t n);

/** True when worker_collect() would not wait. */
bool worker_is_over(const struct worker_process *process);

/**
 * Wait for the worker and take its answer. One that is out of time is killed;
 * after progress_cancel() every one is.
 *
 * @param ret	The answer; owned by the caller, release with worker_free().
 */
bool worker_collect(struct worker_process *process, struct bytes *ret,
		    struct err *err) MUST_CHECK;

/** End a worker whose answer is not wanted any more. */
void worker_kill(struct worker_process *process);

/** Run @body and wait for it: worker_start() and worker_collect(). */
bool worker_run(worker_body *body, void *ctx,
		const struct worker_limits *limits, struct bytes *ret,
		struct err *err) MUST_CHECK;

void worker_free(struct bytes *answer);

#endif
