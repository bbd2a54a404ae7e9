/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Data parallel loops with results that do not depend on the thread count.
 *
 * The work 0 .. n - 1 is cut into chunks whose bounds follow from n and
 * @chunk alone, never from the number of threads. A body that writes only to
 * what its chunk owns, or leaves a result for each chunk to be joined in
 * chunk order, gives the same bytes on one thread and on sixty-four.
 *
 * Threads are started by the first loop that can use them and kept, with all
 * signals blocked; a child after fork() starts its own. Loops of different
 * threads take turns. A loop costs a few microseconds.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/**
 * The body of a loop: do items @begin .. @end - 1, which are chunk number
 * @chunk. @worker (< pool_threads()) names scratch space that no other
 * running call uses. False stops the loop.
 */
typedef bool pool_body(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err);

/** Number of threads that pool_run() uses; at least 1. */
unsigned pool_threads(void);

/**
 * Use @n threads; 0, the default, takes HOLDFAST_THREADS from the environment
 * or else the processors that this process may run on.
 */
void pool_set_threads(unsigned n);

/** Number of chunks of a loop over @n items. */
static inline size_t pool_chunks(uint64_t n, uint64_t chunk)
{
	return (size_t)(n / chunk + (n % chunk != 0));
}

/**
 * Run @body over 0 .. @n - 1 in chunks of @chunk items and wait for all. The
 * error of the lowest chunk that failed wins. After progress_cancel() no
 * chunk is begun and the error is ERR_CANCELLED. Loops do not nest.
 */
bool pool_run(uint64_t n, uint64_t chunk, pool_body *body, void *ctx,
	      struct err *err) MUST_CHECK;

#endif
