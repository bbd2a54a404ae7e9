/* SPDX-License-Identifier: MIT */
/*
 * Threads that ended and were joined. Each kept its requests in an array on
 * its stack and lost them; libc keeps the stacks for later threads, with the
 * pointers still on them. They hold nothing.
 */
#include <pthread.h>

#include "samples/truth.h"

enum { N_THREADS = 4, N_REQUESTS = 100, N_ANSWERS = 5 };

struct request {
	unsigned long id;
	double deadline;
	char path[48];
};

struct request *answers[N_THREADS][N_ANSWERS];
static pthread_barrier_t all_started;

static struct request *request_new(unsigned long id)
{
	struct request *r = (struct request *)calloc(1, sizeof(*r));

	r->id = id;
	r->deadline = 0.125 * (double)id;
	snprintf(r->path, sizeof(r->path), "/api/v1/items/%lu", id);
	return r;
}

static void *serve(void *arg)
{
	struct request *volatile pending[N_REQUESTS];
	unsigned long thread = (unsigned long)(uintptr_t)arg;

	pthread_barrier_wait(&all_started);
	for (unsigned i = 0; i < N_REQUESTS; i++) {
		pending[i] = request_new(1000 * thread + i);
		truth_add(pending[i], TRUTH_STALE_ALLOWED);
	}
	for (unsigned i = 0; i < N_ANSWERS; i++) {
		answers[thread][i] = request_new(i);
		truth_held(answers[thread][i]);
	}
	return NULL;
}

TRUTH_APART static void run_threads(void)
{
	pthread_t threads[N_THREADS];

	pthread_barrier_init(&all_started, NULL, N_THREADS);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, serve, (void *)i);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	truth_begin("ended_threads");
	run_threads();
	truth_root(answers[1][2], "answers");
	truth_type("request", N_THREADS * (N_REQUESTS + N_ANSWERS));
	return truth_stop();
}
