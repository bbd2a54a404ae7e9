/* SPDX-License-Identifier: MIT */
/* Live threads, each with an arena of its own: queues held, records lost. */
#include <pthread.h>
#include <semaphore.h>

#include "samples/truth.h"

enum { N_THREADS = 6, N_QUEUED = 40, N_LOST = 15 };

struct record {
	struct record *next;
	unsigned long key;
	double weight;
	char tag[24];
};

/* The queue hangs off the thread's own stack; nobody else knows it. */
struct queue {
	struct record *first;
	size_t length;
	char name[16];
};

static sem_t ready, quit;

static struct record *record_new(struct record *next, unsigned long key)
{
	struct record *r = (struct record *)calloc(1, sizeof(*r));

	r->next = next;
	r->key = key;
	r->weight = 0.75 * (double)key;
	snprintf(r->tag, sizeof(r->tag), "record %lu", key);
	return r;
}

TRUTH_APART static struct queue *queue_new(unsigned long thread)
{
	struct queue *q = (struct queue *)calloc(1, sizeof(*q));

	snprintf(q->name, sizeof(q->name), "queue %lu", thread);
	truth_held(q);
	for (; q->length < N_QUEUED; q->length++) {
		q->first = record_new(q->first, q->length);
		truth_held(q->first);
	}
	return q;
}

TRUTH_APART static void lose_records(void)
{
	for (unsigned long i = 0; i < N_LOST; i++)
		truth_leaked(record_new(NULL, i));
}

static void *work(void *arg)
{
	struct queue *queue = queue_new((unsigned long)(uintptr_t)arg);

	lose_records();
	truth_scrub();
	sem_post(&ready);
	sem_wait(&quit);
	return (void *)queue->length;
}

TRUTH_APART static void start_workers(void)
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	sem_init(&quit, 0, 0);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		pthread_create(&thread, NULL, work, (void *)i);
	for (unsigned i = 0; i < N_THREADS; i++)
		sem_wait(&ready);
}

int main(void)
{
	truth_begin("arenas");
	start_workers();
	truth_group("block", "record", N_THREADS * N_LOST);
	truth_type("record", N_THREADS * (N_QUEUED + N_LOST));
	return truth_stop();
}
