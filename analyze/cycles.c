/* SPDX-License-Identifier: MIT */
#include "analyze/cycles.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/scc.h"
#include "base/progress.h"

enum {
	KINDS = REF_HOLDING & ~(1 << REF_META),
	/* Blocks of the first instance through which a way is looked for. */
	MAX_STARTS = 4,
	/* Nodes that searches for retained sizes visit, as often as there are
	 * nodes; the largest groups come first. */
	BUDGET = 16,
};

struct instance {
	uint32_t cycle;		/* of the list of cycles */
	uint32_t first;		/* block with the lowest address */
	uint32_t group;
};

struct builder {
	const struct heap *heap;
	struct cycles *cycles;
	struct scc scc;
	struct scc_cycles list;
	VEC(struct instance) instances;
	uint32_t *from, *queue;	/* [n_nodes] of the search for a way */
};

static int by_first(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static bool list_instances(struct builder *b, struct err *err)
{
	if (!scc_build(&b->heap->refs, KINDS, NULL, &b->scc, err) ||
	    !scc_cycles_build(&b->heap->refs, KINDS, &b->scc, &b->list, err))
		return false;
	for (uint32_t c = 0; c < b->list.n; c++) {
		struct instance i = {
			.cycle = c, .first = b->list.node[b->list.row[c]],
		};

		if (!vec_push(&b->instances, i))
			return err_nomem(err, "cycles");
	}
	/* In address order, so that groups number alike on every run. */
	if (b->instances.len > 1)
		qsort(b->instances.at, b->instances.len,
		      sizeof(*b->instances.at), by_first);
	return true;
}

static const uint32_t *blocks_of(const struct builder *b,
				 const struct instance *i, size_t *n)
{
	*n = (size_t)(b->list.row[i->cycle + 1] - b->list.row[i->cycle]);
	return b->list.node + b->list.row[i->cycle];
}

static bool group_instances(struct builder *b, struct err *err)
{
	struct cycles *cycles = b->cycles;
	size_t n;

	for (size_t i = 0; i < b->instances.len; i++) {
		struct instance *inst = &b->instances.at[i];
		const uint32_t *blocks = blocks_of(b, inst, &n);
		bool live = b->heap->state[inst->first] == STATE_REACHABLE;

		if (!signature_of(&cycles->signatures, b->heap, blocks, n,
				  live, &inst->group, err))
			return false;
	}
	cycles->n_groups = (uint32_t)cycles->signatures.at.len;
	cycles->groups = calloc((size_t)cycles->n_groups + 1,
				sizeof(*cycles->groups));
	cycles->row = calloc((size_t)cycles->n_groups + 2,
			     sizeof(*cycles->row));
	cycles->node = reallocarray(NULL, b->list.row[b->list.n] + 1,
				    sizeof(*cycles->node));
	return (cycles->groups && cycles->row && cycles->node) ||
	       err_nomem(err, "cycles");
}

/* Sums and rows of the groups. */
static void fill_groups(struct builder *b)
{
	struct cycles *cycles = b->cycles;
	size_t n;

	for (size_t i = 0; i < b->instances.len; i++) {
		const struct instance *inst = &b->instances.at[i];
		const uint32_t *blocks = blocks_of(b, inst, &n);
		struct cycle_group *g = &cycles->groups[inst->group];

		g->reachable = cycles->signatures.at.at[inst->group].tag;
		g->count++;
		g->blocks += n;
		for (size_t j = 0; j < n; j++)
			g->bytes += heap_size(b->heap, blocks[j]);
	}
	for (uint32_t g = 0; g < cycles->n_groups; g++) {
		cycles->groups[g].key =
			signature_largest(&cycles->signatures, g);
		cycles->row[g + 2] = cycles->row[g + 1] +
				     cycles->groups[g].blocks;
	}
	/* row[g + 1] is where the next instance of g goes. */
	for (size_t i = 0; i < b->instances.len; i++) {
		const struct instance *inst = &b->instances.at[i];
		const uint32_t *blocks = blocks_of(b, inst, &n);
		uint64_t *at = &cycles->row[inst->group + 1];

		memcpy(&cycles->node[*at], blocks, n * sizeof(*blocks));
		*at += n;
	}
}

/*
 * Search from @start, inside its component, for a way back to it that is
 * shorter than @limit. from[] of the blocks seen leads back; the last block
 * of the way is returned, or NODE_NONE. *@len is the length of the way.
 */
static uint32_t search_back(struct builder *b, uint32_t start, size_t limit,
			    uint32_t *n_seen, size_t *len)
{
	const struct graph *graph = &b->heap->refs;
	uint32_t level_end = 1;

	b->queue[0] = start;
	b->from[start] = start;
	*n_seen = 1;
	*len = 1;
	for (uint32_t head = 0; head < *n_seen; head++) {
		uint32_t node = b->queue[head];

		if (head == level_end) {
			level_end = *n_seen;
			++*len;
		}
		if (*len >= limit)
			return NODE_NONE;
		for (uint64_t e = graph_row(graph, node),
		     end = graph_row(graph, node + 1); e < end; e++) {
			uint32_t to = graph->target[e];

			if (!(KINDS >> (graph->kind ? graph->kind[e] :
					REF_STRONG) & 1) ||
			    b->scc.component[to] != b->scc.component[start])
				continue;
			if (to == start)
				return node;
			if (b->from[to] == NODE_NONE) {
				b->from[to] = node;
				b->queue[(*n_seen)++] = to;
			}
		}
	}
	return NODE_NONE;
}

/* Put the way that ends in @last in the place of the group's. */
static bool store_way(struct builder *b, struct cycle_group *g,
		      uint32_t last, size_t len)
{
	struct cycles *cycles = b->cycles;

	if (!vec_reserve(&cycles->steps, g->first_step + len))
		return false;
	for (size_t i = len; i-- > 0; last = b->from[last])
		cycles->steps.at[g->first_step + i] = last;
	g->n_steps = len;
	cycles->steps.len = g->first_step + len;
	return true;
}

static bool find_way(struct builder *b, struct cycle_group *g,
		     const uint32_t *blocks, size_t n)
{
	uint64_t keys[MAX_STARTS];
	size_t n_keys = 0, shortest = SIZE_MAX;

	g->first_step = b->cycles->steps.len;
	for (size_t i = 0; i < n && n_keys < MAX_STARTS && shortest > 1; i++) {
		uint64_t key = block_key(b->heap, blocks[i], true);
		uint32_t last, n_seen;
		size_t len;
		bool ok = true;

		for (size_t k = 0; k < n_keys; k++)
			ok = ok && keys[k] != key;
		if (!ok)
			continue;
		keys[n_keys++] = key;
		last = search_back(b, blocks[i], shortest, &n_seen, &len);
		if (last != NODE_NONE) {
			ok = store_way(b, g, last, len);
			shortest = len;
		}
		for (uint32_t q = 0; q < n_seen; q++)
			b->from[b->queue[q]] = NODE_NONE;
		if (!ok)
			return false;
	}
	return true;
}

static bool find_ways(struct builder *b, struct err *err)
{
	size_t n = (size_t)b->heap->n_nodes + 1;

	b->from = reallocarray(NULL, n, sizeof(*b->from));
	b->queue = reallocarray(NULL, n, sizeof(*b->queue));
	if (!b->from || !b->queue)
		return err_nomem(err, "cycles");
	memset(b->from, 0xff, n * sizeof(*b->from));
	for (uint32_t g = 0; g < b->cycles->n_groups; g++) {
		struct cycle_group *group = &b->cycles->groups[g];
		uint64_t row = b->cycles->row[g];

		progress_add(group->blocks);
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (!find_way(b, group, b->cycles->node + row,
			      (size_t)(group->blocks / group->count)))
			return err_nomem(err, "cycles");
	}
	free(b->from);
	free(b->queue);
	b->from = b->queue = NULL;
	return true;
}

struct ranked {
	uint64_t bytes;
	uint32_t group;
};

static int by_bytes(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->group > y->group) - (x->group < y->group);
}

static bool sum_groups(struct cycles *cycles, struct dom_sets *sets,
		       const struct ranked *order, struct err *err)
{
	for (uint32_t i = 0; i < cycles->n_groups; i++) {
		uint32_t g = order[i].group;
		uint64_t row = cycles->row[g];
		struct dom_set_sum sum;

		progress_add(cycles->groups[g].blocks);
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (!dom_set_retained(sets, cycles->node + row,
				      (size_t)(cycles->row[g + 1] - row),
				      &sum, err))
			return false;
		cycles->groups[g].retained = sum.bytes;
		cycles->groups[g].exact = sum.exact;
	}
	return true;
}

/* What each group retains, those with most bytes first. */
static bool sum_retained(struct cycles *cycles, const struct dom_spec *spec,
			 const struct dominators *dom, struct err *err)
{
	struct ranked *order = calloc((size_t)cycles->n_groups + 1,
				      sizeof(*order));
	struct dom_sets sets = {0};
	bool ok = false;

	if (!order) {
		err_nomem(err, "cycles");
		goto out;
	}
	for (uint32_t g = 0; g < cycles->n_groups; g++)
		order[g] = (struct ranked){ cycles->groups[g].bytes, g };
	qsort(order, cycles->n_groups, sizeof(*order), by_bytes);
	ok = dom_sets_init(spec, dom, (uint64_t)BUDGET * dom->n_order, &sets,
			   err) &&
	     sum_groups(cycles, &sets, order, err);
out:
	if (sets.spec)
		dom_sets_free(&sets);
	free(order);
	return ok;
}

bool cycles_build(const struct heap *heap, const struct dom_spec *spec,
		  const struct dominators *dom, struct cycles *ret,
		  struct err *err)
{
	struct builder b = { .heap = heap, .cycles = ret };
	bool ok;

	*ret = (struct cycles){0};
	ok = list_instances(&b, err) && group_instances(&b, err);
	if (ok) {
		fill_groups(&b);
		ok = find_ways(&b, err);
	}
	scc_free(&b.scc);
	scc_cycles_free(&b.list);
	vec_free(&b.instances);
	free(b.from);
	free(b.queue);
	ok = ok && sum_retained(ret, spec, dom, err);
	if (!ok)
		cycles_free(ret);
	return ok;
}

void cycles_free(struct cycles *cycles)
{
	free(cycles->groups);
	signatures_free(&cycles->signatures);
	free(cycles->row);
	free(cycles->node);
	vec_free(&cycles->steps);
	*cycles = (struct cycles){0};
}
