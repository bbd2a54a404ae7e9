/* SPDX-License-Identifier: MIT */
/*
 * Pointers with tags in their low bits: a table of cells, some of which are
 * small integers, some strings, some pairs. Allocators align to 16, so the
 * low four bits are free for the taking.
 */
#include <string.h>

#include "samples/truth.h"

enum { N_CELLS = 96 };
enum tag { TAG_NUMBER = 1, TAG_STRING = 2, TAG_PAIR = 4 };

typedef uintptr_t cell;

struct pair {
	cell head, tail;
};

cell *table;

static cell cell_number(uintptr_t n)
{
	return n << 3 | TAG_NUMBER;
}

static cell cell_string(unsigned i)
{
	char *text = (char *)malloc(40);

	snprintf(text, 40, "interned symbol number %u", i);
	truth_held(text);
	return (cell)text | TAG_STRING;
}

static cell cell_pair(cell head, cell tail)
{
	struct pair *p = (struct pair *)malloc(sizeof(*p));

	p->head = head;
	p->tail = tail;
	truth_held(p);
	return (cell)p | TAG_PAIR;
}

TRUTH_APART static void build(void)
{
	table = (cell *)calloc(N_CELLS, sizeof(*table));
	truth_root(table, "table");
	for (unsigned i = 0; i < N_CELLS; i++) {
		switch (i % 3) {
		case 0: table[i] = cell_number(i); break;
		case 1: table[i] = cell_string(i); break;
		case 2: table[i] = cell_pair(table[i - 1], table[i - 2]); break;
		}
	}
}

/* A pair that was overwritten; the string in it is known elsewhere. */
TRUTH_APART static void lose_pair(unsigned i)
{
	struct pair *p = (struct pair *)malloc(sizeof(*p));

	p->head = table[i];
	p->tail = cell_number(i);
	truth_leaked(p);
}

int main(void)
{
	truth_begin("tagged");
	build();
	for (unsigned i = 0; i < 5; i++)
		lose_pair(3 * i + 1);
	return truth_stop();
}
