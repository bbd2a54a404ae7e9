/* SPDX-License-Identifier: MIT */
#include "base/progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

enum { TICK_MS = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* Under the lock. */
static progress_listener *listen;
static void *listen_ctx;
static const char *phase;
static uint64_t total;
static unsigned tick_ms = TICK_MS;

static atomic_bool listening, cancelled;
static _Atomic uint64_t done;
static _Atomic int64_t next_tick;	/* nanoseconds of the clock below */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* Else a child forked while the listener runs would wait for it forever. */
static void prepare(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

static int64_t now_ns(void)
{
	struct timespec t;

	/* The coarse clock costs 5 ns; its few ms of error do not matter. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The lock is held. */
static void tell(void)
{
	atomic_store(&next_tick, now_ns() + (int64_t)tick_ms * 1000000);
	if (listen)
		listen(listen_ctx, phase, atomic_load(&done), total);
}

void progress_listen(progress_listener *listener, void *ctx)
{
	progress_listen_every(TICK_MS, listener, ctx);
}

void progress_listen_every(unsigned ms, progress_listener *listener, void *ctx)
{
	pthread_once(&prepared, prepare);
	pthread_mutex_lock(&lock);
	tick_ms = ms;
	atomic_store(&next_tick, 0);
	listen = listener;
	listen_ctx = ctx;
	atomic_store(&listening, listener != NULL);
	pthread_mutex_unlock(&lock);
}

void progress_begin(const char *new_phase, uint64_t new_total)
{
	pthread_mutex_lock(&lock);
	phase = new_phase;
	total = new_total;
	atomic_store(&done, 0);
	tell();
	pthread_mutex_unlock(&lock);
}

void progress_add(uint64_t n)
{
	atomic_fetch_add_explicit(&done, n, memory_order_relaxed);
	if (!atomic_load_explicit(&listening, memory_order_relaxed) ||
	    now_ns() < atomic_load_explicit(&next_tick, memory_order_relaxed))
		return;
	/* Whoever finds the lock taken need not wait: that one is telling. */
	if (pthread_mutex_trylock(&lock) != 0)
		return;
	if (phase && now_ns() >= atomic_load(&next_tick))
		tell();
	pthread_mutex_unlock(&lock);
}

void progress_end(void)
{
	pthread_mutex_lock(&lock);
	phase = NULL;
	tell();
	pthread_mutex_unlock(&lock);
}

void progress_cancel(void)
{
	atomic_store(&cancelled, true);
}

bool progress_cancelled(void)
{
	return atomic_load_explicit(&cancelled, memory_order_relaxed);
}

void progress_rearm(void)
{
	atomic_store(&cancelled, false);
}
