/* SPDX-License-Identifier: MIT */
#include "analyze/dominators.h"

#include <stdlib.h>

#include "analyze/dom_walk.h"
#include "base/bulk.h"
#include "base/progress.h"
#include "base/vec.h"

enum {
	AHEAD = 16,		/* places whose memory is fetched early */
	TICK = 1 << 18,		/* positions between reports of progress */
};

/*
 * The smallest semidominator on the way from @v up to the root of its tree
 * in the forest of the nodes above @last. Numbers stand for nodes: only the
 * value matters, so a label is a semidominator and not the node that has it.
 */
static inline uint32_t least_label(union dom_scratch *at, uint32_t v,
				   uint32_t last)
{
	uint32_t least = at[v].link.label;

	for (;;) {
		uint32_t a = at[v].link.ancestor, b;

		if (a <= last)
			return least;
		if (at[a].link.label < at[v].link.label)
			at[v].link.label = at[a].link.label;
		if (at[v].link.label < least)
			least = at[v].link.label;
		b = at[a].link.ancestor;
		if (b <= last)
			return least;
		at[v].link.ancestor = b;
		v = b;
		if (at[v].link.label < least)
			least = at[v].link.label;
	}
}

/* The late references of one bucket, sorted by target. */
struct late_sort {
	size_t *end;		/* [2^LATE_BUCKET_BITS] in from, by target */
	VEC(uint32_t) from;
};

static bool sort_bucket(const struct late_bucket *bucket, uint32_t base,
			uint32_t n, struct late_sort *sort)
{
	uint32_t len = bucket->newest_len;
	size_t sum = 0;

	if (!vec_reserve(&sort->from, bucket->len))
		return false;
	memset(sort->end, 0, n * sizeof(*sort->end));
	for (const struct late_chunk *c = bucket->chunks; c; c = c->next) {
		for (uint32_t i = 0; i < len; i++)
			sort->end[c->at[i].to - base]++;
		len = LATE_CHUNK_LEN;
	}
	for (uint32_t i = 0; i < n; i++) {
		size_t count = sort->end[i];

		sort->end[i] = sum;
		sum += count;
	}
	len = bucket->newest_len;
	for (const struct late_chunk *c = bucket->chunks; c; c = c->next) {
		for (uint32_t i = 0; i < len; i++) {
			size_t at = sort->end[c->at[i].to - base]++;

			sort->from.at[at] = c->at[i].from;
		}
		len = LATE_CHUNK_LEN;
	}
	return true;
}

/* Semidominators of the numbers @base .. @base + @n - 1, last to first. */
static void link_bucket(struct dom_walk *w, uint32_t base, uint32_t n,
			const struct late_sort *sort)
{
	union dom_scratch *at = w->scratch;
	const uint32_t *from = sort->from.at;

	for (uint32_t i = n; i-- > 0;) {
		uint32_t v = base + i, semi = w->semi[v];
		size_t begin = i ? sort->end[i - 1] : 0;

		for (size_t e = sort->end[i]; e-- > begin && semi > 0;) {
			uint32_t least;

			if (e >= AHEAD)
				__builtin_prefetch(&at[from[e - AHEAD]]);
			if (e >= AHEAD / 2 && from[e - AHEAD / 2] > v)
				__builtin_prefetch(&at[
					at[from[e - AHEAD / 2]].link.ancestor]);
			least = least_label(at, from[e], v);
			semi = least < semi ? least : semi;
		}
		w->semi[v] = semi;
		at[v].link.ancestor = w->parent[v];
		at[v].link.label = semi;
	}
}

/* First phase: upper bounds become semidominators. */
static bool find_semidominators(struct dom_walk *w)
{
	const uint32_t size = UINT32_C(1) << LATE_BUCKET_BITS;
	struct late_sort sort = {0};
	bool ok = false;

	sort.end = reallocarray(NULL, size, sizeof(*sort.end));
	if (!sort.end)
		goto out;
	for (uint32_t b = (w->n - 1) / size + 1; b-- > 0;) {
		uint32_t base = b * size;
		uint32_t n = w->n - base < size ? w->n - base : size;

		if (!sort_bucket(&w->late[b], base, n, &sort) ||
		    progress_cancelled())
			goto out;
		link_bucket(w, base, n, &sort);
	}
	ok = true;
out:
	free(sort.end);
	vec_free(&sort.from);
	return ok;
}

/* Make jump pointers of @v, whose parent in the tree is @up. */
static inline void lift_node(union dom_scratch *at, uint32_t v, uint32_t up)
{
	uint32_t jump = at[up].lift.jump;
	uint32_t near = at[up].lift.depth - at[jump].lift.depth;
	uint32_t far = at[jump].lift.depth - at[at[jump].lift.jump].lift.depth;

	at[v].lift.depth = at[up].lift.depth + 1;
	at[v].lift.jump = near == far ? at[jump].lift.jump : up;
}

/*
 * Second phase: the immediate dominator is the nearest ancestor, in the tree
 * so far, of the parent that is not below the semidominator. Numbers fall on
 * the way up. parent[] becomes idom[], by number.
 */
static void find_dominators(struct dom_walk *w)
{
	union dom_scratch *at = w->scratch;
	uint32_t *idom = w->parent;

	at[0].lift.jump = at[0].lift.depth = 0;
	for (uint32_t v = 1; v < w->n; v++) {
		uint32_t up = idom[v], semi = w->semi[v];

		while (up > semi)
			up = at[up].lift.jump >= semi ? at[up].lift.jump :
							idom[up];
		idom[v] = up;
		lift_node(at, v, up);
	}
}

/* Number of nodes in each subtree, in semi[]. */
static void count_subtrees(struct dom_walk *w)
{
	for (uint32_t v = 0; v < w->n; v++)
		w->semi[v] = 1;
	for (uint32_t v = w->n; v-- > 1;)
		w->semi[w->parent[v]] += w->semi[v];
}

/*
 * Lay the tree out in preorder, each node's children from the back of its
 * range to the front: semi[v] is the number of nodes below and with v until v
 * has its place, then the position behind the next child.
 */
static void lay_out(struct dom_walk *w, struct dominators *dom)
{
	for (uint32_t v = 0; v < w->n; v++) {
		uint32_t count = w->semi[v], at = 0;

		if (v > 0) {
			at = w->semi[w->parent[v]] - count;
			w->semi[w->parent[v]] = at;
		}
		w->semi[v] = at + count;
		dom->order[at] = w->vertex[v];
		dom->end[at] = at + count;
		dom->position[w->vertex[v]] = at;
	}
}

/* Excluded nodes have number 0, as the root has. */
static void forget_excluded(struct dom_walk *w)
{
	for (uint32_t i = 0; w->spec->members && i < w->spec->graph->n_nodes;
	     i++) {
		if (w->number[i] == 0)
			w->number[i] = NODE_NONE;
	}
}

/* Takes what it can from @w, and gives back the rest as early as it can. */
static bool take_tree(struct dom_walk *w, struct dominators *dom)
{
	bulk_free(w->scratch);
	w->scratch = NULL;
	count_subtrees(w);
	dom->n_order = w->n;
	dom->order = bulk_alloc(w->n, sizeof(*dom->order));
	dom->end = bulk_alloc(w->n, sizeof(*dom->end));
	if (!dom->order || !dom->end)
		return false;
	forget_excluded(w);
	dom->position = w->number;
	w->number = NULL;
	lay_out(w, dom);
	return true;
}

/*
 * A subtree lies together, so its bytes are the difference of two sums over
 * all before: @before[p] is that of the positions before p. Sums that wrap
 * around differ by the right number all the same.
 */
static void sum_subtrees(const struct dom_spec *spec, struct dominators *dom,
			 uint64_t *before)
{
	const uint32_t *order = dom->order;
	uint32_t n = dom->n_order;

	for (uint32_t p = 0; p < n; p++) {
		if (p + AHEAD < n && order[p + AHEAD] < spec->n_bytes)
			__builtin_prefetch(
				&spec->sizes->size[order[p + AHEAD]]);
		before[p + 1] = before[p];
		if (order[p] < spec->n_bytes)
			before[p + 1] += block_size(spec->sizes, order[p]);
	}
	for (uint32_t p = 0; p < n; p++) {
		if (p + AHEAD < n)
			__builtin_prefetch(&dom->retained[order[p + AHEAD]], 1);
		dom->retained[order[p]] = before[dom->end[p]] - before[p];
	}
}

/* The search is over, and what it needed given back. */
static bool add_retained(const struct dom_spec *spec, struct dominators *dom)
{
	size_t n_ids = (size_t)dom->n_nodes + 1 + dom->n_groups;
	uint64_t *before = bulk_alloc((size_t)dom->n_order + 1,
				      sizeof(*before));

	dom->retained = bulk_alloc(n_ids, sizeof(*dom->retained));
	if (before && dom->retained)
		sum_subtrees(spec, dom, before);
	bulk_free(before);
	return before && dom->retained;
}

static bool build(const struct dom_spec *spec, struct dominators *ret,
		  struct err *err)
{
	struct dominators dom = {
		.n_nodes = spec->graph->n_nodes, .n_groups = spec->n_groups,
	};
	struct dom_walk walk;

	*ret = (struct dominators){0};
	if (!dom_walk_build(spec, &walk, err))
		return false;
	if (!find_semidominators(&walk))
		goto fail;
	dom_walk_free_late(&walk);
	find_dominators(&walk);
	if (!take_tree(&walk, &dom))
		goto fail;
	dom_walk_free(&walk);
	if (!add_retained(spec, &dom))
		goto fail;
	*ret = dom;
	return true;
fail:
	dom_walk_free(&walk);
	dom_free(&dom);
	return progress_cancelled() ?
		err_set(err, ERR_CANCELLED, "cancelled") :
		err_nomem(err, "dominators");
}

bool dom_build(const struct dom_spec *spec, struct dominators *ret,
	       struct err *err)
{
	bool ok;

	progress_begin("finding dominators", 0);
	ok = build(spec, ret, err);
	progress_end();
	return ok;
}

void dom_free(struct dominators *dom)
{
	bulk_free(dom->position);
	bulk_free(dom->retained);
	bulk_free(dom->order);
	bulk_free(dom->end);
	*dom = (struct dominators){0};
}

uint32_t *dom_parents(const struct dominators *dom)
{
	uint32_t *parent = bulk_alloc(dom->n_order, sizeof(*parent));

	/* From the one before upwards, to the first whose subtree is open: each
	 * is passed once, and all in the order in which they lie. */
	for (uint32_t p = 1; parent && p < dom->n_order; p++) {
		uint32_t above = p - 1;

		if (p % TICK == 0)
			progress_add(TICK);
		while (above > 0 && dom->end[above] <= p)
			above = parent[above];
		parent[p] = above;
	}
	return parent;
}
