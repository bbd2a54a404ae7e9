/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Work that may crash, hang or eat all memory, in a process of its own.
 *
 * The worker is forked, so it sees everything the caller sees, has a limit on
 * memory and time, dies with its parent, and can do one thing: answer with
 * bytes. What comes back is as untrusted as a file.
 */
#ifndef FORMATS_WORKER_H
#define FORMATS_WORKER_H

#include "base/bytes.h"

struct worker;

struct worker_limits {
	unsigned seconds;
	unsigned gib;		/* of address space beyond that of the caller */
};

/** The work: false means that it failed. Runs in the forked process. */
typedef bool worker_body(void *ctx, struct worker *worker);

/** Append to the answer; false (and errno) when that is impossible. */
bool worker_answer(struct worker *worker, const void *bytes, size_t n);

/**
 * Run @body and wait for it. Cancelled with progress_cancel().
 *
 * @param ret	The answer; owned by the caller, release with worker_free().
 */
bool worker_run(worker_body *body, void *ctx,
		const struct worker_limits *limits, struct bytes *ret,
		struct err *err) MUST_CHECK;

void worker_free(struct bytes *answer);

#endif
