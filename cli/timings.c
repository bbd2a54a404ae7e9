/* SPDX-License-Identifier: MIT */
#include "cli/timings.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"

enum { MAX_PHASES = 64, SAMPLE_NS = 3000000 };

struct cost {
	double wall, user, system;	/* seconds */
};

struct phase {
	const char *name;
	struct cost cost;
	uint64_t peak;		/* bytes of anonymous memory */
};

static struct {
	pthread_mutex_t lock;	/* over what follows */
	struct phase phases[MAX_PHASES];	/* the first: between phases */
	unsigned n, current;
	struct cost since;	/* when the current phase was entered */
	struct cost start;
	bool stop;
	FILE *statm;
	pthread_t sampler;
	bool has_sampler;
} timings = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.phases = { { .name = "between" } }, .n = 1,
};

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct cost now(void)
{
	struct timespec wall;
	struct rusage used;

	clock_gettime(CLOCK_MONOTONIC, &wall);
	getrusage(RUSAGE_SELF, &used);
	return (struct cost){
		.wall = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
		.user = seconds(used.ru_utime), .system = seconds(used.ru_stime),
	};
}

/* The lock is held. */
static void look_at_memory(void)
{
	struct phase *p = &timings.phases[timings.current];
	unsigned long long total, resident, of_files;

	if (!timings.statm)
		return;
	rewind(timings.statm);
	if (fscanf(timings.statm, "%llu %llu %llu", &total, &resident,
		   &of_files) != 3 || resident < of_files)
		return;
	resident = (resident - of_files) * (uint64_t)sysconf(_SC_PAGESIZE);
	if (resident > p->peak)
		p->peak = resident;
}

/* The lock is held: account for the phase so far, and enter @next. */
static void enter(unsigned next)
{
	struct cost t = now(), *sum = &timings.phases[timings.current].cost;

	look_at_memory();
	sum->wall += t.wall - timings.since.wall;
	sum->user += t.user - timings.since.user;
	sum->system += t.system - timings.since.system;
	timings.since = t;
	timings.current = next;
}

static unsigned phase_called(const char *name)
{
	for (unsigned i = 0; i < timings.n; i++) {
		if (!strcmp(timings.phases[i].name, name))
			return i;
	}
	if (timings.n == MAX_PHASES)
		return 0;
	timings.phases[timings.n].name = name;
	return timings.n++;
}

static void on_progress(void *ctx, const char *phase, uint64_t done,
			uint64_t total)
{
	unsigned next;

	(void)ctx, (void)done, (void)total;
	pthread_mutex_lock(&timings.lock);
	next = phase ? phase_called(phase) : 0;
	if (next != timings.current)
		enter(next);
	pthread_mutex_unlock(&timings.lock);
}

static void *sample(void *arg)
{
	const struct timespec pause = { .tv_nsec = SAMPLE_NS };
	bool stop = false;

	while (!stop) {
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&timings.lock);
		look_at_memory();
		stop = timings.stop;
		pthread_mutex_unlock(&timings.lock);
	}
	return arg;
}

void timings_begin(void)
{
	sigset_t all, old;

	timings.start = timings.since = now();
	timings.statm = fopen("/proc/self/statm", "re");
	if (timings.statm)
		setvbuf(timings.statm, NULL, _IONBF, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	timings.has_sampler = pthread_create(&timings.sampler, NULL, sample,
					     NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	progress_listen(on_progress, NULL);
}

static void print_line(const struct cost *cost, uint64_t peak,
		       const char *name)
{
	fprintf(stderr, "%8.3f %8.3f %8.3f %10.1f  %s\n", cost->wall,
		cost->user, cost->system, (double)peak / (1 << 20), name);
}

void timings_end(uint64_t blocks, uint64_t references)
{
	struct cost t;
	uint64_t peak = 0;

	progress_listen(NULL, NULL);
	pthread_mutex_lock(&timings.lock);
	enter(0);
	timings.stop = true;
	pthread_mutex_unlock(&timings.lock);
	if (timings.has_sampler)
		pthread_join(timings.sampler, NULL);
	if (timings.statm)
		fclose(timings.statm);
	t = now();
	t = (struct cost){ t.wall - timings.start.wall,
			   t.user - timings.start.user,
			   t.system - timings.start.system };
	fprintf(stderr, "%8s %8s %8s %10s  phase\n", "wall s", "user s",
		"system s", "anon MiB");
	for (unsigned i = 1; i <= timings.n; i++) {
		const struct phase *p = &timings.phases[i % timings.n];

		print_line(&p->cost, p->peak, p->name);
		peak = p->peak > peak ? p->peak : peak;
	}
	print_line(&t, peak, "all");
	fprintf(stderr, "%" PRIu64 " blocks, %" PRIu64 " references\n", blocks,
		references);
}
