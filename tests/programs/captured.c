/* SPDX-License-Identifier: MIT */
/*
 * Memory of every kind and threads in every kind of wait, for captures: says
 * as JSON where its memory is, answers each line of input with "fine" as long
 * as its registers, system calls and signals are what they should be, and
 * ends with "all well" after "quit". A line "abort" crashes it.
 *
 * usage: captured [LARGE_MIB [RESERVED_MIB]] | vfork | outlived
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static atomic_int stop, broken;
static atomic_ulong spins, sent, received;
static int pipe_fds[2];
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
	fprintf(stderr, "captured: %s\n", what);
	atomic_store(&broken, 1);
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* Values in registers survive any number of iterations. */
__attribute__((noinline)) static void spin_once(void)
{
	uint64_t bad = 0, vec[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
	uint64_t back[2];

	__asm__ volatile(
		"movdqu %2, %%xmm7\n\t"
		"movabs $0x1234567890abcdef, %%r13\n\t"
		"movabs $0xfedcba0987654321, %%r14\n\t"
		"mov $200000, %%ecx\n"
		"1:\n\t"
		"dec %%ecx\n\t"
		"jnz 1b\n\t"
		"movabs $0x1234567890abcdef, %%rax\n\t"
		"sub %%rax, %%r13\n\t"
		"movabs $0xfedcba0987654321, %%rax\n\t"
		"sub %%rax, %%r14\n\t"
		"or %%r13, %%r14\n\t"
		"mov %%r14, %0\n\t"
		"movdqu %%xmm7, %1"
		: "=r"(bad), "=m"(back) : "m"(vec)
		: "rax", "rcx", "r13", "r14", "xmm7", "cc");
	if (bad || memcmp(vec, back, sizeof(vec)) != 0)
		fail("registers changed");
}

static void *spinning_thread(void *arg)
{
	(void)arg;
	block_signals();
	while (!atomic_load(&stop)) {
		spin_once();
		atomic_fetch_add(&spins, 1);
	}
	return NULL;
}

static void *reading_thread(void *arg)
{
	char c;

	(void)arg;
	block_signals();
	if (read(pipe_fds[0], &c, 1) != 1 || c != 'x')
		fail("read() was disturbed");
	return NULL;
}

static void *sleeping_thread(void *arg)
{
	struct timespec t = { 0, 50000000 };

	(void)arg;
	block_signals();
	while (!atomic_load(&stop))
		if (nanosleep(&t, NULL) != 0)
			fail("nanosleep() was disturbed");
	return NULL;
}

static void *locking_thread(void *arg)
{
	(void)arg;
	block_signals();
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&received, 1);
}

/* Queued signals that come while the process is stopped must all arrive. */
static void *signalling_thread(void *arg)
{
	union sigval value = { 0 };
	sigset_t one;

	(void)arg;
	sigemptyset(&one);
	sigaddset(&one, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	while (!atomic_load(&stop)) {
		if (sigqueue(getpid(), SIGRTMIN, value) == 0)
			atomic_fetch_add(&sent, 1);
		else
			sched_yield();
	}
	return NULL;
}

static void *born_and_dying(void *arg)
{
	return arg;
}

static void *forking_thread(void *arg)
{
	pthread_t t;

	(void)arg;
	block_signals();
	while (!atomic_load(&stop))
		if (pthread_create(&t, NULL, born_and_dying, NULL) == 0)
			pthread_join(t, NULL);
	return NULL;
}

static void run_vfork(void)
{
	pid_t child = vfork();

	if (child == 0) {
		dprintf(1, "{\"child\": %d}\n", getpid());
		for (;;)
			pause();
	}
	dprintf(1, "parent goes on\n");
	exit(0);
}

static void *outliving(void *arg)
{
	(void)arg;
	dprintf(1, "{}\n");
	getchar();
	exit(7);
}

static void run_outlived(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, outliving, NULL);
	pthread_exit(NULL);
}

struct memory {
	unsigned char *full, *sparse, *none, *huge, *touched, *dont, *shared;
	unsigned char *mem, *large, *many;
};

enum {
	PAGE = 4096,
	/* More runs of pages than one question to the kernel answers. */
	MANY = 20000,
};

static unsigned char *map(size_t n, int flags, int fd)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static unsigned char *map_private(size_t n)
{
	return map(n, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

/* Pages that were written to are all that is there. */
static unsigned char *map_sparse(size_t n)
{
	unsigned char *p = map_private(n);

	madvise(p, n, MADV_NOHUGEPAGE);
	return p;
}

static void pattern(unsigned char *p, size_t n, uint32_t x)
{
	for (size_t i = 0; i + 4 <= n; i += 4) {
		x = x * 1664525 + 1013904223;
		memcpy(p + i, &x, 4);
	}
}

/* Put together here, so that the program itself does not hold it. */
static void write_secret(unsigned char *p, const char *what)
{
	snprintf((char *)p, PAGE, "SECRET-%s", what);
}

static void lay_out_private(struct memory *m, size_t large, size_t reserve)
{
	m->full = map_private(3 << 20);
	pattern(m->full, 3 << 20, 1);
	m->sparse = map_sparse(64 << 20);
	pattern(m->sparse + 3 * PAGE, PAGE, 2);
	pattern(m->sparse + 100 * PAGE, PAGE, 3);
	pattern(m->sparse + 9000 * PAGE, PAGE, 4);
	/* Reading maps the shared zero page. */
	if (m->sparse[50 * PAGE] != 0)
		fail("not zero");
	m->none = map_private(reserve);
	write_secret(m->none, "NO-ACCESS");
	mprotect(m->none, reserve, PROT_NONE);
	m->huge = map_sparse(reserve);
	m->touched = m->huge + reserve / 2;
	*m->touched = 77;
	m->dont = map_private(PAGE);
	write_secret(m->dont, "DONT-DUMP");
	madvise(m->dont, PAGE, MADV_DONTDUMP);
	m->large = map_private(large ? large : PAGE);
	pattern(m->large, large, 7);
	m->many = map_sparse(MANY * PAGE);
	for (uint32_t i = 0; i < MANY; i += 2)
		pattern(m->many + i * PAGE, 16, i);
}

static void lay_out_shared(struct memory *m)
{
	int fd = memfd_create("captured", 0);

	m->shared = map(16 * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);
	pattern(m->shared + PAGE, 2 * PAGE, 5);
	if (ftruncate(fd, 32 * PAGE) != 0 ||
	    pwrite(fd, "in the object only", 19, 20 * PAGE) != 19)
		fail("memfd");
	m->mem = map(32 * PAGE, MAP_SHARED, fd);
	pattern(m->mem, PAGE, 6);
}

static void say(const struct memory *m)
{
	printf("{\"full\": %lu, \"sparse\": %lu, \"none\": %lu, "
	       "\"huge\": %lu, \"touched\": %lu, \"dont\": %lu, \"shared\": %lu, "
	       "\"mem\": %lu, \"large\": %lu, \"many\": %lu}\n",
	       (uintptr_t)m->full, (uintptr_t)m->sparse, (uintptr_t)m->none,
	       (uintptr_t)m->huge, (uintptr_t)m->touched, (uintptr_t)m->dont,
	       (uintptr_t)m->shared, (uintptr_t)m->mem, (uintptr_t)m->large,
	       (uintptr_t)m->many);
	fflush(stdout);
}

/* Answers until the end; each answer says that the threads went round. */
static void answer(void)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned long before = atomic_load(&spins);

		if (line[0] == 'a')
			abort();
		if (line[0] == 'q')
			break;
		while (atomic_load(&spins) < before + 3)
			sched_yield();
		puts(atomic_load(&broken) ? "broken" : "fine");
		fflush(stdout);
	}
}

static void watch_threads(void)
{
	enum { SPINS, READS, SLEEPS, LOCKS, SIGNALS, FORKS, THREADS };
	static void *(*const bodies[THREADS])(void *) = {
		[SPINS] = spinning_thread, [READS] = reading_thread,
		[SLEEPS] = sleeping_thread, [LOCKS] = locking_thread,
		[SIGNALS] = signalling_thread, [FORKS] = forking_thread,
	};
	pthread_t threads[THREADS];

	pthread_mutex_lock(&held);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, bodies[i], NULL);
	answer();
	atomic_store(&stop, 1);
	pthread_join(threads[SIGNALS], NULL);
	pthread_mutex_unlock(&held);
	if (write(pipe_fds[1], "x", 1) != 1)
		fail("write");
	for (int i = 0; i < THREADS; i++)
		if (i != SIGNALS)
			pthread_join(threads[i], NULL);
	for (int i = 0; i < 10000 &&
	     atomic_load(&received) < atomic_load(&sent); i++)
		usleep(100);
	if (atomic_load(&received) != atomic_load(&sent))
		fail("signals were lost");
}

static size_t mib(int argc, char **argv, int i, size_t otherwise)
{
	return argc > i ? strtoul(argv[i], NULL, 10) << 20 : otherwise;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct memory memory;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (argc > 1 && !strcmp(argv[1], "vfork"))
		run_vfork();
	if (argc > 1 && !strcmp(argv[1], "outlived"))
		run_outlived();
	lay_out_private(&memory, mib(argc, argv, 1, 0),
			mib(argc, argv, 2, (size_t)64 << 30));
	lay_out_shared(&memory);
	block_signals();
	sigaction(SIGRTMIN, &action, NULL);
	if (pipe(pipe_fds) != 0)
		return 1;
	say(&memory);
	watch_threads();
	puts(atomic_load(&broken) ? "broken" : "all well");
	return atomic_load(&broken);
}
