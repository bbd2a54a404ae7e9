/* SPDX-License-Identifier: MIT */
#include "analyze/reach.h"

#include <stdlib.h>
#include <string.h>

#include "base/progress.h"

enum {
	AHEAD_ROW = 24,		/* queue places ahead whose rows are fetched */
	AHEAD_TARGET = 8,	/* and whose first references are */
	CANCEL_MASK = (1 << 16) - 1,	/* nodes between looks for Ctrl-C */
	EDGE_MASK = (1 << 18) - 1,	/* and references */
};

/* Nodes to be visited, each at most once, in order. */
struct queue {
	uint32_t *node;		/* [n_nodes], pages touched as they are used */
	uint32_t head, len;
};

static bool queue_init(struct queue *q, const struct graph *graph,
		       struct err *err)
{
	*q = (struct queue){0};
	q->node = reallocarray(NULL, (size_t)graph->n_nodes + 1,
			       sizeof(*q->node));
	return q->node || err_nomem(err, "reachability");
}

/* The next node, after telling the cache which come later. */
static inline uint32_t queue_next(struct queue *q, const struct graph *graph)
{
	if (q->head + AHEAD_ROW < q->len)
		graph_fetch_row(graph, q->node[q->head + AHEAD_ROW]);
	if (q->head + AHEAD_TARGET < q->len) {
		uint64_t e = graph_row(graph, q->node[q->head + AHEAD_TARGET]);

		__builtin_prefetch(&graph->target[e]);
		if (graph->kind)
			__builtin_prefetch(&graph->kind[e]);
	}
	return q->node[q->head++];
}

static inline bool follows(const struct reach_spec *spec, uint64_t e)
{
	const uint8_t *kind = spec->graph->kind;

	return spec->kinds >> (kind ? kind[e] : REF_STRONG) & 1;
}

static bool look(uint64_t n, struct err *err)
{
	progress_add(n);
	return progress_cancelled() &&
	       !err_set(err, ERR_CANCELLED, "cancelled");
}

static bool cancelled(const struct queue *q, struct err *err)
{
	return (q->head & CANCEL_MASK) == 0 && look(CANCEL_MASK + 1, err);
}

/* A node may have as many references as there are nodes. */
static inline bool cancelled_at(uint64_t e, struct err *err)
{
	return (e & EDGE_MASK) == 0 && look(0, err);
}

bool reach_add(const struct reach_spec *spec, struct bitset *seen,
	       struct err *err)
{
	const struct graph *graph = spec->graph;
	struct queue q;
	bool ok = false;

	if (!queue_init(&q, graph, err))
		return false;
	for (size_t i = 0; i < spec->n_entries; i++) {
		if (bitset_insert(seen, spec->entry[i]))
			q.node[q.len++] = spec->entry[i];
	}
	while (q.head < q.len) {
		uint32_t node = queue_next(&q, graph);

		if (cancelled(&q, err))
			goto out;
		for (uint64_t e = graph_row(graph, node),
		     end = graph_row(graph, node + 1); e < end; e++) {
			if (cancelled_at(e, err))
				goto out;
			if (follows(spec, e) &&
			    bitset_insert(seen, graph->target[e]))
				q.node[q.len++] = graph->target[e];
		}
	}
	ok = true;
out:
	free(q.node);
	return ok;
}

/* Put @to into the queue behind @from, unless it is known or left out. */
static inline void find_path(struct reach_paths *paths, struct queue *q,
			     const struct bitset *members, uint32_t to,
			     uint32_t from)
{
	if (paths->depth[to] != NODE_NONE ||
	    (members && !bitset_has(members, to)))
		return;
	paths->depth[to] = from == NODE_NONE ? 0 : paths->depth[from] + 1;
	paths->from[to] = from;
	q->node[q->len++] = to;
}

bool reach_paths_build(const struct reach_spec *spec,
		       const struct bitset *members, struct reach_paths *ret,
		       struct err *err)
{
	const struct graph *graph = spec->graph;
	size_t n = (size_t)graph->n_nodes + 1;
	struct reach_paths paths = {0};
	struct queue q;

	*ret = paths;
	if (!queue_init(&q, graph, err))
		return false;
	paths.from = reallocarray(NULL, n, sizeof(*paths.from));
	paths.depth = reallocarray(NULL, n, sizeof(*paths.depth));
	if (!paths.from || !paths.depth) {
		err_nomem(err, "paths");
		goto fail;
	}
	memset(paths.from, 0xff, n * sizeof(*paths.from));
	memset(paths.depth, 0xff, n * sizeof(*paths.depth));
	for (size_t i = 0; i < spec->n_entries; i++)
		find_path(&paths, &q, members, spec->entry[i], NODE_NONE);
	while (q.head < q.len) {
		uint32_t node = queue_next(&q, graph);

		if (cancelled(&q, err))
			goto fail;
		for (uint64_t e = graph_row(graph, node),
		     end = graph_row(graph, node + 1); e < end; e++) {
			if (cancelled_at(e, err))
				goto fail;
			if (follows(spec, e))
				find_path(&paths, &q, members,
					  graph->target[e], node);
		}
	}
	free(q.node);
	*ret = paths;
	return true;
fail:
	free(q.node);
	reach_paths_free(&paths);
	return false;
}

void reach_paths_free(struct reach_paths *paths)
{
	free(paths->from);
	free(paths->depth);
	*paths = (struct reach_paths){0};
}
