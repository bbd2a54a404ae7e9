/* SPDX-License-Identifier: MIT */
#include "formats/read_ahead.h"

#include <signal.h>

#include "base/pool.h"

/* Held by the threads of all files while they load one block; a fork waits for
 * its end. */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
/* Over what all files want; held for a moment, after the one above. */
static pthread_mutex_t wanting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static unsigned forks;		/* that led to this process */

static void before_fork(void)
{
	pthread_mutex_lock(&loading);
	pthread_mutex_lock(&wanting);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&wanting);
	pthread_mutex_unlock(&loading);
}

static void in_child(void)
{
	loading = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	wanting = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	forks++;
}

static void prepare(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

void read_ahead_init(struct read_ahead *ret, uint64_t n_blocks,
		     void (*load)(void *ctx, uint64_t block), void *ctx)
{
	*ret = (struct read_ahead){
		.load = load, .ctx = ctx, .n_blocks = n_blocks,
	};
	for (int i = 0; i < READ_AHEAD_RUNS; i++)
		ret->runs[i] = UINT64_MAX;
}

/* Wait until one more is wanted; false at the end. *@next is the first that
 * was not loaded. */
static bool wait_for_block(struct read_ahead *ahead, uint64_t *next)
{
	bool stop;

	pthread_mutex_lock(&wanting);
	while (!(stop = ahead->stop)) {
		uint64_t from = ahead->wanted;

		if (*next < from || *next > from + READ_AHEAD_BLOCKS)
			*next = from;
		if (*next < from + READ_AHEAD_BLOCKS &&
		    *next < ahead->n_blocks)
			break;
		pthread_cond_wait(&wake, &wanting);
	}
	pthread_mutex_unlock(&wanting);
	return !stop;
}

static void *thread_main(void *arg)
{
	struct read_ahead *ahead = arg;
	uint64_t next = 0;

	while (wait_for_block(ahead, &next)) {
		pthread_mutex_lock(&loading);
		ahead->load(ahead->ctx, next++);
		pthread_mutex_unlock(&loading);
	}
	return NULL;
}

static void start(struct read_ahead *ahead)
{
	sigset_t all, old;

	pthread_once(&prepared, prepare);
	/* Signals are for the threads that know what to do about them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ahead->has_thread = pthread_create(&ahead->thread, NULL, thread_main,
					   ahead) == 0;
	ahead->generation = forks;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Does @block follow, or end, one of the runs? */
static bool is_next(struct read_ahead *ahead, uint64_t block, bool *new)
{
	*new = false;
	for (int i = 0; i < READ_AHEAD_RUNS; i++) {
		if (ahead->runs[i] == block)
			return false;
		if (ahead->runs[i] + 1 == block && block > 0) {
			ahead->runs[i] = block;
			return true;
		}
	}
	*new = true;
	return false;
}

bool read_ahead_note(struct read_ahead *ahead, uint64_t block)
{
	bool new;

	if (!is_next(ahead, block, &new)) {
		if (new)
			ahead->runs[ahead->oldest++ % READ_AHEAD_RUNS] = block;
		return false;
	}
	if (block + 1 >= ahead->n_blocks || pool_threads() == 1)
		return false;
	pthread_mutex_lock(&wanting);
	ahead->wanted = block + 1;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&wanting);
	if (!ahead->has_thread)
		start(ahead);
	return true;
}

void read_ahead_stop(struct read_ahead *ahead)
{
	if (!ahead->has_thread || ahead->generation != forks)
		return;
	pthread_mutex_lock(&wanting);
	ahead->stop = true;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&wanting);
	pthread_join(ahead->thread, NULL);
	ahead->has_thread = false;
}
