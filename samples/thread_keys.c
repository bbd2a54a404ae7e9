/* SPDX-License-Identifier: MIT */
/*
 * pthread_setspecific: the first keys live in the thread's control block, the
 * later ones in a block that only the control block knows.
 */
#include <pthread.h>
#include <semaphore.h>

#include "samples/truth.h"

enum { N_THREADS = 3, N_KEYS = 80, TWICE = 20 };

struct context {
	unsigned long key;
	double started;
	char who[32];
};

static pthread_key_t keys[N_KEYS];
static sem_t ready, quit;

static struct context *context_new(unsigned long key)
{
	struct context *c = (struct context *)calloc(1, sizeof(*c));

	c->key = key;
	c->started = 2.5;
	snprintf(c->who, sizeof(c->who), "context %lu", key);
	return c;
}

static void set_once(unsigned key)
{
	struct context *c = context_new(key);

	pthread_setspecific(keys[key], c);
	truth_held(c);
}

/* What a key had before is lost when it is set again. */
TRUTH_APART static void set_twice(unsigned key)
{
	struct context *c = context_new(key);

	pthread_setspecific(keys[key], c);
	truth_leaked(c);
	set_once(key);
}

TRUTH_APART static void set_all(void)
{
	for (unsigned i = 0; i < N_KEYS; i++) {
		if (i % TWICE == 0)
			set_twice(i);
		else
			set_once(i);
	}
}

static void *work(void *arg)
{
	(void)arg;
	set_all();
	truth_scrub();
	sem_post(&ready);
	sem_wait(&quit);
	return NULL;
}

TRUTH_APART static void start_workers(void)
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	sem_init(&quit, 0, 0);
	for (unsigned i = 0; i < N_KEYS; i++)
		pthread_key_create(&keys[i], NULL);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_create(&thread, NULL, work, NULL);
	for (unsigned i = 0; i < N_THREADS; i++)
		sem_wait(&ready);
}

int main(void)
{
	truth_begin("thread_keys");
	start_workers();
	set_all();
	truth_group("block", "context", (N_THREADS + 1) * N_KEYS / TWICE);
	return truth_stop();
}
