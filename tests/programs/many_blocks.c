/* SPDX-License-Identifier: MIT */
/*
 * A heap of a given number of blocks, for the benchmarks: accounts in a hash
 * table, each with a name, a list of orders and a search tree of points; one
 * in a hundred accounts is lost; and, if asked for, blocks of 1 MiB with
 * numbers. Stops itself when it is built.
 *
 * usage: many_blocks BLOCKS [MEBIBYTES]
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct order {
	struct order *next;
	uint64_t id;
	double amount;
	char note[16];
};

struct point {
	struct point *left, *right;
	uint64_t key;
};

struct account {
	struct account *next;
	char *name;
	struct order *orders;
	struct point *points;
	uint64_t id;
	struct account *partner;
};

enum { PER_ACCOUNT = 14, ORDERS = 6, POINTS = 6 };

struct bank {
	struct account **slots;
	size_t n_slots;
	size_t n_accounts;
};

static struct bank bank;
static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static void *get(size_t size)
{
	void *block = calloc(1, size);

	if (!block) {
		perror("many_blocks");
		exit(1);
	}
	return block;
}

static void add_point(struct point **at, uint64_t key)
{
	while (*at)
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	*at = get(sizeof(**at));
	(*at)->key = key;
}

static struct account *make_account(uint64_t id)
{
	struct account *a = get(sizeof(*a));

	a->id = id;
	a->name = get(24);
	snprintf(a->name, 24, "account %llu", (unsigned long long)id);
	for (int i = 0; i < ORDERS; i++) {
		struct order *o = get(sizeof(*o));

		o->id = id * ORDERS + (uint64_t)i;
		o->amount = (double)(next_random() % 100000) / 100;
		o->next = a->orders;
		a->orders = o;
	}
	for (int i = 0; i < POINTS; i++)
		add_point(&a->points, next_random());
	return a;
}

/* Contents that compress well, and no pointers. */
static uint32_t **make_numbers(size_t mebibytes)
{
	uint32_t **tables = get((mebibytes + 1) * sizeof(*tables));

	for (size_t i = 0; i < mebibytes; i++) {
		tables[i] = get(1 << 20);
		for (uint32_t k = 0; k < 1 << 18; k++)
			tables[i][k] = k % 1000 + 1;
	}
	return tables;
}

uint32_t **numbers;	/* a root, whatever is optimised away */

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) / PER_ACCOUNT : 0;
	struct account *last = NULL;

	numbers = make_numbers(argc > 2 ? strtoul(argv[2], NULL, 10) : 0);
	bank.n_slots = n + 1;
	bank.slots = get(bank.n_slots * sizeof(*bank.slots));
	for (size_t i = 0; i < n; i++) {
		struct account *a = make_account(i);
		struct account **slot =
			&bank.slots[next_random() % bank.n_slots];

		if (i % 100 == 99)
			continue;	/* lost */
		a->partner = last;
		a->next = *slot;
		*slot = last = a;
		bank.n_accounts++;
	}
	printf("%d\n", (int)getpid());
	fflush(stdout);
	raise(SIGSTOP);
	return 0;
}
