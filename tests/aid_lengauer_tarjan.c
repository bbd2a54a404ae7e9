/* SPDX-License-Identifier: MIT */
#include "tests/aid_lengauer_tarjan.h"

#include <stdio.h>
#include <stdlib.h>

/* Names are the paper's. Nodes count from 1, so that 0 is "none". */
struct lt {
	const struct graph *graph;
	uint32_t n;		/* nodes numbered */
	uint32_t *semi;		/* [n_nodes + 1] number, after visiting */
	uint32_t *vertex, *parent, *ancestor, *label, *bucket, *next, *dom;
	uint64_t *edge;		/* of the search */
	uint32_t *stack;
};

static void *column(uint32_t n, size_t size)
{
	void *block = calloc((size_t)n + 2, size);

	if (!block) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return block;
}

static void visit(struct lt *t, uint32_t v, uint32_t from)
{
	t->semi[v] = ++t->n;
	t->vertex[t->n] = t->label[v] = v;
	t->parent[v] = from;
	t->edge[v] = graph_row(t->graph, v - 1);
}

static void search(struct lt *t, uint32_t root)
{
	uint32_t v = root;

	visit(t, root, 0);
	while (v) {
		uint32_t to;

		if (t->edge[v] == graph_row(t->graph, v)) {
			v = t->parent[v];
			continue;
		}
		to = t->graph->target[t->edge[v]++] + 1;
		if (t->semi[to] == 0) {
			visit(t, to, v);
			v = to;
		}
	}
}

static void compress(struct lt *t, uint32_t v)
{
	uint32_t n = 0;

	while (t->ancestor[t->ancestor[v]]) {
		t->stack[n++] = v;
		v = t->ancestor[v];
	}
	while (n > 0) {
		uint32_t a;

		v = t->stack[--n];
		a = t->ancestor[v];
		if (t->semi[t->label[a]] < t->semi[t->label[v]])
			t->label[v] = t->label[a];
		t->ancestor[v] = t->ancestor[a];
	}
}

static uint32_t eval(struct lt *t, uint32_t v)
{
	if (t->ancestor[v] == 0)
		return v;
	compress(t, v);
	return t->label[v];
}

static void find_semi(struct lt *t, const struct graph *back, uint32_t w)
{
	for (uint64_t e = graph_row(back, w - 1); e < graph_row(back, w); e++) {
		uint32_t u, v = back->target[e] + 1;

		if (t->semi[v] == 0)
			continue;
		u = eval(t, v);
		if (t->semi[u] < t->semi[w])
			t->semi[w] = t->semi[u];
	}
}

static void empty_bucket(struct lt *t, uint32_t p)
{
	for (uint32_t v = t->bucket[p]; v; v = t->next[v]) {
		uint32_t u = eval(t, v);

		t->dom[v] = t->semi[u] < t->semi[v] ? u : p;
	}
	t->bucket[p] = 0;
}

static void solve(struct lt *t, const struct graph *back)
{
	for (uint32_t i = t->n; i > 1; i--) {
		uint32_t w = t->vertex[i], s;

		find_semi(t, back, w);
		s = t->vertex[t->semi[w]];
		t->next[w] = t->bucket[s];
		t->bucket[s] = w;
		t->ancestor[w] = t->parent[w];
		empty_bucket(t, t->parent[w]);
	}
	for (uint32_t i = 2; i <= t->n; i++) {
		uint32_t w = t->vertex[i];

		if (t->dom[w] != t->vertex[t->semi[w]])
			t->dom[w] = t->dom[t->dom[w]];
	}
}

void lengauer_tarjan(const struct graph *graph, uint32_t root, uint32_t *idom)
{
	struct lt t = { .graph = graph };
	struct err err = {0};
	struct graph back;
	uint32_t n = graph->n_nodes;
	uint32_t **columns[] = {
		&t.semi, &t.vertex, &t.parent, &t.ancestor, &t.label,
		&t.bucket, &t.next, &t.dom, &t.stack,
	};
	enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

	if (!graph_reverse(graph, &back, &err))
		exit(2);
	for (int i = 0; i < N_COLUMNS; i++)
		*columns[i] = column(n, sizeof(uint32_t));
	t.edge = column(n, sizeof(uint64_t));
	search(&t, root + 1);
	solve(&t, &back);
	for (uint32_t v = 0; v < n; v++)
		idom[v] = t.dom[v + 1] ? t.dom[v + 1] - 1 : NODE_NONE;
	for (int i = 0; i < N_COLUMNS; i++)
		free(*columns[i]);
	free(t.edge);
	graph_free(&back);
}
