/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a guardian and its client say to each other.
 *
 * A socket pair of SOCK_SEQPACKET: orders one way, replies the other, each in
 * one packet of fixed size that never fills the socket, so that a guardian
 * does not wait for a client that was stopped. What is long (registers of all
 * threads, diagnostics) is written to a memory file whose descriptor goes
 * with the reply. Both ends are the same program: integers are native.
 */
#ifndef DUMP_GUARDIAN_WIRE_H
#define DUMP_GUARDIAN_WIRE_H

#include "base/err.h"
#include "formats/image.h"

enum { REPLY_FDS = 2 };	/* HOLD: mem, state; FORK: mem; RELEASE: -1, state */

enum guardian_order_kind {
	ORDER_HOLD,
	ORDER_FORK,
	ORDER_RELEASE,
	ORDER_BEAT,		/* has no reply */
	ORDER_OTHER = 64,	/* from here on: of other bodies */
};

struct guardian_order {
	uint32_t kind;
	uint32_t pid;		/* HOLD */
	uint64_t arg[4];	/* of others */
};

struct guardian_reply {
	uint32_t kind;		/* of the order, or of an event of others */
	bool ok;
	bool lapsed;		/* what was held had been let go already */
	bool has_fd[REPLY_FDS];	/* filled by wire_send_reply(), as n_fds */
	uint32_t n_fds;
	uint32_t pid;		/* HOLD: a thread; FORK: the copy */
	uint64_t pause_ns;	/* FORK, RELEASE */
	uint64_t arg[4];	/* of others */
	struct err err;		/* unless ok */
};

/** Send one packet. False when the other end is gone. */
bool wire_send_order(int socket, const struct guardian_order *order);

/** Send @fds, too; those below 0 are none. They stay the caller's. */
bool wire_send_reply(int socket, const struct guardian_reply *reply,
		     const int fds[REPLY_FDS]);

/** Wait for one packet. False when the other end is gone. */
bool wire_get_order(int socket, struct guardian_order *ret);

/** @fds are the caller's to close; -1 where none came. */
bool wire_get_reply(int socket, struct guardian_reply *ret,
		    int fds[REPLY_FDS]);

/** Threads (tables and register sets) and diagnostics of @image in a memory
 * file; -1 when there is no room. */
int wire_put_state(const struct image *image);

/** Add what is in the memory file to @image; closes it. */
bool wire_take_state(int fd, struct image *image, struct err *err) MUST_CHECK;

#endif
