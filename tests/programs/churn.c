/* SPDX-License-Identifier: MIT */
/*
 * Threads that use the heap, start and end other threads, and check that
 * nothing of theirs changes unasked: contents of blocks, registers, signal
 * masks, children. For captures while it runs.
 *
 * Prints "ready"; answers each line of input with "fine" when all threads
 * have gone round since; ends at the end of input. Exit status: 0 if nothing
 * was found wrong.
 *
 * usage: churn THREADS [MIB]
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 64, LARGEST = 4096, MAX_THREADS = 1024 };

struct worker {
	pthread_t thread;
	uint64_t random;
	atomic_ulong rounds;
	unsigned char *blocks[SLOTS];
	uint32_t sizes[SLOTS];
};

static struct worker workers[MAX_THREADS];
static atomic_bool ending;
static atomic_int wrong;

static void found(const char *what)
{
	fprintf(stderr, "churn: %s\n", what);
	atomic_store(&wrong, 1);
}

static void on_child(int sig)
{
	(void)sig;
	static const char text[] = "churn: SIGCHLD\n";

	atomic_store(&wrong, 1);
	(void)!write(2, text, sizeof(text) - 1);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static void check_block(const struct worker *w, int slot)
{
	const unsigned char *block = w->blocks[slot];

	for (uint32_t i = 0; i < w->sizes[slot]; i++) {
		if (block[i] != (unsigned char)(slot + (int)i)) {
			found("a block changed");
			return;
		}
	}
}

static void replace_block(struct worker *w)
{
	int slot = (int)(next_random(&w->random) % SLOTS);
	uint32_t size = (uint32_t)(next_random(&w->random) % LARGEST);

	check_block(w, slot);
	free(w->blocks[slot]);
	w->sizes[slot] = size;
	w->blocks[slot] = malloc(size + 1);
	if (!w->blocks[slot])
		exit(2);
	for (uint32_t i = 0; i < size; i++)
		w->blocks[slot][i] = (unsigned char)(slot + (int)i);
}

/* Values in registers survive any number of iterations, and a system call
 * that does nothing. */
static void check_registers(void)
{
#ifdef __x86_64__
	uint64_t bad, vec[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
	uint64_t back[2];

	__asm__ volatile(
		"movdqu %2, %%xmm7\n\t"
		"movabs $0x1234567890abcdef, %%r13\n\t"
		"movabs $0xfedcba0987654321, %%r14\n\t"
		"mov %%r13, %%r10\n\t"
		"mov %%r14, %%r8\n\t"
		"mov $500, %%ebx\n"
		"1:\n\t"
		"mov $24, %%eax\n\t"	/* sched_yield */
		"syscall\n\t"
		"dec %%ebx\n\t"
		"jnz 1b\n\t"
		"sub %%r13, %%r10\n\t"
		"sub %%r14, %%r8\n\t"
		"movabs $0x1234567890abcdef, %%rax\n\t"
		"sub %%rax, %%r13\n\t"
		"movabs $0xfedcba0987654321, %%rax\n\t"
		"sub %%rax, %%r14\n\t"
		"or %%r13, %%r14\n\t"
		"or %%r10, %%r14\n\t"
		"or %%r8, %%r14\n\t"
		"mov %%r14, %0\n\t"
		"movdqu %%xmm7, %1"
		: "=r"(bad), "=m"(back) : "m"(vec)
		: "rax", "rbx", "rcx", "r8", "r10", "r11", "r13", "r14",
		  "xmm7", "cc", "memory");
	if (bad || memcmp(vec, back, sizeof(vec)) != 0)
		found("registers changed");
#endif
}

static void check_mask(void)
{
	sigset_t now;

	sigemptyset(&now);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (int sig = 1; sig < 32; sig++) {
		if (sigismember(&now, sig) != (sig == SIGUSR2))
			found("the signal mask changed");
	}
}

/* Waits see no child that we did not make, at the moment none. */
static void check_children(void)
{
	int status;

	errno = 0;
	if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD)
		found("waitpid() saw a child");
	errno = 0;
	if (waitpid(0, &status, WNOHANG) != -1 || errno != ECHILD)
		found("waitpid() saw a child in its process group");
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&ending)) {
		for (int i = 0; i < 20; i++)
			replace_block(w);
		check_registers();
		check_mask();
		atomic_fetch_add(&w->rounds, 1);
	}
	for (int slot = 0; slot < SLOTS; slot++)
		check_block(w, slot);
	return NULL;
}

static void *pass(void *arg)
{
	return arg;
}

static void *start_threads(void *arg)
{
	pthread_t t;

	while (!atomic_load(&ending)) {
		check_children();
		if (pthread_create(&t, NULL, pass, arg) == 0)
			pthread_join(t, NULL);
	}
	return NULL;
}

static void wait_round(int n)
{
	static unsigned long before[MAX_THREADS];

	for (int i = 0; i < n; i++)
		before[i] = atomic_load(&workers[i].rounds);
	for (int i = 0; i < n; i++) {
		while (atomic_load(&workers[i].rounds) < before[i] + 1)
			usleep(100);
	}
}

/* A single thread has to look for input itself. */
static void work_alone(struct worker *w)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	char c;

	while (!atomic_load(&ending)) {
		for (int i = 0; i < 20; i++)
			replace_block(w);
		check_registers();
		check_mask();
		check_children();
		if (poll(&in, 1, 0) <= 0)
			continue;
		if (read(0, &c, 1) != 1)
			return;
		if (c == '\n')
			(void)!write(1, "fine\n", 5);
	}
}

static void work_together(int n)
{
	pthread_t starter;
	char line[64];

	for (int i = 0; i < n; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	pthread_create(&starter, NULL, start_threads, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		wait_round(n);
		puts("fine");
		fflush(stdout);
	}
	atomic_store(&ending, true);
	for (int i = 0; i < n; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_join(starter, NULL);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	struct sigaction action = { .sa_handler = on_child };
	unsigned char *ballast = malloc(mib << 20);
	sigset_t one;

	if (!ballast || n < 1 || n > MAX_THREADS)
		return 2;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	memset(ballast, 7, mib << 20);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &one, NULL);
	for (int i = 0; i < n; i++)
		workers[i].random = 88172645463325252u + (uint64_t)i;
	(void)!write(1, "ready\n", 6);
	if (n > 1)
		work_together(n);
	else
		work_alone(&workers[0]);
	for (size_t i = 0; i < mib << 20; i++) {
		if (ballast[i] != 7) {
			found("ballast changed");
			break;
		}
	}
	return atomic_load(&wrong);
}
