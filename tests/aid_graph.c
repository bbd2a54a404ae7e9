/* SPDX-License-Identifier: MIT */
#include "tests/aid_graph.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bulk.h"

static void need_rows(struct graph *graph, uint64_t n_edges)
{
	if (!graph_alloc_rows(graph, n_edges)) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
}

static void *need(void *block)
{
	if (!block) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return block;
}

uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t random_below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)((random_next(seed) >> 32) * n >> 32);
}

/* A reference as one number that sorts by target, then kind. */
static uint64_t packed(const struct edge *e)
{
	return (uint64_t)e->to << 8 | e->kind;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Append one row without duplicates; the smallest kind stays. */
static void add_row(struct graph *graph, uint64_t *row, size_t n,
		    uint64_t *n_edges)
{
	if (n > 1)
		qsort(row, n, sizeof(*row), by_value);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && row[i] >> 8 == row[i - 1] >> 8)
			continue;
		graph->target[*n_edges] = (uint32_t)(row[i] >> 8);
		graph->kind[(*n_edges)++] = (uint8_t)row[i];
	}
}

struct graph graph_of(uint32_t n_nodes, const struct edge *edges,
		      size_t n_edges)
{
	struct graph graph = { .n_nodes = n_nodes };
	uint64_t *start = need(calloc((size_t)n_nodes + 2, sizeof(*start)));
	uint64_t *packs = need(calloc(n_edges + 1, sizeof(*packs)));
	uint64_t len = 0;

	need_rows(&graph, n_edges);
	graph.target = need(bulk_alloc(n_edges + 1, sizeof(*graph.target)));
	graph.kind = need(bulk_alloc(n_edges + 1, 1));
	for (size_t i = 0; i < n_edges; i++)
		start[edges[i].from + 2]++;
	for (uint32_t i = 0; i < n_nodes; i++)
		start[i + 2] += start[i + 1];
	for (size_t i = 0; i < n_edges; i++)
		packs[start[edges[i].from + 1]++] = packed(&edges[i]);
	for (uint32_t i = 0; i < n_nodes; i++) {
		add_row(&graph, packs + start[i], start[i + 1] - start[i],
			&len);
		graph_set_row(&graph, i + 1, len);
	}
	free(packs);
	free(start);
	return graph;
}

struct graph random_graph(uint64_t *seed, uint32_t n_nodes, size_t n_edges)
{
	struct edge *edges = need(calloc(n_edges + 1, sizeof(*edges)));
	uint32_t shape = random_below(seed, 3);
	struct graph graph;

	if (n_nodes == 0)
		n_edges = 0;
	for (size_t i = 0; i < n_edges; i++) {
		struct edge *e = &edges[i];
		uint32_t dice = random_below(seed, 4);

		e->from = random_below(seed, n_nodes);
		e->to = random_below(seed, n_nodes);
		if (shape == 1 && dice > 0)
			e->to = (e->from + dice) % n_nodes;
		else if (shape == 2 && dice > 1)
			e->to = random_below(seed, n_nodes / 8 + 1);
		if (random_below(seed, 4) == 0)
			e->kind = (uint8_t)random_below(seed, N_REF_KINDS);
	}
	graph = graph_of(n_nodes, edges, n_edges);
	free(edges);
	return graph;
}

struct graph chain_graph(uint32_t n_nodes, bool ring)
{
	struct graph graph = { .n_nodes = n_nodes };
	uint64_t len = 0;

	need_rows(&graph, n_nodes);
	graph.target = need(bulk_alloc((size_t)n_nodes + 1,
				       sizeof(*graph.target)));
	for (uint32_t i = 0; i < n_nodes; i++) {
		if (i + 1 < n_nodes)
			graph.target[len++] = i + 1;
		else if (ring)
			graph.target[len++] = 0;
		graph_set_row(&graph, i + 1, len);
	}
	return graph;
}

/* A heap in the making: blocks of at most 64 references, written in order. */
struct heap_maker {
	uint64_t seed;
	uint32_t n_blocks, next;
	struct edge *edges;
	size_t n_edges, cap;
};

static void refer(struct heap_maker *m, uint32_t from, uint32_t to)
{
	if (from >= m->n_blocks || to >= m->n_blocks)
		return;
	if (m->n_edges == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 1024;
		m->edges = need(reallocarray(m->edges, m->cap,
					     sizeof(*m->edges)));
	}
	m->edges[m->n_edges++] = (struct edge){ .from = from, .to = to };
}

/*
 * An earlier block. Of sixteen ten are near, four are among the famous, where
 * each power of four is as likely as the next, and two are anywhere.
 */
static uint32_t earlier(struct heap_maker *m)
{
	uint32_t dice = random_below(&m->seed, 16), span = m->next;

	if (span == 0)
		return 0;
	if (dice < 10 && span > 1000)
		return m->next - 1 - random_below(&m->seed, 1000);
	if (dice < 14)
		span >>= 2 * random_below(&m->seed, 12);
	return span > 1 ? random_below(&m->seed, span) : 0;
}

/* Doubly linked: head, then nodes that each hold an object and its name. */
static void add_list(struct heap_maker *m, uint32_t len)
{
	uint32_t head = m->next++, last = head;

	for (uint32_t i = 0; i < len; i++) {
		uint32_t node = m->next++, object = m->next++,
			 name = m->next++;

		refer(m, last, node);
		if (last != head)
			refer(m, node, last);
		refer(m, node, object);
		refer(m, object, name);
		for (uint32_t j = random_below(&m->seed, 4); j > 0; j--)
			refer(m, object, earlier(m));
		last = node;
	}
}

/* Binary, with parent links; leaves hold earlier blocks. */
static void add_tree(struct heap_maker *m, uint32_t len)
{
	uint32_t base = m->next;

	for (uint32_t i = 0; i < len; i++) {
		uint32_t node = m->next++;

		if (i > 0) {
			refer(m, base + (i - 1) / 2, node);
			refer(m, node, base + (i - 1) / 2);
		}
		refer(m, node, earlier(m));
	}
}

/* Buckets in blocks of 64, entries with a key; some values live elsewhere. */
static void add_table(struct heap_maker *m, uint32_t len)
{
	uint32_t table = m->next++, bucket = 0;

	for (uint32_t i = 0; i < len; i++) {
		uint32_t entry, key;

		if (i % 64 == 0) {
			bucket = m->next++;
			refer(m, table, bucket);
		}
		entry = m->next++;
		key = m->next++;
		refer(m, bucket, entry);
		refer(m, entry, key);
		refer(m, entry, earlier(m));
		if (random_below(&m->seed, 4) == 0)
			refer(m, entry, bucket);
	}
}

/* Objects that point here and there. */
static void add_objects(struct heap_maker *m, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint32_t object = m->next++;
		uint32_t n = random_below(&m->seed, 8);

		for (uint32_t j = 0; j < n; j++)
			refer(m, object, earlier(m));
		if (m->next > 1)
			refer(m, earlier(m), object);
	}
}

/*
 * Give the blocks new numbers: programs build several structures at a time,
 * so what belongs together lies near each other, but not in order, and one
 * in eight lies where a hole was.
 */
static void strew(struct heap_maker *m)
{
	uint32_t n = m->n_blocks;
	uint32_t *name = need(calloc((size_t)n + 1, sizeof(*name)));

	for (uint32_t i = 0; i < n; i++)
		name[i] = i;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = random_below(&m->seed, 8) ?
			i + random_below(&m->seed, 256) :
			random_below(&m->seed, n);
		uint32_t was = name[i];

		if (j >= n)
			continue;
		name[i] = name[j];
		name[j] = was;
	}
	for (size_t i = 0; i < m->n_edges; i++) {
		struct edge *e = &m->edges[i];

		e->from = e->from < n ? name[e->from] : e->from;
		e->to = e->to < n ? name[e->to] : e->to;
	}
	free(name);
}

struct graph heap_like_graph(uint64_t seed, uint32_t n_nodes,
			     uint32_t *first_root)
{
	static void (*const makers[])(struct heap_maker *, uint32_t) = {
		add_list, add_tree, add_table, add_objects,
	};
	struct heap_maker m = { .seed = seed };
	uint32_t n_roots = n_nodes / 1000 + 1, n_blocks = n_nodes - n_roots;
	struct graph graph;

	m.n_blocks = n_blocks;
	while (m.next < n_blocks) {
		uint32_t len = UINT32_C(1) << random_below(&m.seed, 17);
		uint32_t first = m.next;

		makers[random_below(&m.seed, 4)](&m, len);
		refer(&m, random_below(&m.seed, first + 1), first);
		/* Roots are known to be outside: put the edge in by hand. */
		m.n_blocks = n_nodes;
		if (first < n_blocks)
			refer(&m, n_blocks + random_below(&m.seed, n_roots),
			      first);
		m.n_blocks = n_blocks;
	}
	strew(&m);
	graph = graph_of(n_nodes, m.edges, m.n_edges);
	free(m.edges);
	*first_root = n_blocks;
	return graph;
}
