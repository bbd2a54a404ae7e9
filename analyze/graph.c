/* SPDX-License-Identifier: MIT */
#include "analyze/graph.h"

#include <string.h>

#include "base/bulk.h"
#include "base/pool.h"

/*
 * How many edges ahead of the loops below the cache is told what they will
 * touch: first the cursor of a target, then the place that it points at.
 * Measured: reversing 40 M edges takes a third of the time without.
 */
enum { AHEAD_CURSOR = 32, AHEAD_PLACE = 16 };

static uint64_t wide_from = UINT64_C(1) << 32;

bool graph_is_wide(uint64_t n_edges)
{
	return n_edges >= wide_from;
}

void graph_set_wide_from(uint64_t n_edges)
{
	wide_from = n_edges ? n_edges : UINT64_C(1) << 32;
}

bool graph_alloc_rows(struct graph *graph, uint64_t n_edges)
{
	size_t n = (size_t)graph->n_nodes + 1;

	if (graph_is_wide(n_edges))
		graph->wide_row = bulk_alloc(n, sizeof(*graph->wide_row));
	else
		graph->narrow_row = bulk_alloc(n, sizeof(*graph->narrow_row));
	return graph->narrow_row || graph->wide_row;
}

/* A reversal, cut into ranges of targets that share no output. */
struct reversal {
	const struct graph *from;
	struct graph *to;
};

/* While rows are made, they are counters; what one had before. */
static inline uint64_t count_up(struct graph *graph, uint32_t node)
{
	return graph->narrow_row ? graph->narrow_row[node]++ :
				   graph->wide_row[node]++;
}

/* Count edges into the nodes begin .. end - 1 at row[node + 1]. */
static bool count_range(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	const struct reversal *r = ctx;
	const uint32_t *target = r->from->target;
	uint64_t n_edges = graph_n_edges(r->from);

	(void)chunk, (void)worker, (void)err;
	for (uint64_t e = 0; e < n_edges; e++) {
		uint32_t node = target[e];

		if (e + AHEAD_CURSOR < n_edges)
			graph_fetch_row(r->to, target[e + AHEAD_CURSOR] + 1);
		if (node - begin < end - begin)
			count_up(r->to, node + 1);
	}
	return true;
}

/*
 * Place the edges into the nodes begin .. end - 1. row[node] is where the
 * next one goes, so it ends where row[node + 1] began.
 */
static bool place_range(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	const struct reversal *r = ctx;
	const struct graph *from = r->from;
	struct graph *to = r->to;
	uint64_t n_edges = graph_n_edges(from);

	(void)chunk, (void)worker, (void)err;
	for (uint32_t source = 0; source < from->n_nodes; source++) {
		uint64_t last = graph_row(from, source + 1);

		for (uint64_t e = graph_row(from, source); e < last; e++) {
			uint32_t node = from->target[e];
			uint64_t at;

			if (e + AHEAD_CURSOR < n_edges) {
				uint32_t next = from->target[e + AHEAD_PLACE];

				graph_fetch_row(to,
					from->target[e + AHEAD_CURSOR]);
				if (next - begin < end - begin)
					__builtin_prefetch(&to->target[
						graph_row(to, next)], 1);
			}
			if (node - begin >= end - begin)
				continue;
			at = count_up(to, node);
			to->target[at] = source;
			if (from->kind)
				to->kind[at] = from->kind[e];
		}
	}
	return true;
}

static bool allocate_like(const struct graph *graph, struct graph *ret,
			  struct err *err)
{
	uint64_t n_edges = graph_n_edges(graph);
	bool rows;

	ret->n_nodes = graph->n_nodes;
	rows = graph_alloc_rows(ret, n_edges);
	ret->target = bulk_alloc((size_t)n_edges + 1, sizeof(*ret->target));
	if (graph->kind)
		ret->kind = bulk_alloc((size_t)n_edges + 1,
					sizeof(*ret->kind));
	if (rows && ret->target && (ret->kind || !graph->kind))
		return true;
	graph_free(ret);
	return err_nomem(err, "reversed references");
}

/* Counts at row[1 ..] become ends of rows, and each row[i] a beginning. */
static void sum_up(struct graph *graph)
{
	for (uint32_t i = 0; graph->narrow_row && i < graph->n_nodes; i++)
		graph->narrow_row[i + 1] += graph->narrow_row[i];
	for (uint32_t i = 0; graph->wide_row && i < graph->n_nodes; i++)
		graph->wide_row[i + 1] += graph->wide_row[i];
}

/* After placing, row[i] is the end of row i: move the ends up by one. */
static void shift_ends(struct graph *graph)
{
	size_t n = graph->n_nodes;

	if (graph->narrow_row) {
		memmove(graph->narrow_row + 1, graph->narrow_row,
			n * sizeof(*graph->narrow_row));
		graph->narrow_row[0] = 0;
	} else {
		memmove(graph->wide_row + 1, graph->wide_row,
			n * sizeof(*graph->wide_row));
		graph->wide_row[0] = 0;
	}
}

bool graph_reverse(const struct graph *graph, struct graph *ret,
		   struct err *err)
{
	struct graph to = {0};
	struct reversal r = { .from = graph, .to = &to };
	uint64_t chunk = graph->n_nodes / pool_threads() + 1;

	*ret = (struct graph){0};
	if (!allocate_like(graph, &to, err))
		return false;
	/* However the targets are cut, every row gets its sources in order. */
	if (!pool_run(graph->n_nodes, chunk, count_range, &r, err))
		goto fail;
	sum_up(&to);
	if (!pool_run(graph->n_nodes, chunk, place_range, &r, err))
		goto fail;
	shift_ends(&to);
	*ret = to;
	return true;
fail:
	graph_free(&to);
	return false;
}

void graph_free(struct graph *graph)
{
	bulk_free(graph->narrow_row);
	bulk_free(graph->wide_row);
	bulk_free(graph->target);
	bulk_free(graph->kind);
	*graph = (struct graph){0};
}

bool graph_check(const struct graph *graph)
{
	if (graph->n_nodes == NODE_NONE ||
	    !graph->narrow_row == !graph->wide_row || graph_row(graph, 0) != 0)
		return false;
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		uint64_t first = graph_row(graph, i);
		uint64_t end = graph_row(graph, i + 1);

		if (first > end)
			return false;
		for (uint64_t e = first; e < end; e++) {
			if (graph->target[e] >= graph->n_nodes)
				return false;
			if (e > first &&
			    graph->target[e] <= graph->target[e - 1])
				return false;
			if (graph->kind && graph->kind[e] >= N_REF_KINDS)
				return false;
		}
	}
	return true;
}
