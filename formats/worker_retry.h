/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A worker for many items, each of which may break it.
 *
 * The worker notes in shared memory which item it is busy with. When it
 * crashes or runs out of time or memory, that item is marked as broken, and a
 * new worker does everything again without it. So n bad items cost n
 * attempts, and nothing else.
 */
#ifndef FORMATS_WORKER_RETRY_H
#define FORMATS_WORKER_RETRY_H

#include "formats/worker.h"

#define RETRY_NONE UINT32_MAX
enum { RETRY_MAX_BROKEN = 16 };

/* In memory shared by all attempts; the worker writes to it, so it is not
 * believed. */
struct retry {
	uint32_t busy_with;	/* item, or RETRY_NONE */
	uint32_t n_broken;
	uint32_t broken[RETRY_MAX_BROKEN];
};

/** The work, as worker_body; leaves out what is broken in @retry. */
typedef bool retry_body(void *ctx, struct worker *worker, struct retry *retry);

/** Hears of each item that broke a worker, and how. */
typedef void retry_report(void *ctx, uint32_t item, const struct err *why);

bool retry_is_broken(const struct retry *retry, uint32_t item);

/**
 * Run @body until it ends well.
 *
 * @param n_items	Items are 0..n_items-1; a worker cannot blame others.
 * @param limits	ms is for all attempts together; each gets at most half
 *			of what is left.
 * @param ret		The answer of the last; release with worker_free().
 */
bool worker_run_retry(retry_body *body, retry_report *report, void *ctx,
		      uint32_t n_items, const struct worker_limits *limits,
		      struct bytes *ret, struct err *err) MUST_CHECK;

#endif
