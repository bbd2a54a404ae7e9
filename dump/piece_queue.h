/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A bounded queue of byte buffers between one producer and one consumer.
 *
 * It decouples copying memory out of a stopped process from compressing and
 * writing it: a process whose memory fits in the queue waits for the copy
 * alone. Three things keep that wait short (measured with 36 MiB on two
 * processors: 15 ms instead of 50): the memory of the buffers is there before
 * the process is stopped, in huge pages, and the consumer holds back until
 * the queue is half full, so that compression does not compete for processors.
 */
#ifndef DUMP_PIECE_QUEUE_H
#define DUMP_PIECE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PIECE_SIZE = 1 << 20 };

struct piece_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t *buffers;	/* [cap * PIECE_SIZE] */
	uint32_t *sizes;	/* [cap], bytes */
	size_t cap;
	size_t head, len;	/* the oldest, and how many are full */
	bool ended, closed;
	bool flowing;		/* the consumer no longer holds back */
};

/**
 * Make a queue of @cap buffers, of which the first @expected are likely to be
 * used. Release with piece_queue_free().
 */
bool piece_queue_init(struct piece_queue *queue, size_t cap, size_t expected,
		      struct err *err) MUST_CHECK;
void piece_queue_free(struct piece_queue *queue);

/**
 * Producer: wait for an empty buffer, @ms milliseconds at most. False when
 * there is none yet; piece_queue_reserve() would go on waiting.
 */
bool piece_queue_wait(struct piece_queue *queue, unsigned ms);

/** Producer: the same for all buffers to be empty, or the queue closed. */
bool piece_queue_drained(struct piece_queue *queue, unsigned ms);

/**
 * Producer: wait for an empty buffer of PIECE_SIZE bytes. NULL when the
 * consumer wants no more.
 */
uint8_t *piece_queue_reserve(struct piece_queue *queue);

/** Producer: hand over the reserved buffer with @n bytes in it. */
void piece_queue_commit(struct piece_queue *queue, size_t n);

/** Before both begin: the process does not wait, the consumer need not hold
 * back. */
void piece_queue_flow(struct piece_queue *queue);

/** Producer: nothing follows. */
void piece_queue_end(struct piece_queue *queue);

/** Consumer: wait for the oldest full buffer; NULL at the end. */
const uint8_t *piece_queue_first(struct piece_queue *queue, size_t *n);

/** Consumer: done with that buffer. */
void piece_queue_drop(struct piece_queue *queue);

/** Consumer: take no more; the producer will stop. */
void piece_queue_close(struct piece_queue *queue);

#endif
