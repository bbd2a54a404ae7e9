/* SPDX-License-Identifier: MIT */
/*
 * Threads that filled their caches of free chunks and now wait. To whoever
 * reads chunk headers only, 64 x 40 x 7 free chunks look live and lost.
 */
#include <pthread.h>
#include <semaphore.h>

#include "samples/truth.h"

enum { N_THREADS = 64, N_BINS = 40, N_CACHED = 7 };

struct worker {
	pthread_t thread;
	unsigned index;
	char *scratch;
};

struct worker workers[N_THREADS];
static sem_t ready, quit;

TRUTH_APART static void fill_cache(void)
{
	void *blocks[N_BINS][N_CACHED];

	for (unsigned bin = 0; bin < N_BINS; bin++)
		for (unsigned i = 0; i < N_CACHED; i++)
			blocks[bin][i] = malloc(16 * bin + 24);
	for (unsigned bin = 0; bin < N_BINS; bin++)
		for (unsigned i = 0; i < N_CACHED; i++)
			free(blocks[bin][i]);
}

static void *work(void *arg)
{
	struct worker *self = (struct worker *)arg;

	self->scratch = (char *)calloc(1, 2000 + self->index);
	truth_held(self->scratch);
	fill_cache();
	truth_scrub();
	sem_post(&ready);
	sem_wait(&quit);
	return NULL;
}

TRUTH_APART static void start_workers(void)
{
	sem_init(&ready, 0, 0);
	sem_init(&quit, 0, 0);
	for (unsigned i = 0; i < N_THREADS; i++) {
		workers[i].index = i;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < N_THREADS; i++)
		sem_wait(&ready);
}

int main(void)
{
	truth_begin("tcache_threads");
	start_workers();
	truth_root(workers[5].scratch, "workers");
	return truth_stop();
}
