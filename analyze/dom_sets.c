/* SPDX-License-Identifier: MIT */
#include "analyze/dom_sets.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/reach.h"
#include "base/bulk.h"
#include "base/progress.h"

enum { CANCEL_MASK = (1 << 18) - 1 };	/* nodes between looks for Ctrl-C */

bool dom_sets_init(const struct dom_spec *spec, const struct dominators *dom,
		   uint64_t budget, struct dom_sets *ret, struct err *err)
{
	struct dom_sets sets = { .spec = spec, .dom = dom, .budget = budget };

	*ret = (struct dom_sets){0};
	sets.queue = reallocarray(NULL, dom->n_order, sizeof(*sets.queue));
	sets.parent = dom_parents(dom);
	if (!sets.queue || !sets.parent ||
	    !bitset_init(&sets.seen, dom->n_order)) {
		dom_sets_free(&sets);
		return err_nomem(err, "retained sizes");
	}
	*ret = sets;
	return true;
}

void dom_sets_free(struct dom_sets *sets)
{
	for (uint32_t t = 0; sets->closed && t <= sets->spec->n_tiers; t++)
		bitset_free(&sets->closed[t]);
	free(sets->closed);
	bitset_free(&sets->seen);
	free(sets->queue);
	bulk_free(sets->parent);
	vec_free(&sets->set);
	*sets = (struct dom_sets){0};
}

static int by_position(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool take_positions(struct dom_sets *sets, const uint32_t *set,
			   size_t n)
{
	sets->set.len = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t p = sets->dom->position[set[i]];

		if (p != NODE_NONE && !vec_push(&sets->set, p))
			return false;
	}
	if (sets->set.len > 1)
		qsort(sets->set.at, sets->set.len, sizeof(*sets->set.at),
		      by_position);
	return true;
}

/* Sum over the members that no other one dominates; the last of them. */
static uint64_t sum_topmost(const struct dom_sets *sets, uint32_t *last)
{
	const struct dominators *dom = sets->dom;
	uint32_t covered = 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < sets->set.len; i++) {
		uint32_t p = sets->set.at[i];

		if (p < covered)
			continue;
		*last = p;
		covered = dom->end[p];
		bytes += dom->retained[dom->order[p]];
	}
	return bytes;
}

/*
 * Position of the nearest dominator of the positions @first and @last. The
 * climb costs too: when the budget ends, the root stands for all.
 */
static uint32_t common_dominator(struct dom_sets *sets, uint32_t first,
				 uint32_t last)
{
	const struct dominators *dom = sets->dom;

	while (dom->end[first] <= last) {
		if (sets->budget == 0)
			return 0;
		sets->budget--;
		first = sets->parent[first];
	}
	return first;
}

static uint64_t bytes_of(const struct dom_spec *spec, uint32_t id)
{
	return id < spec->n_bytes ? block_size(spec->sizes, id) : 0;
}

/* A search among the positions top .. end - 1. */
struct search {
	struct dom_sets *sets;
	uint32_t top, end;
	uint32_t len;		/* of the queue */
	uint64_t kept;		/* bytes found */
};

static void find(struct search *s, uint32_t id)
{
	uint32_t p = s->sets->dom->position[id];

	if (p - s->top >= s->end - s->top ||
	    !bitset_insert(&s->sets->seen, p))
		return;
	s->kept += bytes_of(s->sets->spec, id);
	s->sets->queue[s->len++] = id;
}

static void expand(struct search *s, uint32_t id)
{
	const struct dom_spec *spec = s->sets->spec;
	const struct graph *graph = spec->graph;
	uint32_t g;

	if (id < graph->n_nodes) {
		for (uint64_t e = graph_row(graph, id),
		     end = graph_row(graph, id + 1); e < end; e++) {
			if (spec->kinds >> (graph->kind ? graph->kind[e] :
					    REF_STRONG) & 1)
				find(s, graph->target[e]);
		}
		return;
	}
	g = id - graph->n_nodes - 1;
	for (uint64_t i = spec->group_row[g]; i < spec->group_row[g + 1]; i++)
		find(s, spec->group_member[i]);
}

static bool goes_on(void)
{
	progress_add(CANCEL_MASK + 1);
	return !progress_cancelled();
}

/* Below a dominator that is not the root all is of one tier. */
static bool search_below(struct dom_sets *sets, uint32_t top, uint64_t *ret,
			 struct err *err)
{
	const struct dominators *dom = sets->dom;
	struct search s = { .sets = sets, .top = top, .end = dom->end[top] };
	size_t first_word = top / 64, last_word = (s.end - 1) / 64;
	bool ok = true;

	for (size_t i = 0; i < sets->set.len; i++)
		bitset_add(&sets->seen, sets->set.at[i]);
	find(&s, dom->order[top]);
	for (uint32_t head = 0; ok && head < s.len; head++) {
		expand(&s, sets->queue[head]);
		ok = (head & CANCEL_MASK) != CANCEL_MASK || goes_on();
	}
	memset(&sets->seen.words[first_word], 0,
	       (last_word - first_word + 1) * sizeof(*sets->seen.words));
	*ret = dom->retained[dom->order[top]] - s.kept;
	return ok || err_set(err, ERR_CANCELLED, "cancelled");
}

/* The entries of a tier with the members of groups in their places. */
static bool search_tier(const struct dom_spec *spec, uint32_t tier,
			struct bitset *seen, struct err *err)
{
	struct reach_spec reach = { .graph = spec->graph,
				    .kinds = spec->kinds };
	const struct dom_tier *t = &spec->tiers[tier];
	VEC(uint32_t) entries = {0};
	bool ok = true;

	for (uint32_t i = 0; ok && i < t->n; i++) {
		uint32_t id = t->entry[i], g = id - spec->graph->n_nodes - 1;

		if (id < spec->graph->n_nodes) {
			ok = vec_push(&entries, id);
			continue;
		}
		for (uint64_t m = spec->group_row[g];
		     ok && m < spec->group_row[g + 1]; m++)
			ok = vec_push(&entries, spec->group_member[m]);
	}
	reach.entry = entries.at;
	reach.n_entries = entries.len;
	ok = ok ? reach_add(&reach, seen, err) :
		  err_nomem(err, "retained sizes");
	vec_free(&entries);
	return ok;
}

static void copy_bits(struct bitset *to, const struct bitset *from)
{
	memcpy(to->words, from->words, (from->n + 63) / 64 *
				       sizeof(*from->words));
}

static bool close_tiers(struct dom_sets *sets, struct err *err)
{
	const struct dom_spec *spec = sets->spec;
	uint32_t n = spec->graph->n_nodes;

	sets->closed = calloc((size_t)spec->n_tiers + 1,
			      sizeof(*sets->closed));
	if (!sets->closed)
		return err_nomem(err, "retained sizes");
	for (uint32_t t = 0; t <= spec->n_tiers; t++) {
		if (!bitset_init(&sets->closed[t], n))
			return err_nomem(err, "retained sizes");
	}
	for (uint32_t i = 0; spec->members && i < n; i++) {
		if (!bitset_has(spec->members, i))
			bitset_add(&sets->closed[0], i);
	}
	for (uint32_t t = 0; t < spec->n_tiers; t++) {
		copy_bits(&sets->closed[t + 1], &sets->closed[t]);
		if (!search_tier(spec, t, &sets->closed[t + 1], err))
			return false;
	}
	return true;
}

static uint64_t sum_missing(const struct dom_spec *spec,
			    const struct bitset *all, const struct bitset *kept)
{
	uint64_t bytes = 0;

	for (size_t w = 0; w < (all->n + 63) / 64; w++) {
		for (uint64_t bits = all->words[w] & ~kept->words[w]; bits;
		     bits &= bits - 1)
			bytes += bytes_of(spec, (uint32_t)(w * 64) +
					  (uint32_t)__builtin_ctzll(bits));
	}
	return bytes;
}

/* From the virtual root: tier by tier, since a later one enters no earlier. */
static bool search_all(struct dom_sets *sets, uint64_t *ret, struct err *err)
{
	const struct dominators *dom = sets->dom;
	struct bitset seen;
	bool ok = true;

	*ret = 0;
	if (!sets->closed && !close_tiers(sets, err))
		return false;
	if (!bitset_init(&seen, dom->n_nodes))
		return err_nomem(err, "retained sizes");
	for (uint32_t t = 0; ok && t < sets->spec->n_tiers; t++) {
		const struct bitset *closed = &sets->closed[t];

		copy_bits(&seen, closed);
		for (size_t i = 0; i < sets->set.len; i++)
			bitset_add(&seen, dom->order[sets->set.at[i]]);
		ok = search_tier(sets->spec, t, &seen, err);
		for (size_t i = 0; i < sets->set.len; i++) {
			uint32_t node = dom->order[sets->set.at[i]];

			if (!bitset_has(closed, node))
				bitset_remove(&seen, node);
		}
		*ret += sum_missing(sets->spec, closed + 1, &seen);
	}
	bitset_free(&seen);
	return ok;
}

bool dom_set_retained(struct dom_sets *sets, const uint32_t *set, size_t n,
		      struct dom_set_sum *ret, struct err *err)
{
	const struct dominators *dom = sets->dom;
	uint32_t first, last = 0, top;
	uint64_t cost;

	*ret = (struct dom_set_sum){ .exact = true };
	if (!take_positions(sets, set, n))
		return err_nomem(err, "retained sizes");
	if (sets->set.len == 0)
		return true;
	ret->bytes = sum_topmost(sets, &last);
	first = sets->set.at[0];
	if (last == first)
		return true;
	top = common_dominator(sets, first, last);
	cost = dom->end[top] - top;
	ret->exact = cost <= sets->budget;
	if (!ret->exact)
		return true;
	sets->budget -= cost;
	return top > 0 ? search_below(sets, top, &ret->bytes, err) :
			 search_all(sets, &ret->bytes, err);
}
