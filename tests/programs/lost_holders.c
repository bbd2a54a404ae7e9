/* SPDX-License-Identifier: MIT */
/*
 * Blocks of all sizes and origins, each held by one thing that is no variable
 * (a register, a stack, thread-local data, a saved context, a member of a
 * union), and as many that were held the same way and are lost.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <search.h>
#include <string.h>
#include <ucontext.h>
#include <wchar.h>

#include "samples/truth.h"

struct order {
	struct order *next;
	unsigned long number;
	char customer[32];
};

union choice {
	struct order *order;
	double price;
	char text[8];
};

struct answer {
	enum { HAS_ORDER, HAS_PRICE } is;
	union choice value;
	struct answer *next;
};

struct gap {
	char tag;
	/* seven bytes of nothing */
	struct order *order;
};

static uintptr_t in_register;		/* inverted */
static pthread_barrier_t ready, never;
static pid_t returning;			/* a thread */
__thread struct order *thread_local_order;
__thread struct { long n; struct order *list[3]; } thread_local_record;
struct answer *answers;
union choice bare_choice;
struct gap gaps[2];
void *tree_root;
char *line, *printed;
static void *early;
static ucontext_t context;
struct order *volatile shrunk_list, *volatile ends[2];

static struct order *order_new(unsigned long number)
{
	struct order *o = (struct order *)calloc(1, sizeof(*o));

	o->number = number;
	snprintf(o->customer, sizeof(o->customer), "customer %lu", number);
	return o;
}

static struct order *held_order(unsigned long number)
{
	struct order *o = order_new(number);

	truth_held(o);
	return o;
}

__attribute__((constructor)) static void before_main(void)
{
	early = malloc(1234);
}

TRUTH_APART static void hold_in_unions(void)
{
	for (unsigned long i = 0; i < 12; i++) {
		struct answer *a = (struct answer *)calloc(1, sizeof(*a));

		truth_held(a);
		a->is = i % 3 ? HAS_PRICE : HAS_ORDER;
		if (a->is == HAS_ORDER)
			a->value.order = held_order(i);
		else
			a->value.price = 0.5 + (double)i;
		a->next = answers;
		answers = a;
	}
	bare_choice.order = held_order(77);
	gaps[1].order = held_order(78);
}

TRUTH_APART static void lose_in_unions(void)
{
	struct answer *a = (struct answer *)calloc(1, sizeof(*a));

	a->is = HAS_ORDER;
	a->value.order = order_new(99);
	truth_leaked(a);
	truth_leaked(a->value.order);
	/* The price that is written next overwrites the only pointer. */
	answers->value.order = order_new(100);
	truth_leaked(answers->value.order);
	answers->is = HAS_PRICE;
	answers->value.price = 17.25;
}

TRUTH_APART static void hold_in_threads_data(void)
{
	thread_local_order = held_order(200);
	thread_local_order->next = held_order(201);
	thread_local_record.list[2] = held_order(202);
}

static int by_text(const void *a, const void *b)
{
	return strcmp((const char *)a, (const char *)b);
}

/* What libc allocates for its callers. */
TRUTH_APART static void use_libc(void)
{
	static char key[4][8] = { "pear", "apple", "plum", "fig" };
	wchar_t *wide = wcsdup(L"wide and lost");

	truth_leaked(wide);
	for (int i = 0; i < 4; i++)
		truth_held(tsearch(key[i], &tree_root, by_text));
	line = strdup("held by a variable");
	truth_held(line);
	truth_leaked(strdup("lost"));
	if (asprintf(&printed, "%d bottles", 99) < 0)
		abort();
	truth_leaked(printed);
	if (asprintf(&printed, "this one overwrites %s", "the other") < 0)
		abort();
	truth_held(printed);
}

TRUTH_APART static void use_memory_of_all_kinds(void)
{
	void *aligned = NULL;
	char *grown = (char *)malloc(24);

	if (posix_memalign(&aligned, 4096, 100))
		abort();
	truth_leaked(aligned);
	truth_leaked(aligned_alloc(64, 640));
	truth_leaked(malloc(1 << 20));
	truth_leaked(calloc(3, 200000));
	for (size_t n = 24; n < 100000; n *= 2)
		grown = (char *)realloc(grown, n);
	truth_leaked(grown);
	shrunk_list = (struct order *)malloc(50 * sizeof(struct order));
	shrunk_list = (struct order *)realloc(shrunk_list,
					      2 * sizeof(struct order));
	memset(shrunk_list, 0, 2 * sizeof(struct order));
	truth_held(shrunk_list);
	shrunk_list->next = held_order(300);
	/* Only its last byte is referred to. */
	ends[0] = (struct order *)((char *)held_order(301) + 47);
}

static void *live_thread(void *arg)
{
	struct order *volatile mine = held_order(400);

	thread_local_order = held_order(401);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&never);
	return arg ? mine : NULL;
}

/* Ends without a return; its local data goes, and what that held is lost. */
static void *leaving_thread(void *arg)
{
	(void)arg;
	thread_local_order = order_new(500);
	truth_add(thread_local_order, TRUTH_STALE_ALLOWED);
	pthread_exit(NULL);
}

/* Lost, unless somebody should join the thread: a snapshot cannot tell. */
static void *returning_thread(void *arg)
{
	struct order *o = order_new(600);

	(void)arg;
	__atomic_store_n(&returning, gettid(), __ATOMIC_RELEASE);
	truth_add(o, TRUTH_STALE_ALLOWED);
	pthread_exit(o);
}

TRUTH_APART static void run_threads(void)
{
	pthread_t thread;

	pthread_barrier_init(&ready, NULL, 3);
	pthread_barrier_init(&never, NULL, 3);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread, NULL, live_thread, NULL);
	pthread_barrier_wait(&ready);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, leaving_thread, NULL);
		pthread_join(thread, NULL);
	}
	pthread_create(&thread, NULL, returning_thread, NULL);
	while (!__atomic_load_n(&returning, __ATOMIC_ACQUIRE) ||
	       tgkill(getpid(), returning, 0) == 0)
		sched_yield();
}

/* Only the saved context knows this block: in a register. */
TRUTH_APART static void save_context(void)
{
	register uintptr_t kept __asm__("r14");

	in_register = ~(uintptr_t)held_order(700);
	__asm__ volatile("not %0" : "=r"(kept) : "0"(in_register));
	if (getcontext(&context))
		abort();
	__asm__ volatile("" : : "r"(kept));
}

int main(void)
{
	register uintptr_t kept __asm__("r15");

	truth_begin("lost_holders");
	truth_held(early);
	hold_in_unions();
	lose_in_unions();
	hold_in_threads_data();
	use_libc();
	use_memory_of_all_kinds();
	truth_scrub();
	run_threads();
	save_context();
	truth_scrub();
	__asm__ volatile("not %0" : "=r"(kept) : "0"(in_register));
	truth_stop();
	__asm__ volatile("" : : "r"(kept));
	_exit(0);
}
