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
 * with SIGSTOP; while it runs, a thread of its own gives a beat).
 *
 * One order at a time, in this sequence, which may be repeated:
 *
 *     start -> hold -> [fork -> [hold]] -> release -> end
 *
 * All calls are for one thread of the client at a time. What the guardian's
 * side of each order does stands in dump/keeper.h.
 */
#ifndef DUMP_GUARDIAN_H
#define DUMP_GUARDIAN_H

#include "formats/image.h"

enum { GUARDIAN_PATIENCE_MS = 5000 };

struct guardian;

/* What the guardian process runs with its end of the socket; it ends when
 * this returns. */
typedef void guardian_body(int socket, void *ctx);

/** The body of a guardian that obeys the orders below, and nothing else. */
guardian_body guardian_main;

/** For bodies: wipe the arguments of holdfast, so that "pkill -f holdfast"
 * is not meant for the guardian. */
void guardian_hide_arguments(void);

/**
 * Start a guardian that runs @body with @ctx (of which it has a copy, as of
 * all memory). Best called before much memory is allocated. Release with
 * guardian_end().
 */
bool guardian_start(guardian_body *body, void *ctx, struct guardian **ret,
		    struct err *err) MUST_CHECK;

/** The client's end of the socket, for other orders; see guardian_wire.h.
 * Borrowed. */
int guardian_socket(const struct guardian *guardian);

/* A process whose memory does not change. */
struct guardian_view {
	uint32_t pid;	/* under which /proc shows its memory: of a thread, or
			 * of the copy */
	int mem;	/* its /proc/PID/mem; owned by the caller */
};

/**
 * Stop every thread of @pid, unless it is held already, and fill
 * image->threads (main thread first, then by number). Findings go to
 * image->diag. A copy that there is of it ends once the process stands, so
 * that it can be killed for want of memory at no moment.
 *
 * @ret->pid is a thread, since the main thread may have exited while others
 * go on.
 */
bool guardian_hold(struct guardian *guardian, uint32_t pid,
		   struct image *image, struct guardian_view *ret,
		   struct err *err) MUST_CHECK;

/**
 * Make a frozen copy of the process that is held, and let the process go on.
 *
 * @ret		The copy, which exists until guardian_release().
 * @pause_ns	Gets how long the process stood.
 * @why		On failure: why this process cannot be forked. It is still
 *		held then, and unharmed, unless guardian_release() says else.
 */
bool guardian_fork(struct guardian *guardian, struct guardian_view *ret,
		   uint64_t *pause_ns, struct err *why) MUST_CHECK;

/**
 * Let the process go, or end and reap the copy. False when the process had
 * already been let go of for want of a beat: what was read since may be torn.
 *
 * @pause_ns	Gets how long the process stood; 0 when it had been let go by
 *		guardian_fork(). May be NULL.
 * @diag	Gets what could not be undone. May be NULL.
 */
bool guardian_release(struct guardian *guardian, uint64_t *pause_ns,
		      struct diag *diag, struct err *err) MUST_CHECK;

/** Undo what is left to undo and end the guardian. NULL is nothing. */
void guardian_end(struct guardian *guardian);

#endif
