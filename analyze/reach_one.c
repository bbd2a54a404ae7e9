/* SPDX-License-Identifier: MIT */
#include "analyze/reach_one.h"

#include <stdlib.h>

#include "base/progress.h"

enum {
	TICK = 1 << 14,		/* nodes between looks for Ctrl-C */
	AHEAD = 16,		/* places in the queue whose rows are fetched */
};

/* One of the two searches. */
struct side {
	const struct graph *graph;
	uint32_t *depth;	/* [n_nodes] steps from where it began, + 1 */
	VEC(uint32_t) queue;
	VEC(size_t) levels;	/* where each before the last one begins */
	size_t first;		/* of the last level in the queue */
	uint64_t n_edges;	/* that leave the last level */
};

struct meeting {
	const struct reach_spec *spec;
	struct side down, up;	/* from the entries, from the target */
	VEC(uint32_t) met;	/* nodes of the last levels of both */
	struct bitset good;	/* of down: they lead to where both met */
	bool (*passes)(const void *ctx, uint32_t node);
	const void *ctx;
	uint32_t ticks;
};

static bool is_allowed(const struct meeting *m, const struct graph *graph,
		       uint64_t e, uint32_t node)
{
	uint8_t kind = graph->kind ? graph->kind[e] : REF_STRONG;

	return m->spec->kinds >> kind & 1 &&
	       (!m->passes || m->passes(m->ctx, node));
}

/* Put @node at @depth, unless it was seen. */
static bool see(struct meeting *m, struct side *side, uint32_t node,
		uint32_t depth)
{
	const struct side *other = side == &m->down ? &m->up : &m->down;

	if (side->depth[node])
		return true;
	side->depth[node] = depth;
	side->n_edges += graph_row(side->graph, node + 1) -
			 graph_row(side->graph, node);
	return vec_push(&side->queue, node) &&
	       (!other->depth[node] || vec_push(&m->met, node));
}

/* Go one level on. */
static bool advance(struct meeting *m, struct side *side, struct err *err)
{
	const struct graph *graph = side->graph;
	size_t at = side->first, end = side->queue.len;

	if (!vec_push(&side->levels, at))
		return err_nomem(err, "a path");
	side->first = end;
	side->n_edges = 0;
	for (; at < end; at++) {
		uint32_t node = side->queue.at[at];

		if (at + AHEAD < end)
			graph_fetch_row(graph, side->queue.at[at + AHEAD]);
		if (++m->ticks % TICK == 0) {
			progress_add(TICK);
			if (progress_cancelled())
				return err_set(err, ERR_CANCELLED, "cancelled");
		}
		for (uint64_t e = graph_row(graph, node),
		     last = graph_row(graph, node + 1); e < last; e++) {
			uint32_t to = graph->target[e];

			if (!side->depth[to] && is_allowed(m, graph, e, to) &&
			    !see(m, side, to, side->depth[node] + 1))
				return err_nomem(err, "a path");
		}
	}
	return true;
}

static bool search(struct meeting *m, uint32_t target, struct err *err)
{
	const struct reach_spec *spec = m->spec;
	bool ok = see(m, &m->up, target, 1);

	for (size_t i = 0; ok && i < spec->n_entries; i++) {
		if (!m->passes || m->passes(m->ctx, spec->entry[i]))
			ok = see(m, &m->down, spec->entry[i], 1);
	}
	if (!ok)
		return err_nomem(err, "a path");
	while (m->met.len == 0 && m->down.first < m->down.queue.len &&
	       m->up.first < m->up.queue.len) {
		if (!advance(m, m->down.n_edges < m->up.n_edges ? &m->down :
			     &m->up, err))
			return false;
	}
	return true;
}

/* Mark all before the nodes of @met on shortest ways from the entries. */
static bool mark_good(struct meeting *m, struct err *err)
{
	const struct graph *back = m->up.graph;

	for (size_t i = 0; i < m->met.len; i++)
		bitset_add(&m->good, m->met.at[i]);
	/* The list grows while it is walked. */
	for (size_t i = 0; i < m->met.len; i++) {
		uint32_t node = m->met.at[i], depth = m->down.depth[node];

		if (i % TICK == TICK - 1 && progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		for (uint64_t e = graph_row(back, node);
		     depth > 1 && e < graph_row(back, node + 1); e++) {
			uint32_t from = back->target[e];

			if (m->down.depth[from] == depth - 1 &&
			    is_allowed(m, back, e, from) &&
			    bitset_insert(&m->good, from) &&
			    !vec_push(&m->met, from))
				return err_nomem(err, "a path");
		}
	}
	return true;
}

/* The lowest node on the way to where both met. */
static uint32_t next_down(const struct meeting *m, uint32_t node)
{
	const struct graph *graph = m->down.graph;
	uint32_t depth = m->down.depth[node] + 1;

	for (uint64_t e = graph_row(graph, node), end = graph_row(graph, node + 1);
	     e < end; e++) {
		uint32_t to = graph->target[e];

		if (m->down.depth[to] == depth && bitset_has(&m->good, to) &&
		    is_allowed(m, graph, e, to))
			return to;
	}
	return NODE_NONE;
}

/* The reference from @node to @to; the end of the row when there is none. */
static uint64_t find_edge(const struct graph *graph, uint32_t node,
			  uint32_t to)
{
	uint64_t low = graph_row(graph, node), end = graph_row(graph, node + 1);
	uint64_t high = end;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (graph->target[mid] < to)
			low = mid + 1;
		else
			high = mid;
	}
	return low < end && graph->target[low] == to ? low : end;
}

/* The lowest node that is one step nearer to the target. An array of millions
 * may lead to one of few. */
static uint32_t next_up(const struct meeting *m, uint32_t node)
{
	const struct graph *graph = m->down.graph;
	const struct side *up = &m->up;
	size_t level = up->depth[node] - 2, i = up->levels.at[level];
	size_t end = level + 1 < up->levels.len ? up->levels.at[level + 1] :
						  up->first;
	uint32_t best = NODE_NONE;

	for (; i < end; i++) {
		uint32_t to = up->queue.at[i];
		uint64_t e = to < best ? find_edge(graph, node, to) :
					 graph_row(graph, node + 1);

		if (e < graph_row(graph, node + 1) && is_allowed(m, graph, e, to))
			best = to;
	}
	return best;
}

static bool collect(const struct meeting *m, struct reach_one *ret)
{
	uint32_t node = NODE_NONE;

	for (size_t i = 0; i < m->spec->n_entries && node == NODE_NONE; i++) {
		if (bitset_has(&m->good, m->spec->entry[i]) &&
		    m->down.depth[m->spec->entry[i]] == 1)
			node = m->spec->entry[i];
	}
	while (node != NODE_NONE) {
		if (!vec_push(&ret->path, node))
			return false;
		if (m->up.depth[node] == 1)
			break;
		node = m->up.depth[node] ? next_up(m, node) :
					   next_down(m, node);
	}
	return true;
}

static bool prepare(struct meeting *m, const struct graph *referrers)
{
	size_t n = (size_t)m->spec->graph->n_nodes + 1;

	/* Pages that are never reached cost nothing. */
	m->down.graph = m->spec->graph;
	m->down.depth = calloc(n, sizeof(*m->down.depth));
	m->up.graph = referrers;
	m->up.depth = calloc(n, sizeof(*m->up.depth));
	return m->down.depth && m->up.depth && bitset_init(&m->good, n);
}

bool reach_one_build(const struct reach_spec *spec,
		     const struct graph *referrers, uint32_t target,
		     bool (*passes)(const void *ctx, uint32_t node),
		     const void *ctx, struct reach_one *ret, struct err *err)
{
	struct meeting m = { .spec = spec, .passes = passes, .ctx = ctx };
	bool ok = prepare(&m, referrers) || err_nomem(err, "a path");

	*ret = (struct reach_one){0};
	ok = ok && search(&m, target, err) && mark_good(&m, err) &&
	     (collect(&m, ret) || err_nomem(err, "a path"));
	free(m.down.depth);
	free(m.up.depth);
	vec_free(&m.down.queue);
	vec_free(&m.up.queue);
	vec_free(&m.down.levels);
	vec_free(&m.up.levels);
	vec_free(&m.met);
	bitset_free(&m.good);
	if (!ok)
		reach_one_free(ret);
	return ok;
}

void reach_one_free(struct reach_one *path)
{
	vec_free(&path->path);
}
