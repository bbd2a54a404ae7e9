/* SPDX-License-Identifier: MIT */
#include "analyze/states.h"

#include "base/bitset.h"
#include "base/bulk.h"
#include "base/fetch.h"
#include "base/progress.h"
#include "base/vec.h"

/* Places in the queue ahead of the search: see fetch_ahead(). Measured: half
 * the time, on 3 M blocks. */
enum { AHEAD_ROW = 32, AHEAD_EDGE = 16, AHEAD_TARGET = 8, AHEAD_STATES = 8 };

struct search {
	struct heap *heap;
	struct bitset seen;	/* nodes */
	uint32_t *queue;	/* [n_nodes]: each node enters once */
	uint32_t head, tail;
	VEC(uint32_t) later;	/* nodes with references that were too weak */
	bool no_memory;
};

static void enter(struct search *s, uint32_t node, enum state state)
{
	if (!bitset_insert(&s->seen, node))
		return;
	s->queue[s->tail++] = node;
	if (!heap_is_root(s->heap, node))
		s->heap->state[node] = (uint8_t)state;
}

/* Tell the cache what the nodes that wait will need: first their rows, then
 * their references, then the states of what they refer to. */
FETCH fetch_ahead(const struct search *s)
{
	const struct graph *g = &s->heap->refs;

	if (s->head + AHEAD_ROW < s->tail)
		graph_fetch_row(g, s->queue[s->head + AHEAD_ROW]);
	if (s->head + AHEAD_EDGE < s->tail) {
		uint64_t e = graph_row(g, s->queue[s->head + AHEAD_EDGE]);

		__builtin_prefetch(&g->target[e]);
		__builtin_prefetch(&g->kind[e]);
	}
	if (s->head + AHEAD_TARGET < s->tail) {
		uint32_t node = s->queue[s->head + AHEAD_TARGET];
		uint64_t e = graph_row(g, node), end = graph_row(g, node + 1);

		for (int i = 0; i < AHEAD_STATES && e < end; i++, e++)
			__builtin_prefetch(&s->heap->state[g->target[e]], 1);
	}
}

/* Enter what @node refers to by kinds up to @weakest; note it if there are
 * weaker ones. */
static void expand(struct search *s, uint32_t node, uint8_t weakest,
		   enum state state)
{
	const struct graph *g = &s->heap->refs;
	uint64_t end = graph_row(g, node + 1);
	bool weaker = false;

	for (uint64_t e = graph_row(g, node); e < end; e++) {
		if (e + AHEAD_ROW < end)
			__builtin_prefetch(
				&s->heap->state[g->target[e + AHEAD_ROW]], 1);
		if (g->kind[e] <= weakest)
			enter(s, g->target[e], state);
		else
			weaker = true;
	}
	if (weaker && !vec_push(&s->later, node))
		s->no_memory = true;
}

/*
 * Look again at the nodes that had weaker references, now over kinds up to
 * @weakest, and follow what is new. Returns false when the user cancelled.
 */
static bool spread(struct search *s, uint8_t weakest, enum state state)
{
	size_t n = s->later.len, kept = 0;

	for (size_t i = 0; i < n; i++)
		expand(s, s->later.at[i], weakest, state);
	/* Those that still have weaker ones were noted again, behind. */
	for (size_t i = n; i < s->later.len; i++)
		s->later.at[kept++] = s->later.at[i];
	s->later.len = kept;
	for (; s->head < s->tail; s->head++) {
		if (s->head % (1 << 20) == 0 && progress_cancelled())
			return false;
		fetch_ahead(s);
		expand(s, s->queue[s->head], weakest, state);
	}
	return true;
}

static void enter_roots(struct search *s, bool dead)
{
	for (uint32_t i = 0; i < s->heap->n_roots; i++) {
		if ((s->heap->roots[i].kind == ROOT_DEAD_STACK) == dead)
			enter(s, s->heap->n_blocks + i, STATE_REACHABLE);
	}
}

bool states_build(struct heap *heap, struct err *err)
{
	struct search s = { .heap = heap };
	bool ok;

	s.queue = bulk_alloc((size_t)heap->n_nodes + 1, sizeof(*s.queue));
	if (!s.queue || !bitset_init(&s.seen, heap->n_nodes)) {
		bulk_free(s.queue);
		return err_nomem(err, "reachability");
	}
	memset(heap->state, STATE_LEAKED, heap->n_blocks);
	progress_begin("what is reachable", 0);
	enter_roots(&s, false);
	ok = spread(&s, REF_META, STATE_REACHABLE) &&
	     spread(&s, REF_WEAK, STATE_WEAK);
	enter_roots(&s, true);
	ok = ok && spread(&s, REF_STALE, STATE_STALE);
	progress_end();
	bitset_free(&s.seen);
	bulk_free(s.queue);
	vec_free(&s.later);
	if (s.no_memory)
		return err_nomem(err, "reachability");
	return ok || err_set(err, ERR_CANCELLED, "stopped");
}
