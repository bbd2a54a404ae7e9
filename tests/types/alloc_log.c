/* SPDX-License-Identifier: MIT */
/*
 * LD_PRELOAD: who allocated what, for programs whose blocks have no truth of
 * their own. Remembers for each live block its size and the return addresses
 * of its callers; alloc_log_stop(), or the allocation whose number stands in
 * ALLOC_LOG_AFTER, or SIGUSR2 when ALLOC_LOG_SIGNAL is set (the program must
 * be idle then), writes them to the file ALLOC_LOG and stops the process, so
 * that what is captured is what was written.
 *
 * A line for each block: address, size, return addresses, innermost first.
 * Lines "map START END OFFSET PATH" say where modules lie.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAMES = 14, SLOTS = 1 << 22 };

struct record {
	uintptr_t addr;		/* 0 empty, 1 deleted */
	size_t size;
	void *frames[FRAMES];
	int n_frames;
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static struct record *table;
static unsigned long allocations, stop_after;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int busy;

void alloc_log_stop(void);

static struct record *slot_of(uintptr_t addr, int insert)
{
	size_t i = (addr >> 4) * 0x9e3779b97f4a7c15u >> 42;
	struct record *grave = NULL;

	for (size_t n = 0; n < SLOTS; n++, i = (i + 1) % SLOTS) {
		struct record *r = &table[i % SLOTS];

		if (r->addr == addr)
			return r;
		if (r->addr == 1 && !grave)
			grave = r;
		if (r->addr == 0)
			return insert ? (grave ? grave : r) : NULL;
	}
	return NULL;
}

static void begin(void)
{
	const char *after = getenv("ALLOC_LOG_AFTER");
	void *warm[2];

	table = mmap(NULL, SLOTS * sizeof(*table), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	madvise(table, SLOTS * sizeof(*table), MADV_DONTDUMP);
	stop_after = after ? strtoul(after, NULL, 10) : 0;
	backtrace(warm, 2);	/* loads libgcc, which allocates */
}

static void note(void *p, size_t size)
{
	void *frames[FRAMES + 2];
	struct record *r;
	int n, stop;

	if (!p || busy)
		return;
	busy = 1;
	pthread_mutex_lock(&lock);
	if (!table)
		begin();
	n = backtrace(frames, FRAMES + 2);
	r = slot_of((uintptr_t)p, 1);
	if (r) {
		r->addr = (uintptr_t)p;
		r->size = size;
		r->n_frames = n > 2 ? n - 2 : 0;
		memcpy(r->frames, frames + 2,
		       (size_t)r->n_frames * sizeof(void *));
	}
	stop = ++allocations == stop_after;
	pthread_mutex_unlock(&lock);
	busy = 0;
	if (stop)
		alloc_log_stop();
}

static void forget(void *p)
{
	struct record *r;

	if (!p || busy || !table)
		return;
	pthread_mutex_lock(&lock);
	r = slot_of((uintptr_t)p, 0);
	if (r)
		r->addr = 1;
	pthread_mutex_unlock(&lock);
}

static void write_maps(int out)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strchr(line, '/'))
			dprintf(out, "map %s", line);
	}
	if (maps)
		fclose(maps);
}

void alloc_log_stop(void)
{
	const char *path = getenv("ALLOC_LOG");
	int out;

	busy = 1;
	out = open(path ? path : "alloc.log", O_WRONLY | O_CREAT | O_TRUNC,
		   0600);
	write_maps(out);
	for (size_t i = 0; table && i < SLOTS; i++) {
		const struct record *r = &table[i];

		if (r->addr <= 1)
			continue;
		dprintf(out, "%lx %zu", r->addr, r->size);
		for (int k = 0; k < r->n_frames; k++)
			dprintf(out, " %lx", (uintptr_t)r->frames[k]);
		dprintf(out, "\n");
	}
	close(out);
	raise(SIGSTOP);
	busy = 0;
}

static void stop_on_signal(int signal)
{
	(void)signal;
	alloc_log_stop();
}

static void __attribute__((constructor)) wait_for_signal(void)
{
	if (getenv("ALLOC_LOG_SIGNAL"))
		signal(SIGUSR2, stop_on_signal);
}

void *malloc(size_t size)
{
	void *p = __libc_malloc(size);

	note(p, size);
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	note(p, n * size);
	return p;
}

void *realloc(void *old, size_t size)
{
	void *p;

	forget(old);
	p = __libc_realloc(old, size);
	note(p, size);
	return p;
}

void *memalign(size_t alignment, size_t size)
{
	void *p = __libc_memalign(alignment, size);

	note(p, size);
	return p;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	*ret = memalign(alignment, size);
	return *ret ? 0 : 12;
}

void free(void *p)
{
	forget(p);
	__libc_free(p);
}
