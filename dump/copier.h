/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The thread of a capture that copies memory into the queue.
 *
 * It reads a frozen copy of the target, or the target itself, which is then
 * let go as soon as all is copied. When the copy has to be given up (memory
 * gets short, or the kernel killed it), the target is held again for what is
 * left, unless the user asked to give up: the rest is then of another moment
 * than the beginning, so torn.
 */
#ifndef DUMP_COPIER_H
#define DUMP_COPIER_H

#include <pthread.h>

#include "dump/guardian.h"
#include "dump/headroom.h"
#include "dump/live_memory.h"
#include "dump/stack_memory.h"

struct copier {
	/* Set before copier_start(); borrowed. */
	struct guardian *guardian;
	uint32_t pid;
	struct image *image;
	const struct plan *plan;
	struct piece_queue *queue;
	struct headroom_watch *watch;	/* NULL: the target stands */
	bool give_up;		/* rather than stop the target again */

	/* The thread's, until copier_join(). */
	pthread_t thread;
	bool started;
	bool forked;		/* there still is a copy */
	bool copied;		/* all of it */
	uint64_t torn_from;	/* memory from this address on is torn */
	uint64_t pause_ns;	/* during which the target stood */
	struct stack_memory *stacks;	/* owned */
	struct diag diag;	/* owned */
	struct err err;
};

/** Without a thread to be had, nothing is copied; copier_join() all the same. */
void copier_start(struct copier *copier);

/** Wait for its end. */
void copier_join(struct copier *copier);

#endif
