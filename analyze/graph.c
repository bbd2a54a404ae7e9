/* SPDX-License-Identifier: MIT */
#include "analyze/graph.h"

#include "base/bulk.h"
#include "base/pool.h"

/*
 * How many edges ahead of the loops below the cache is told what they will
 * touch: first the cursor of a target, then the place that it points at.
 * Measured: reversing 40 M edges takes a third of the time without.
 */
enum { AHEAD_CURSOR = 32, AHEAD_PLACE = 16 };

/* A reversal, cut into ranges of targets that share no output. */
struct reversal {
	const struct graph *from;
	struct graph *to;
};

/* Count edges into the nodes begin .. end - 1 at row[node + 1]. */
static bool count_range(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	const struct reversal *r = ctx;
	const uint32_t *target = r->from->target;
	uint64_t n_edges = r->from->row[r->from->n_nodes];
	uint64_t *count = r->to->row + 1;

	(void)chunk, (void)worker, (void)err;
	for (uint64_t e = 0; e < n_edges; e++) {
		uint32_t node = target[e];

		if (e + AHEAD_CURSOR < n_edges)
			__builtin_prefetch(&count[target[e + AHEAD_CURSOR]], 1);
		if (node - begin < end - begin)
			count[node]++;
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
	uint64_t n_edges = from->row[from->n_nodes];

	(void)chunk, (void)worker, (void)err;
	for (uint32_t source = 0; source < from->n_nodes; source++) {
		for (uint64_t e = from->row[source];
		     e < from->row[source + 1]; e++) {
			uint32_t node = from->target[e];
			uint64_t at;

			if (e + AHEAD_CURSOR < n_edges) {
				uint32_t next = from->target[e + AHEAD_PLACE];

				__builtin_prefetch(&to->row[
					from->target[e + AHEAD_CURSOR]], 1);
				if (next - begin < end - begin)
					__builtin_prefetch(
						&to->target[to->row[next]], 1);
			}
			if (node - begin >= end - begin)
				continue;
			at = to->row[node]++;
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
	uint64_t n_edges = graph->row[graph->n_nodes];

	ret->n_nodes = graph->n_nodes;
	ret->row = bulk_alloc((size_t)graph->n_nodes + 1, sizeof(*ret->row));
	ret->target = bulk_alloc((size_t)n_edges + 1, sizeof(*ret->target));
	if (graph->kind)
		ret->kind = bulk_alloc((size_t)n_edges + 1,
					sizeof(*ret->kind));
	if (ret->row && ret->target && (ret->kind || !graph->kind))
		return true;
	graph_free(ret);
	return err_nomem(err, "reversed references");
}

/* Counts at row[1 ..] become ends of rows, and each row[i] a beginning. */
static void sum_up(struct graph *graph)
{
	for (uint32_t i = 0; i < graph->n_nodes; i++)
		graph->row[i + 1] += graph->row[i];
}

/* After placing, row[i] is the end of row i: move the ends up by one. */
static void shift_ends(struct graph *graph)
{
	for (uint32_t i = graph->n_nodes; i > 0; i--)
		graph->row[i] = graph->row[i - 1];
	graph->row[0] = 0;
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
	bulk_free(graph->row);
	bulk_free(graph->target);
	bulk_free(graph->kind);
	*graph = (struct graph){0};
}

bool graph_check(const struct graph *graph)
{
	if (graph->n_nodes == NODE_NONE || !graph->row || graph->row[0] != 0)
		return false;
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		if (graph->row[i] > graph->row[i + 1])
			return false;
		for (uint64_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
			if (graph->target[e] >= graph->n_nodes)
				return false;
			if (e > graph->row[i] &&
			    graph->target[e] <= graph->target[e - 1])
				return false;
			if (graph->kind && graph->kind[e] >= N_REF_KINDS)
				return false;
		}
	}
	return true;
}
