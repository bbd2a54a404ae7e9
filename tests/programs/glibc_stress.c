/* SPDX-License-Identifier: MIT */
/*
 * A program that gives malloc a hard time and writes down the truth.
 *
 *     glibc_stress MODE SEED TRUTH
 *
 * TRUTH is a shared file mapping: a hash table of (address, state), where the
 * state is the size asked for while the block is live, FREED once it is not,
 * and LIBC for what the C library holds of its own. When all is in place it
 * prints "ready PID" and waits for the end of its standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TABLE_BITS = 20, SLOTS = 4096, PAGE = 4096 };

#define FREED UINT64_MAX
#define LIBC (UINT64_MAX - 1)

struct truth {
	uint64_t addr, state;
};

static struct truth *table;	/* [1 << TABLE_BITS], shared */
static atomic_flag table_lock = ATOMIC_FLAG_INIT;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* splitmix64 (S. Vigna, 2015) */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t below(uint64_t *seed, size_t n)
{
	return (size_t)(next_random(seed) % n);
}

static void note(const void *block, uint64_t state)
{
	uint64_t addr = (uintptr_t)block;
	size_t i = (size_t)(addr / 16 * UINT64_C(0x9e3779b97f4a7c15) >>
			    (64 - TABLE_BITS));

	while (atomic_flag_test_and_set(&table_lock))
		;
	while (table[i].addr != 0 && table[i].addr != addr)
		i = (i + 1) % (1 << TABLE_BITS);
	table[i] = (struct truth){ addr, state };
	atomic_flag_clear(&table_lock);
}

/* Contents that look like anything, headers of chunks included. */
static void fill(void *block, size_t size, uint64_t *seed)
{
	uint64_t *words = block, kind = below(seed, 6);
	size_t n = size / 8 < 512 ? size / 8 : 512;

	for (size_t i = 0; i < n; i++) {
		switch (kind) {
		case 0: words[i] = 0; break;
		case 1: words[i] = next_random(seed); break;
		case 2: words[i] = 0x21 + 0x10 * below(seed, 8); break;
		case 3: words[i] = (uintptr_t)block + 8 * below(seed, 64);
			break;
		case 4: words[i] = 0x31; break;
		default: words[i] = below(seed, 1 << 16); break;
		}
	}
}

static size_t some_size(uint64_t *seed)
{
	switch (below(seed, 16)) {
	case 0: return below(seed, 60000);
	case 1: case 2: return below(seed, 5000);
	case 3: return 0x220 + below(seed, 0x100);
	case 4: return 0;
	default: return below(seed, 400);
	}
}

static void *get(size_t size, uint64_t *seed)
{
	static const size_t aligns[] = { 32, 64, 256, 1024, 4096, 65536 };
	void *block;

	switch (below(seed, 12)) {
	case 0:
		block = calloc(1, size);
		break;
	case 1:
		if (posix_memalign(&block, aligns[below(seed, 6)], size) != 0)
			block = NULL;
		break;
	default:
		block = malloc(size);
	}
	if (!block)
		die("malloc");
	fill(block, size, seed);
	note(block, size);
	return block;
}

static void put(void *block)
{
	if (!block)
		return;
	note(block, FREED);
	free(block);
}

static void *resize(void *block, size_t size, uint64_t *seed)
{
	if (!block || size == 0)
		return block;
	note(block, FREED);
	block = realloc(block, size);
	if (!block)
		die("realloc");
	if (below(seed, 2))
		fill(block, size, seed);
	note(block, size);
	return block;
}

static void churn(void **slots, size_t n_slots, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		void **slot = &slots[below(seed, n_slots)];

		switch (below(seed, 5)) {
		case 0:
			*slot = resize(*slot, some_size(seed), seed);
			break;
		case 1:
			put(*slot);
			*slot = NULL;
			break;
		default:
			put(*slot);
			*slot = get(some_size(seed), seed);
		}
	}
}

/* Seven of each size freed: every list of the cache is full. */
static void fill_cache(uint64_t *seed)
{
	void *blocks[7];

	for (size_t size = 8; size < 900; size += 16) {
		for (int i = 0; i < 7; i++)
			blocks[i] = get(size, seed);
		for (int i = 0; i < 7; i++)
			put(blocks[i]);
	}
}

/* The thread control block begins with its address and that of the DTV. */
static void note_dtv(void)
{
#ifdef __x86_64__
	void **tcb;

	__asm__("movq %%fs:0, %0" : "=r"(tcb));
	note((char *)tcb[1] - 16, LIBC);
#endif
}

static void mode_single(uint64_t *seed)
{
	static void *slots[SLOTS];

	churn(slots, SLOTS, 400000, seed);
}

enum { THREADS = 64, ENDED = 48 };

struct worker {
	pthread_t thread;
	uint64_t seed;
	bool ends;
};

static struct worker workers[THREADS];
static void *_Atomic shared[1024];
static sem_t parked;
static size_t ops_per_thread = 4000;

static void *work(void *arg)
{
	struct worker *w = arg;
	void **mine = get(SLOTS / 4 * sizeof(void *), &w->seed);

	note_dtv();
	memset(mine, 0, SLOTS / 4 * sizeof(void *));
	for (size_t i = 0; i < ops_per_thread; i += 4) {
		churn(mine, SLOTS / 4, 3, &w->seed);
		/* Free what another thread allocated. */
		put(atomic_exchange(&shared[below(&w->seed, 1024)],
				    get(some_size(&w->seed), &w->seed)));
	}
	fill_cache(&w->seed);
	sem_post(&parked);
	while (!w->ends)
		pause();
	return NULL;
}

static void start_threads(size_t n, size_t ending, uint64_t *seed)
{
	pthread_attr_t attr;

	sem_init(&parked, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (size_t i = 0; i < n; i++) {
		workers[i].seed = next_random(seed);
		workers[i].ends = i < ending;
		if (pthread_create(&workers[i].thread, &attr, work,
				   &workers[i]) != 0)
			die("pthread_create");
	}
	for (size_t i = 0; i < n; i++)
		sem_wait(&parked);
	for (size_t i = 0; i < ending; i++)
		pthread_join(workers[i].thread, NULL);
}

static void mode_threads(uint64_t *seed)
{
	start_threads(THREADS, 0, seed);
}

static void mode_ended(uint64_t *seed)
{
	start_threads(THREADS, ENDED, seed);
}

static void *churn_on(void *arg)
{
	struct worker *w = arg;
	void **mine = get(SLOTS / 8 * sizeof(void *), &w->seed);

	note_dtv();
	memset(mine, 0, SLOTS / 8 * sizeof(void *));
	churn(mine, SLOTS / 8, 4000, &w->seed);
	sem_post(&parked);
	for (;;) {
		churn(mine, SLOTS / 8, 3, &w->seed);
		put(atomic_exchange(&shared[below(&w->seed, 1024)],
				    get(some_size(&w->seed), &w->seed)));
	}
	return NULL;
}

/* Threads that never rest: wherever they are stopped, it is in malloc. */
static void mode_busy(uint64_t *seed)
{
	sem_init(&parked, 0, 0);
	for (size_t i = 0; i < 8; i++) {
		workers[i].seed = next_random(seed);
		if (pthread_create(&workers[i].thread, NULL, churn_on,
				   &workers[i]) != 0)
			die("pthread_create");
	}
	for (size_t i = 0; i < 8; i++)
		sem_wait(&parked);
}

/* The child is what is looked at: it has one thread and 65 caches. */
static void mode_fork(uint64_t *seed)
{
	static void *slots[64];
	pid_t child;

	start_threads(THREADS, 0, seed);
	child = fork();
	if (child < 0)
		die("fork");
	if (child > 0) {
		waitpid(child, NULL, 0);
		_exit(0);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	churn(slots, 64, 500, seed);
}

/* Headers of mmapped chunks where there are none. */
static void plant(char *block, size_t size)
{
	char *page = (char *)(((uintptr_t)block + 2 * PAGE - 1) &
			      ~(uintptr_t)(PAGE - 1));

	for (size_t i = 1; page + 3 * PAGE < block + size; i++) {
		uint64_t header[2] = { 0, PAGE * (1 + i % 2) | 2 };

		memcpy(page, header, sizeof(header));
		page += 2 * PAGE;
	}
}

static void mode_large(uint64_t *seed)
{
	static void *slots[96];

	char *mine = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mine == MAP_FAILED)
		die("mmap");
	plant(mine, 64 * PAGE);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	for (size_t i = 0; i < 600; i++) {
		void **slot = &slots[below(seed, 96)];
		size_t size = (128 << 10) + below(seed, 1 << 20);

		switch (below(seed, 6)) {
		case 0:
			put(*slot);
			*slot = NULL;
			break;
		case 1: case 2:
			*slot = resize(*slot, size, seed);
			break;
		case 3:
			put(*slot);
			*slot = aligned_alloc((size_t)16 << below(seed, 14),
					      size);
			note(*slot, size);
			break;
		default:
			put(*slot);
			*slot = malloc(size);
			note(*slot, size);
			if (below(seed, 4) == 0)
				plant(*slot, size);
		}
	}
	churn(slots, 96, 200, seed);
}

/* sbrk() fails from the middle on: the main arena turns to mmap(). */
static void mode_noncontiguous(uint64_t *seed)
{
	static void *slots[SLOTS];
	char *end;

	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	churn(slots, SLOTS, 20000, seed);
	end = (char *)(((uintptr_t)sbrk(0) + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
	if (mmap(end, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < 60; i++) {
		void **slot = &slots[below(seed, SLOTS)];

		put(*slot);
		*slot = get((1 << 20) - below(seed, 1 << 19), seed);
		churn(slots, SLOTS, 500, seed);
	}
}

/* Somebody else calls sbrk() too. */
static void mode_sbrk(uint64_t *seed)
{
	static void *slots[SLOTS];

	for (size_t i = 0; i < 24; i++) {
		size_t size = 8 + below(seed, 3 * PAGE);
		char *mine = sbrk((intptr_t)size);

		if (mine == (void *)-1)
			die("sbrk");
		if (i % 3 == 1)
			memset(mine, 0x55, size);
		churn(slots, SLOTS, 4000, seed);
	}
}

static void *fill_arena(void *arg)
{
	uint64_t *seed = arg;
	static void *slots[SLOTS];

	note_dtv();
	for (size_t i = 0; i < SLOTS; i++)
		slots[i] = get(60000 - below(seed, 8000), seed);
	for (size_t i = 0; i < SLOTS; i++) {
		if (below(seed, 3) == 0) {
			put(slots[i]);
			slots[i] = NULL;
		}
	}
	churn(slots, SLOTS, 20000, seed);
	sem_post(&parked);
	pause();
	return NULL;
}

/* The arena of one thread needs several heaps of 64 MiB. */
static void mode_heaps(uint64_t *seed)
{
	pthread_t thread;

	sem_init(&parked, 0, 0);
	if (pthread_create(&thread, NULL, fill_arena, seed) != 0)
		die("pthread_create");
	sem_wait(&parked);
}

static const struct mode {
	const char *name;
	void (*run)(uint64_t *seed);
} modes[] = {
	{ "single", mode_single },
	{ "threads", mode_threads },
	{ "ended", mode_ended },
	{ "fork", mode_fork },
	{ "large", mode_large },
	{ "noncontiguous", mode_noncontiguous },
	{ "sbrk", mode_sbrk },
	{ "heaps", mode_heaps },
	{ "busy", mode_busy },
};

static void map_truth(const char *path)
{
	size_t bytes = sizeof(struct truth) << TABLE_BITS;
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
		die(path);
	table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (table == MAP_FAILED)
		die("mmap");
	close(fd);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc == 4 ? strtoull(argv[2], NULL, 0) : 0;
	char text[64];
	int n;

	for (size_t i = 0; argc == 4 && i < sizeof(modes) / sizeof(*modes);
	     i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		map_truth(argv[3]);
		note_dtv();
		modes[i].run(&seed);
		n = snprintf(text, sizeof(text), "ready %d\n", (int)getpid());
		if (write(STDOUT_FILENO, text, (size_t)n) != n)
			die("write");
		while (read(STDIN_FILENO, text, sizeof(text)) > 0)
			;
		_exit(0);
	}
	fputs("usage: glibc_stress MODE SEED TRUTH\n", stderr);
	return 2;
}
