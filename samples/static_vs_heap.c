/* SPDX-License-Identifier: MIT */
/* Blocks held by all the places that are not the heap. */
#include <pthread.h>
#include <semaphore.h>

#include "samples/truth.h"

struct buffer {
	size_t used, capacity;
	char *text;
	double fill;
};

struct job {
	unsigned long id;
	struct buffer *input;
	char name[24];
};

static sem_t ready, quit;
static int stop;
__thread struct buffer *scratch;
const struct buffer *const *readers;

static struct buffer *buffer_new(size_t capacity)
{
	struct buffer *b = (struct buffer *)calloc(1, sizeof(*b));

	b->capacity = capacity;
	b->text = (char *)malloc(capacity);
	b->used = (size_t)snprintf(b->text, capacity, "%zu bytes", capacity);
	truth_held(b);
	truth_held(b->text);
	return b;
}

static struct job *job_new(unsigned long id)
{
	struct job *j = (struct job *)calloc(1, sizeof(*j));

	j->id = id;
	j->input = buffer_new(200);
	snprintf(j->name, sizeof(j->name), "job %lu", id);
	truth_held(j);
	return j;
}

/* Held by a static local only. */
TRUTH_APART static struct buffer *history(void)
{
	static struct buffer *lines;

	if (!lines) {
		lines = buffer_new(100);
		truth_root(lines, "lines");
	}
	return lines;
}

/* Held by a local of a blocked thread, in its frame or a saved register. */
static void *wait_with_job(void *arg)
{
	struct job *job = job_new(1);

	(void)arg;
	scratch = buffer_new(300);
	truth_root(scratch, "scratch");
	truth_scrub();
	sem_post(&ready);
	sem_wait(&quit);
	return (void *)job->id;
}

/* Held by a register of a running thread only. */
static void *spin_with_job(void *arg)
{
	struct job *job = job_new(2);

	(void)arg;
	sem_post(&ready);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		__asm__ volatile("" : "+r"(job));
	return (void *)job->id;
}

TRUTH_APART static void start(void *(*run)(void *))
{
	pthread_t thread;

	pthread_create(&thread, NULL, run, NULL);
	sem_wait(&ready);
}

int main(void)
{
	const struct buffer *local = NULL;

	truth_begin("static_vs_heap");
	sem_init(&ready, 0, 0);
	sem_init(&quit, 0, 0);
	history();
	local = buffer_new(400);
	readers = &local;
	start(wait_with_job);
	start(spin_with_job);
	return truth_stop() + (readers != &local) + !history();
}
