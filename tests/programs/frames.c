/* SPDX-License-Identifier: MIT */
/* Frames and locals of every kind, for sys_frames.py: waits in pause(). */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME __attribute__((noinline))
#define ALWAYS static inline __attribute__((always_inline))
#define AFTER __asm__ volatile("" ::: "memory")

enum color { RED, GREEN, BLUE };

struct node {
	struct node *next;
	long id;
};

struct box {
	struct node *first;
	double weight;
	char label[16];
	enum color color;
	unsigned low : 3, high : 5;
};

static struct node *made(long n)
{
	struct node *list = NULL;

	for (long i = 0; i < n; i++) {
		struct node *node = malloc(sizeof(*node));

		node->next = list;
		node->id = i;
		list = node;
	}
	return list;
}

static sem_t ready;

FRAME static void halt(int code)
{
	static int calls;
	int seen = ++calls + code;

	sem_post(&ready);
	for (;;)
		pause();
	printf("%d", seen);
}

ALWAYS long sum(const struct node *list, int stop)
{
	long total = 0;

	for (const struct node *at = list; at; at = at->next) {
		total += at->id;
		if (at->id == stop) {
			int found = (int)total;

			halt(found);
			AFTER;
		}
	}
	return total;
}

ALWAYS long twice(const struct node *list, int stop)
{
	long once = sum(list, stop);

	return once * 2;
}

FRAME static long inlined(struct node *list)
{
	long result = 7;

	result += twice(list, 3);
	return result + list->id;
}

FRAME static long many(int a, long b, unsigned char c, short d, bool e,
		       float f, double g, enum color color, const char *text,
		       struct box *box, uint64_t last)
{
	struct box copy = *box;
	int numbers[3] = { a, a + 1, a + 2 };
	struct node *first = copy.first;
	union {
		int i;
		float f;
	} both = { .i = a };

	{
		long b = a * 10L;	/* shadows the parameter */
		volatile long hidden = b + 1;

		halt(numbers[0] + (int)hidden);
		AFTER;
		numbers[1] += (int)b;
	}
	return b + c + d + e + (long)f + (long)g + color + text[0] +
	       copy.color + numbers[1] + both.i + first->id + (long)last;
}

FRAME static long recurse(int depth, struct node *list)
{
	long here = depth * 100;
	struct node *mine = list->next;

	if (depth == 0)
		here += inlined(list);
	else
		here += recurse(depth - 1, mine);
	return here + mine->id;
}

static volatile int zero;

static void on_signal(int signal)
{
	struct node *caught = made(2);
	int number = signal * 2;

	halt(number);
	AFTER;
	zero = (int)caught->id + number;
}

static void *signalled(void *arg)
{
	int before = 11;

	(void)arg;
	pthread_setname_np(pthread_self(), "signalled");
	raise(SIGUSR1);
	AFTER;
	return (void *)(intptr_t)before;
}

static void *recursing(void *arg)
{
	struct node *own = made(12);

	pthread_setname_np(pthread_self(), "recursing");
	return (void *)(recurse(5, own) + own->id + (long)(intptr_t)arg);
}

static void *passing(void *arg)
{
	struct box box = { made(3), 2.5, "cardboard", BLUE, 5, 17 };
	long got;

	pthread_setname_np(pthread_self(), "passing");
	got = many(42, -43, 44, -45, true, 4.5f, -5.25, GREEN, "some text",
		   &box, 0xfeedfacecafef00d);
	return (void *)(got + box.first->id + (long)(intptr_t)arg);
}

int main(int argc, char **argv)
{
	void *(*const bodies[])(void *) = { signalled, recursing, passing };
	struct node *big = made(1000);
	pthread_t threads[3];

	sem_init(&ready, 0, 0);
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, bodies[i], NULL);
	for (int i = 0; i < 3; i++)
		sem_wait(&ready);
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
	return (int)big->id + argc + argv[0][0];
}
