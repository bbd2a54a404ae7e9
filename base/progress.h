/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How far long work has come, and whether the user wants it to stop.
 *
 * Lower layers report; cli/ and tui/ install the listener that draws. Calls
 * are cheap (a relaxed atomic add), may come from any thread, and do nothing
 * without a listener.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** Called from progress_begin() and now and then after it. */
typedef void progress_listener(void *ctx, const char *phase, uint64_t done,
			       uint64_t total);

/** Call @listener (NULL: none) at most ten times a second. */
void progress_listen(progress_listener *listener, void *ctx);

/** The same, at most every @ms. */
void progress_listen_every(unsigned ms, progress_listener *listener,
			   void *ctx);

/** Enter @phase (a literal: "reading memory"); @total 0 is unknown. */
void progress_begin(const char *phase, uint64_t total);

void progress_add(uint64_t n);

/** Leave the phase; the listener gets phase NULL. */
void progress_end(void);

/** Ask running work to stop; safe in a signal handler. */
void progress_cancel(void);

/** True once the user has asked; long loops look at it every few ms. */
bool progress_cancelled(void);

/** Forget a request to stop: the work that it was meant for is over. */
void progress_rearm(void);

#endif
