/* SPDX-License-Identifier: MIT */
/*
 * The child of a program with threads. fork() copies their stacks, arenas and
 * caches, but not the threads: what only they held is lost in the child, and
 * the chunks in their caches are free, though no thread will ever take them.
 * The parent stops when the child has stopped; the truth is the child's.
 */
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "samples/truth.h"

enum { N_THREADS = 12, N_BINS = 20, N_CACHED = 7, N_KEPT = 10 };

struct connection {
	struct connection *next;
	double opened;
	int fd, retries;
	char peer[40];
};

struct connection *listeners;
static sem_t ready, quit;

static struct connection *connection_new(struct connection *next, int fd)
{
	struct connection *c = (struct connection *)calloc(1, sizeof(*c));

	c->next = next;
	c->opened = 1.25 * fd;
	c->fd = fd;
	snprintf(c->peer, sizeof(c->peer), "peer-%d.example.org", fd);
	return c;
}

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

static void *serve(void *arg)
{
	struct connection *volatile mine = NULL;

	(void)arg;
	for (int i = 0; i < N_KEPT; i++) {
		mine = connection_new(mine, i);
		truth_add(mine, TRUTH_STALE_ALLOWED);
	}
	fill_cache();
	sem_post(&ready);
	sem_wait(&quit);
	return mine;
}

TRUTH_APART static void start_threads(void)
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	sem_init(&quit, 0, 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_create(&thread, NULL, serve, NULL);
	for (unsigned i = 0; i < N_THREADS; i++)
		sem_wait(&ready);
}

TRUTH_APART static void listen_on(int fd)
{
	listeners = connection_new(listeners, fd);
	truth_root(listeners, "listeners");
}

static int stop_beside(pid_t child)
{
	int status;

	waitpid(child, &status, WUNTRACED);
	raise(SIGSTOP);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int main(void)
{
	pid_t child;

	truth_begin("forked");
	listen_on(3);
	listen_on(4);
	start_threads();
	child = fork();
	if (child > 0)
		return stop_beside(child);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(truth_stop());
}
