/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A thread that loads the blocks of a file before somebody asks for them.
 *
 * Whoever reads tells each block that it looks at. Where one follows another
 * in order, the thread loads the next few, so that one processor decodes while
 * another works with what was decoded. Some reads out of order in between do
 * not disturb it. The thread begins with the first run of blocks in order.
 *
 * No lock is held while the process forks, and a child does not read ahead:
 * no thread of its parent would finish what it has begun.
 */
#ifndef FORMATS_READ_AHEAD_H
#define FORMATS_READ_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { READ_AHEAD_BLOCKS = 4, READ_AHEAD_RUNS = 4 };

struct read_ahead {
	void (*load)(void *ctx, uint64_t block);
	void *ctx;
	uint64_t n_blocks;
	/* The last blocks of the newest runs; from the reader's calls, which
	 * take turns. */
	uint64_t runs[READ_AHEAD_RUNS];
	unsigned oldest;
	bool has_thread;
	unsigned generation;	/* of forks, when the thread was started */
	pthread_t thread;
	/* Under a lock of all files. */
	uint64_t wanted;	/* 1 + the block that was looked at */
	bool stop;
};

/** @load is called from the thread, and may find that there is nothing to do.
 * @ret must not move until read_ahead_stop(). */
void read_ahead_init(struct read_ahead *ret, uint64_t n_blocks,
		     void (*load)(void *ctx, uint64_t block), void *ctx);

/** @block is looked at. Calls must not overlap; they do not wait for @load.
 * True when it follows in order, and the next ones are wanted. */
bool read_ahead_note(struct read_ahead *ahead, uint64_t block);

/** Wait for the end of the thread, if there is one. */
void read_ahead_stop(struct read_ahead *ahead);

#endif
