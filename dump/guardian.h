/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The guardian: the one process that holds another one still.
 *
 * Whoever stops a process, borrows a thread's registers to fork it and keeps
 * a frozen copy of it, may not die in between. The program that people see
 * and kill therefore never traces anything: it asks a small process in a
 * session of its own, that blocks signals, and that undoes everything when
 * the other end of the socket closes, or when it holds the target and has
 * heard nothing for GUARDIAN_PATIENCE_MS (its client may have been stopped
 * with SIGSTOP).
 *
 * One order at a time, in this sequence:
 *
 *     start -> hold -> [fork] -> release -> end
 *
 * All calls are for one thread of the client at a time.
 */
#ifndef DUMP_GUARDIAN_H
#define DUMP_GUARDIAN_H

#include "formats/image.h"

enum { GUARDIAN_PATIENCE_MS = 2000 };

struct guardian;

/** Start the guardian. Release with guardian_end(). */
bool guardian_start(struct guardian **ret, struct err *err) MUST_CHECK;

/**
 * Stop every thread of @pid and fill image->threads (main thread first, then
 * by number). Findings go to image->diag.
 *
 * @param via	Gets a thread through which /proc shows the memory (the main
 *		thread may have exited while others go on).
 */
bool guardian_hold(struct guardian *guardian, uint32_t pid,
		   struct image *image, uint32_t *via, struct err *err)
	MUST_CHECK;

/**
 * Make a frozen copy of the process that is held, and let the process go on.
 *
 * @param child	Gets the pid of the copy, whose memory can be read until
 *		guardian_release().
 * @param why	On failure: why this process cannot be forked. It is still
 *		held then, and unharmed.
 */
bool guardian_fork(struct guardian *guardian, uint32_t *child,
		   struct err *why) MUST_CHECK;

/** "I am alive": call it now and then while the process itself is held. */
void guardian_beat(struct guardian *guardian);

/**
 * Let the process go, or end and reap the copy. False when it had already
 * been let go of for want of a beat: what was read since may be torn.
 */
bool guardian_release(struct guardian *guardian, struct err *err) MUST_CHECK;

/** Undo what is left to undo and end the guardian. NULL is nothing. */
void guardian_end(struct guardian *guardian);

#endif
