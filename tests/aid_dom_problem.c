/* SPDX-License-Identifier: MIT */
#include "tests/aid_dom_problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/aid_graph.h"

enum { ALL_KINDS = (1 << N_REF_KINDS) - 1 };

static void need(bool ok)
{
	if (!ok) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
}

static void make_groups(struct dom_problem *p, uint64_t *seed)
{
	uint32_t n = p->graph.n_nodes;

	p->spec.n_groups = random_below(seed, MAX_GROUPS + 1);
	for (uint32_t g = 0; g < p->spec.n_groups; g++) {
		uint32_t len = random_below(seed, 5);

		while (len-- > 0)
			need(vec_push(&p->group_members,
					     random_below(seed, n)));
		p->group_row[g + 1] = p->group_members.len;
	}
	p->spec.group_row = p->group_row;
	p->spec.group_member = p->group_members.at;
}

static void make_tiers(struct dom_problem *p, uint64_t *seed)
{
	uint32_t n = p->graph.n_nodes, at = 0;

	p->spec.tiers = p->tiers;
	p->spec.n_tiers = 1 + random_below(seed, MAX_TIERS);
	for (uint32_t t = 0; t < p->spec.n_tiers; t++) {
		p->tiers[t].n = random_below(seed, 5);
		for (uint32_t i = 0; i < p->tiers[t].n; i++) {
			uint32_t id = random_below(seed, n);

			if (p->spec.n_groups && random_below(seed, 3) == 0)
				id = n + 1 + random_below(seed,
							  p->spec.n_groups);
			need(vec_push(&p->entries, id));
		}
	}
	for (uint32_t t = 0; t < p->spec.n_tiers; t++) {
		p->tiers[t].entry = p->entries.at ? p->entries.at + at : NULL;
		at += p->tiers[t].n;
	}
}

void dom_problem_make(struct dom_problem *p, uint64_t *seed, uint32_t max)
{
	uint32_t n = 1 + random_below(seed, max);

	*p = (struct dom_problem){0};
	p->graph = random_graph(seed, n, random_below(seed, 3 * n + 4));
	p->spec.graph = &p->graph;
	p->spec.kinds = random_below(seed, 2) ? ALL_KINDS :
			random_below(seed, ALL_KINDS + 1);
	need(block_sizes_init(&p->sizes, n));
	for (uint32_t i = 0; i < n; i++)
		need(block_set_size(&p->sizes, i, random_below(seed, 16) ?
				    random_below(seed, 1000) :
				    random_next(seed) >> 24));
	p->spec.sizes = &p->sizes;
	p->spec.n_bytes = n - random_below(seed, n / 4 + 1);
	if (random_below(seed, 3) == 0) {
		need(bitset_init(&p->members, n));
		for (uint32_t i = 0; i < n; i++) {
			if (random_below(seed, 8))
				bitset_add(&p->members, i);
		}
		p->spec.members = &p->members;
	}
	make_groups(p, seed);
	make_tiers(p, seed);
}

void dom_problem_free(struct dom_problem *p)
{
	graph_free(&p->graph);
	bitset_free(&p->members);
	vec_free(&p->entries);
	vec_free(&p->group_members);
	block_sizes_free(&p->sizes);
}

static bool is_in(const struct dom_spec *spec, uint32_t id)
{
	return id >= spec->graph->n_nodes || !spec->members ||
	       bitset_has(spec->members, id);
}

/* All edges of the problem except those of the virtual root. */
static struct graph plain_graph(const struct dom_spec *spec)
{
	const struct graph *g = spec->graph;
	uint32_t n = g->n_nodes;
	VEC(struct edge) edges = {0};
	struct graph plain;

	for (uint32_t i = 0; i < n; i++) {
		for (uint64_t e = graph_row(g, i),
		     end = graph_row(g, i + 1); e < end; e++) {
			struct edge edge = { .from = i, .to = g->target[e] };

			if (spec->kinds >> g->kind[e] & 1 && is_in(spec, i) &&
			    is_in(spec, edge.to))
				need(vec_push(&edges, edge));
		}
	}
	for (uint32_t i = 0; i < spec->n_groups; i++) {
		for (uint64_t m = spec->group_row[i];
		     m < spec->group_row[i + 1]; m++) {
			struct edge edge = { .from = n + 1 + i };

			edge.to = spec->group_member[m];
			if (is_in(spec, edge.to))
				need(vec_push(&edges, edge));
		}
	}
	plain = graph_of(n + 1 + spec->n_groups, edges.at, edges.len);
	vec_free(&edges);
	return plain;
}

/* Give tier @t to all that @id reaches and that has none. */
static void spread(const struct graph *graph, uint32_t *tier, uint32_t id,
		   uint32_t t)
{
	VEC(uint32_t) todo = {0};

	if (tier[id] != NODE_NONE)
		return;
	tier[id] = t;
	need(vec_push(&todo, id));
	while (todo.len > 0) {
		uint32_t i = vec_pop(&todo);

		for (uint64_t e = graph_row(graph, i),
		     end = graph_row(graph, i + 1); e < end; e++) {
			uint32_t to = graph->target[e];

			if (tier[to] != NODE_NONE)
				continue;
			tier[to] = t;
			need(vec_push(&todo, to));
		}
	}
	vec_free(&todo);
}

struct graph dom_problem_flow(const struct dom_spec *spec)
{
	struct graph plain = plain_graph(spec), flow;
	uint32_t *tier = malloc(plain.n_nodes * sizeof(*tier));
	VEC(struct edge) edges = {0};

	need(tier);
	memset(tier, 0xff, plain.n_nodes * sizeof(*tier));
	for (uint32_t t = 0; t < spec->n_tiers; t++) {
		for (uint32_t i = 0; i < spec->tiers[t].n; i++) {
			if (is_in(spec, spec->tiers[t].entry[i]))
				spread(&plain, tier, spec->tiers[t].entry[i],
				       t);
		}
	}
	for (uint32_t t = 0; t < spec->n_tiers; t++) {
		for (uint32_t i = 0; i < spec->tiers[t].n; i++) {
			struct edge edge = { .from = spec->graph->n_nodes };

			edge.to = spec->tiers[t].entry[i];
			if (is_in(spec, edge.to) && t <= tier[edge.to])
				need(vec_push(&edges, edge));
		}
	}
	for (uint32_t i = 0; i < plain.n_nodes; i++) {
		for (uint64_t e = graph_row(&plain, i),
		     end = graph_row(&plain, i + 1); e < end; e++) {
			struct edge edge = { .from = i };

			edge.to = plain.target[e];
			if (tier[i] != NODE_NONE && tier[i] <= tier[edge.to])
				need(vec_push(&edges, edge));
		}
	}
	flow = graph_of(plain.n_nodes, edges.at, edges.len);
	vec_free(&edges);
	free(tier);
	graph_free(&plain);
	return flow;
}

void mark_reached(const struct graph *graph, uint32_t root,
		  const uint32_t *gone, size_t n_gone, uint8_t *seen)
{
	VEC(uint32_t) todo = {0};

	memset(seen, 0, graph->n_nodes);
	for (size_t i = 0; i < n_gone; i++)
		seen[gone[i]] = 2;
	if (!seen[root])
		need(vec_push(&todo, root));
	seen[root] |= 1;
	while (todo.len > 0) {
		uint32_t i = vec_pop(&todo);

		for (uint64_t e = graph_row(graph, i),
		     end = graph_row(graph, i + 1); e < end; e++) {
			uint32_t to = graph->target[e];

			if (seen[to])
				continue;
			seen[to] = 1;
			need(vec_push(&todo, to));
		}
	}
	vec_free(&todo);
	for (uint32_t i = 0; i < graph->n_nodes; i++)
		seen[i] = seen[i] == 1;
}

struct block_sizes made_sizes(const uint64_t *bytes, size_t n)
{
	struct block_sizes sizes;
	struct err err = {0};

	need(block_sizes_of(bytes, n, &sizes, &err));
	return sizes;
}

uint64_t removed_bytes(const struct dom_spec *spec, const uint32_t *set,
		       size_t n)
{
	struct graph flow = dom_problem_flow(spec);
	uint8_t *before = calloc(2, flow.n_nodes), *after;
	uint64_t bytes = 0;

	if (!before)
		exit(2);
	after = before + flow.n_nodes;
	mark_reached(&flow, spec->graph->n_nodes, NULL, 0, before);
	mark_reached(&flow, spec->graph->n_nodes, set, n, after);
	for (uint32_t i = 0; i < spec->n_bytes; i++)
		bytes += before[i] && !after[i] ? block_size(spec->sizes, i) : 0;
	graph_free(&flow);
	free(before);
	return bytes;
}
