/* SPDX-License-Identifier: MIT */
#include "dump/piece_queue.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* MADV_POPULATE_WRITE of Linux 5.14; older kernels refuse, to no harm. */
enum { POPULATE_WRITE = 23 };

/** Waits are not to depend on what the time of day is set to. */
static void init_condition(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool piece_queue_init(struct piece_queue *queue, size_t cap, size_t expected,
		      struct err *err)
{
	void *buffers = mmap(NULL, cap * PIECE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

	*queue = (struct piece_queue){ .cap = cap };
	queue->sizes = calloc(cap, sizeof(*queue->sizes));
	if (buffers == MAP_FAILED || !queue->sizes) {
		if (buffers != MAP_FAILED)
			munmap(buffers, cap * PIECE_SIZE);
		free(queue->sizes);
		*queue = (struct piece_queue){0};
		return err_nomem(err, "buffers for copying memory");
	}
	(void)madvise(buffers, cap * PIECE_SIZE, MADV_HUGEPAGE);
	(void)madvise(buffers, (expected < cap ? expected : cap) * PIECE_SIZE,
		      POPULATE_WRITE);
	queue->buffers = buffers;
	pthread_mutex_init(&queue->lock, NULL);
	init_condition(&queue->changed);
	return true;
}

void piece_queue_free(struct piece_queue *queue)
{
	if (!queue->buffers)
		return;
	munmap(queue->buffers, queue->cap * PIECE_SIZE);
	free(queue->sizes);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	*queue = (struct piece_queue){0};
}

/** Wait until at most @len buffers are full, @ms milliseconds at most. */
static bool wait_for(struct piece_queue *queue, size_t len, unsigned ms)
{
	struct timespec until;
	int status = 0;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&queue->lock);
	while (queue->len > len && !queue->closed && status == 0)
		status = pthread_cond_timedwait(&queue->changed, &queue->lock,
						&until);
	done = queue->len <= len || queue->closed;
	pthread_mutex_unlock(&queue->lock);
	return done;
}

bool piece_queue_wait(struct piece_queue *queue, unsigned ms)
{
	return wait_for(queue, queue->cap - 1, ms);
}

bool piece_queue_drained(struct piece_queue *queue, unsigned ms)
{
	return wait_for(queue, 0, ms);
}

uint8_t *piece_queue_reserve(struct piece_queue *queue)
{
	uint8_t *buffer = NULL;

	pthread_mutex_lock(&queue->lock);
	while (queue->len == queue->cap && !queue->closed)
		pthread_cond_wait(&queue->changed, &queue->lock);
	if (!queue->closed)
		buffer = queue->buffers + (queue->head + queue->len) %
			 queue->cap * PIECE_SIZE;
	pthread_mutex_unlock(&queue->lock);
	return buffer;
}

void piece_queue_commit(struct piece_queue *queue, size_t n)
{
	pthread_mutex_lock(&queue->lock);
	queue->sizes[(queue->head + queue->len) % queue->cap] = (uint32_t)n;
	queue->len++;
	pthread_cond_signal(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}

void piece_queue_flow(struct piece_queue *queue)
{
	queue->flowing = true;
}

void piece_queue_end(struct piece_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->ended = true;
	pthread_cond_signal(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}

const uint8_t *piece_queue_first(struct piece_queue *queue, size_t *n)
{
	const uint8_t *buffer = NULL;

	pthread_mutex_lock(&queue->lock);
	while (!queue->ended &&
	       queue->len < (queue->flowing ? 1 : queue->cap / 2))
		pthread_cond_wait(&queue->changed, &queue->lock);
	queue->flowing = true;
	if (queue->len > 0) {
		buffer = queue->buffers + queue->head * PIECE_SIZE;
		*n = queue->sizes[queue->head];
	}
	pthread_mutex_unlock(&queue->lock);
	return buffer;
}

void piece_queue_drop(struct piece_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->head = (queue->head + 1) % queue->cap;
	queue->len--;
	pthread_cond_signal(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}

void piece_queue_close(struct piece_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_signal(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
}
