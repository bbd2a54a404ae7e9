/* SPDX-License-Identifier: MIT */
/* Blocks held only by pointers into their middle. */
#include <stddef.h>
#include <string.h>

#include "samples/truth.h"

enum { N_MESSAGES = 24, N_TASKS = 12, N_LOST = 10 };

/* The queue knows payloads; the header before each is found by arithmetic. */
struct message {
	unsigned long sequence;
	size_t length;
	char payload[];
};

struct list_head {
	struct list_head *next, *prev;
};

struct task {
	char name[24];
	unsigned priority;
	struct list_head link;
	double started;
};

char *payloads[N_MESSAGES];
struct list_head tasks = { &tasks, &tasks };

static char *message_new(unsigned long sequence)
{
	size_t length = 40 + 8 * sequence;
	struct message *m = (struct message *)malloc(sizeof(*m) + length);

	m->sequence = sequence;
	m->length = length;
	memset(m->payload, 'm', length - 1);
	m->payload[length - 1] = '\0';
	truth_held(m);
	return m->payload;
}

static struct task *task_new(unsigned priority)
{
	struct task *t = (struct task *)calloc(1, sizeof(*t));

	snprintf(t->name, sizeof(t->name), "task %u", priority);
	t->priority = priority;
	t->started = 0.5 * priority;
	return t;
}

static void task_add(struct task *t)
{
	t->link.next = &tasks;
	t->link.prev = tasks.prev;
	tasks.prev->next = &t->link;
	tasks.prev = &t->link;
	truth_root(t, "tasks");
}

TRUTH_APART static void build(void)
{
	for (unsigned i = 0; i < N_MESSAGES; i++)
		payloads[i] = message_new(i);
	for (unsigned i = 0; i < N_TASKS; i++)
		task_add(task_new(i));
	truth_root(payloads[3] - offsetof(struct message, payload), "payloads");
}

/* A task taken off the list and forgotten still points into the list. */
TRUTH_APART static void lose_task(unsigned priority)
{
	struct task *t = task_new(priority);

	t->link = tasks;
	truth_leaked(t);
}

int main(void)
{
	truth_begin("interior");
	build();
	for (unsigned i = 0; i < N_LOST; i++)
		lose_task(70 + i);
	truth_group("block", "task", N_LOST);
	truth_type("task", N_TASKS + N_LOST);
	return truth_stop();
}
