/* SPDX-License-Identifier: MIT */
#include "analyze/scc.h"

#include <stdlib.h>

#include "base/bulk.h"
#include "base/progress.h"
#include "base/sorted.h"

enum {
	AHEAD = 6,		/* references whose targets are fetched early */
	CANCEL_MASK = (1 << 18) - 1,	/* steps between looks for Ctrl-C */
};

/*
 * index[v] is 0 before v is seen; while v's component is open, the lowest
 * index known to be reachable from v; then the component, counted down from
 * n_nodes. Components are above every open index, so a finished node never
 * lowers another one; nodes left out are NODE_NONE and do not either.
 *
 * nodes[] holds the path of the search from the front, and from the back the
 * open nodes that the search has left. edge[] runs beside the path: twice the
 * next edge, plus one when the node's index was lowered, so that it is not
 * the first of its component.
 */
struct search {
	const struct graph *graph;
	uint32_t kinds;
	uint32_t *index, *nodes;	/* [n_nodes] */
	uint64_t *edge;			/* [n_nodes] */
	uint32_t depth, open;		/* path nodes[0 .. depth - 1] */
	uint32_t steps;			/* for looks for Ctrl-C */
	uint32_t next_index, next_component;
};

static void fetch_targets(const struct search *s, uint32_t node)
{
	uint64_t end = graph_row(s->graph, node + 1);
	uint64_t e = graph_row(s->graph, node);

	for (int i = 0; e < end && i < AHEAD; e++, i++)
		__builtin_prefetch(&s->index[s->graph->target[e]]);
}

/* Put @node on the path, unless it is a component alone at first sight. */
static bool enter(struct search *s, uint32_t node)
{
	uint64_t start = graph_row(s->graph, node);

	if (start == graph_row(s->graph, node + 1)) {
		s->index[node] = s->next_component--;
		return false;
	}
	fetch_targets(s, node);
	s->index[node] = s->next_index++;
	s->nodes[s->depth] = node;
	s->edge[s->depth++] = start << 1;
	return true;
}

/* All references of the node at the end of the path have been followed. */
static void leave(struct search *s)
{
	uint32_t node = s->nodes[--s->depth], index = s->index[node];

	if (s->edge[s->depth] & 1) {
		s->nodes[--s->open] = node;
		return;
	}
	s->next_index--;
	while (s->open < s->graph->n_nodes &&
	       index <= s->index[s->nodes[s->open]]) {
		s->index[s->nodes[s->open++]] = s->next_component;
		s->next_index--;
	}
	s->index[node] = s->next_component--;
}

/* Follow references of the last node on the path; false: there are no more. */
static bool follow(struct search *s)
{
	const struct graph *graph = s->graph;
	uint32_t node = s->nodes[s->depth - 1], index = s->index[node];
	uint64_t *edge = &s->edge[s->depth - 1];
	uint64_t end = graph_row(graph, node + 1), e = *edge >> 1;
	bool lowered = *edge & 1;

	for (; e < end; e++) {
		uint8_t kind = graph->kind ? graph->kind[e] : REF_STRONG;
		uint32_t to = graph->target[e];

		if (e + AHEAD < end)
			__builtin_prefetch(&s->index[graph->target[e + AHEAD]]);
		if (!(s->kinds >> kind & 1))
			continue;
		/* The way back leads to this edge, for the index of @to. */
		if (s->index[to] == 0 && enter(s, to))
			break;
		if (s->index[to] < index) {
			index = s->index[to];
			lowered = true;
		}
	}
	s->index[node] = index;
	*edge = e << 1 | lowered;
	return e < end;
}

static bool is_cancelled(struct search *s)
{
	if ((++s->steps & CANCEL_MASK) != 0)
		return false;
	progress_add(CANCEL_MASK + 1);
	return progress_cancelled();
}

static bool search_from(struct search *s, uint32_t start)
{
	enter(s, start);
	while (s->depth > 0) {
		if (!follow(s))
			leave(s);
		if (is_cancelled(s))
			return false;
	}
	return true;
}

static bool search_all(struct search *s)
{
	for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
		if (s->index[i] == 0 && !search_from(s, i))
			return false;
	}
	return true;
}

static bool allocate(struct search *s, const struct bitset *members)
{
	size_t n = (size_t)s->graph->n_nodes + 1;

	/* Pages of the stacks that are never reached cost nothing. */
	s->index = bulk_alloc(n, sizeof(*s->index));
	s->nodes = bulk_alloc(n, sizeof(*s->nodes));
	s->edge = bulk_alloc(n, sizeof(*s->edge));
	if (!s->index || !s->nodes || !s->edge)
		return false;
	for (uint32_t i = 0; members && i < s->graph->n_nodes; i++) {
		if (!bitset_has(members, i))
			s->index[i] = NODE_NONE;
	}
	return true;
}

bool scc_build(const struct graph *graph, uint32_t kinds,
	       const struct bitset *members, struct scc *ret, struct err *err)
{
	uint32_t n = graph->n_nodes;
	struct search s = {
		.graph = graph, .kinds = kinds, .open = n, .next_index = 1,
		.next_component = n,
	};
	bool ok = false;

	*ret = (struct scc){0};
	if (!allocate(&s, members)) {
		err_nomem(err, "components");
		goto out;
	}
	if (!search_all(&s)) {
		err_set(err, ERR_CANCELLED, "cancelled");
		goto out;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (s.index[i] != NODE_NONE)
			s.index[i] = n - s.index[i];
	}
	*ret = (struct scc){
		.n_nodes = n, .n_components = n - s.next_component,
		.component = s.index,
	};
	s.index = NULL;
	ok = true;
out:
	bulk_free(s.index);
	bulk_free(s.nodes);
	bulk_free(s.edge);
	return ok;
}

void scc_free(struct scc *scc)
{
	bulk_free(scc->component);
	*scc = (struct scc){0};
}

static bool refers_to_itself(const struct graph *graph, uint32_t kinds,
			     uint32_t node)
{
	uint64_t end = graph_row(graph, node + 1), i;

	sorted_skip(i, graph_row(graph, node), end, graph->target[i] < node);
	return i < end && graph->target[i] == node &&
	       kinds >> (graph->kind ? graph->kind[i] : REF_STRONG) & 1;
}

/*
 * Count members of each component in size[], then make it the number of the
 * cycle, or NODE_NONE, and sum up the rows.
 */
static bool number_cycles(const struct graph *graph, uint32_t kinds,
			  const struct scc *scc, uint32_t *size,
			  struct scc_cycles *cycles)
{
	for (uint32_t i = 0; i < scc->n_nodes; i++) {
		if (scc->component[i] != NODE_NONE)
			size[scc->component[i]]++;
	}
	for (uint32_t i = 0; i < scc->n_nodes; i++) {
		uint32_t c = scc->component[i];

		/* Zero stands for one member that is no cycle. */
		if (c != NODE_NONE && size[c] == 1 &&
		    !refers_to_itself(graph, kinds, i))
			size[c] = 0;
	}
	for (uint32_t c = 0; c < scc->n_components; c++)
		cycles->n += size[c] > 0;
	cycles->row = calloc((size_t)cycles->n + 2, sizeof(*cycles->row));
	if (!cycles->row)
		return false;
	for (uint32_t c = 0, n = 0; c < scc->n_components; c++) {
		if (size[c] > 0) {
			cycles->row[n + 2] = cycles->row[n + 1] + size[c];
			size[c] = n++;
		} else {
			size[c] = NODE_NONE;
		}
	}
	return true;
}

bool scc_cycles_build(const struct graph *graph, uint32_t kinds,
		      const struct scc *scc, struct scc_cycles *ret,
		      struct err *err)
{
	uint32_t *cycle = calloc((size_t)scc->n_components + 1, sizeof(*cycle));
	struct scc_cycles cycles = {0};
	bool ok = false;

	*ret = cycles;
	if (!cycle || !number_cycles(graph, kinds, scc, cycle, &cycles))
		goto out;
	cycles.node = reallocarray(NULL, cycles.row[cycles.n + 1] + 1,
				   sizeof(*cycles.node));
	if (!cycles.node)
		goto out;
	/* row[c + 1] is where the next node of c goes, until it is the end. */
	for (uint32_t i = 0; i < scc->n_nodes; i++) {
		uint32_t c = scc->component[i];

		if (c != NODE_NONE && cycle[c] != NODE_NONE)
			cycles.node[cycles.row[cycle[c] + 1]++] = i;
	}
	*ret = cycles;
	cycles = (struct scc_cycles){0};
	ok = true;
out:
	free(cycle);
	scc_cycles_free(&cycles);
	return ok || err_nomem(err, "cycles");
}

void scc_cycles_free(struct scc_cycles *cycles)
{
	free(cycles->row);
	free(cycles->node);
	*cycles = (struct scc_cycles){0};
}
