/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/progress.h"

#define MAX_THREADS 1024u
#define NO_CHUNK SIZE_MAX

struct loop {
	uint64_t n, chunk;
	size_t n_chunks;
	pool_body *body;
	void *ctx;
	atomic_size_t next;	/* chunk to be taken next */
	atomic_size_t failed;	/* lowest chunk that failed, or NO_CHUNK */
	atomic_bool cancelled;	/* chunks were left out */
	struct err err;		/* of chunk `failed`; under pool.lock */
};

/* Threads are started at the first loop that wants them and then kept. */
static struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* a loop began */
	pthread_cond_t idle;	/* the last helper left the loop */
	struct loop *loop;	/* NULL between loops */
	uint64_t serial;	/* of the loop */
	unsigned wanted;	/* workers 0 .. wanted - 1 may join the loop */
	unsigned busy;		/* helpers inside the loop */
	unsigned started;	/* helpers that exist: workers 1 .. started */
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
};

/* Held for a whole loop: threads that run loops take turns. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static _Thread_local bool in_loop;
static atomic_uint n_threads;	/* 0: not chosen yet */

/* A fork leaves the helpers behind: the child starts its own. */
static void forget_threads(void)
{
	pool = (struct pool){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.work = PTHREAD_COND_INITIALIZER,
		.idle = PTHREAD_COND_INITIALIZER,
	};
	turn = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	in_loop = false;
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, forget_threads);
}

static unsigned default_threads(void)
{
	const char *text = getenv("HOLDFAST_THREADS");
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;
	cpu_set_t cpus;

	if (n == 0 && sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		n = (unsigned long)CPU_COUNT(&cpus);
	if (n == 0)
		n = 1;
	return n < MAX_THREADS ? (unsigned)n : MAX_THREADS;
}

unsigned pool_threads(void)
{
	unsigned n = atomic_load(&n_threads);

	if (n == 0) {
		n = default_threads();
		atomic_store(&n_threads, n);
	}
	return n;
}

void pool_set_threads(unsigned n)
{
	atomic_store(&n_threads, n < MAX_THREADS ? n : MAX_THREADS);
}

static void note_failure(struct loop *loop, size_t chunk,
			 const struct err *err)
{
	pthread_mutex_lock(&pool.lock);
	if (chunk < atomic_load(&loop->failed)) {
		atomic_store(&loop->failed, chunk);
		loop->err = *err;
	}
	pthread_mutex_unlock(&pool.lock);
}

/*
 * Chunks are taken in ascending order and those below a failure are always
 * done, so which failure is the lowest does not depend on timing.
 */
static void take_chunks(struct loop *loop, unsigned worker)
{
	in_loop = true;
	for (;;) {
		size_t c = atomic_fetch_add(&loop->next, 1);
		struct err err = { .offset = ERR_NO_OFFSET };
		uint64_t begin, end;

		if (c >= loop->n_chunks || c > atomic_load(&loop->failed))
			break;
		if (progress_cancelled()) {
			atomic_store(&loop->cancelled, true);
			break;
		}
		begin = c * loop->chunk;
		end = loop->n - begin < loop->chunk ? loop->n
						    : begin + loop->chunk;
		if (!loop->body(loop->ctx, c, begin, end, worker, &err))
			note_failure(loop, c, &err);
	}
	in_loop = false;
}

static void *helper_main(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;
	uint64_t seen = 0;
	struct loop *loop;

	pthread_mutex_lock(&pool.lock);
	for (;;) {
		while (!pool.loop || pool.serial == seen ||
		       worker >= pool.wanted)
			pthread_cond_wait(&pool.work, &pool.lock);
		seen = pool.serial;
		loop = pool.loop;
		pool.busy++;
		pthread_mutex_unlock(&pool.lock);
		take_chunks(loop, worker);
		pthread_mutex_lock(&pool.lock);
		if (--pool.busy == 0)
			pthread_cond_signal(&pool.idle);
	}
	return NULL;
}

/* With fewer threads than wanted, even with none, loops still end. */
static void start_helpers(unsigned n)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;

	if (pool.started >= n || pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Signals are for the threads that know what to do about them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (pool.started < n &&
	       pthread_create(&thread, &attr, helper_main,
			      (void *)(uintptr_t)(pool.started + 1)) == 0)
		pool.started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
}

/* Helpers that do not wake before the work is done are not waited for. */
static void run_with_helpers(struct loop *loop, unsigned workers)
{
	pthread_once(&prepared, prepare);
	pthread_mutex_lock(&turn);
	pthread_mutex_lock(&pool.lock);
	start_helpers(workers - 1);
	pool.loop = loop;
	pool.serial++;
	pool.wanted = workers;
	pthread_cond_broadcast(&pool.work);
	pthread_mutex_unlock(&pool.lock);

	take_chunks(loop, 0);

	pthread_mutex_lock(&pool.lock);
	pool.loop = NULL;
	while (pool.busy > 0)
		pthread_cond_wait(&pool.idle, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
	pthread_mutex_unlock(&turn);
}

bool pool_run(uint64_t n, uint64_t chunk, pool_body *body, void *ctx,
	      struct err *err)
{
	unsigned workers = pool_threads();
	struct loop loop = {
		.n = n, .chunk = chunk, .body = body, .ctx = ctx,
	};

	assert(chunk > 0 && !in_loop);
	loop.n_chunks = pool_chunks(n, chunk);
	atomic_init(&loop.next, 0);
	atomic_init(&loop.failed, NO_CHUNK);
	atomic_init(&loop.cancelled, false);
	if (workers > loop.n_chunks)
		workers = (unsigned)loop.n_chunks;
	if (workers > 1)
		run_with_helpers(&loop, workers);
	else
		take_chunks(&loop, 0);

	if (atomic_load(&loop.failed) != NO_CHUNK) {
		if (err->code == ERR_NONE)
			*err = loop.err;
		return false;
	}
	if (atomic_load(&loop.cancelled))
		return err_set(err, ERR_CANCELLED, "stopped on request");
	return true;
}
