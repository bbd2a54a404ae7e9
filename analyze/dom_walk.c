/* SPDX-License-Identifier: MIT */
#include "analyze/dom_walk.h"

#include <stdlib.h>

#include "base/bulk.h"
#include "base/fetch.h"
#include "base/progress.h"

enum { CANCEL_MASK = (1 << 20) - 1 };	/* nodes between looks for Ctrl-C */

static struct late_chunk *new_chunk(struct dom_walk *w)
{
	struct late_slab *slab = w->slabs;

	if (!slab || slab->used == LATE_SLAB_LEN) {
		slab = malloc(sizeof(*slab));
		if (!slab)
			return NULL;
		slab->next = w->slabs;
		slab->used = 0;
		w->slabs = slab;
	}
	return &slab->chunks[slab->used++];
}

static bool add_chunk(struct dom_walk *w, struct late_bucket *bucket)
{
	struct late_chunk *chunk = new_chunk(w);

	if (!chunk)
		return false;
	chunk->next = bucket->chunks;
	bucket->chunks = chunk;
	bucket->newest_len = 0;
	return true;
}

static bool add_late(struct dom_walk *w, uint32_t to, uint32_t from)
{
	struct late_bucket *bucket = &w->late[to >> LATE_BUCKET_BITS];

	if ((!bucket->chunks || bucket->newest_len == LATE_CHUNK_LEN) &&
	    !add_chunk(w, bucket))
		return false;
	bucket->chunks->at[bucket->newest_len++] =
		(struct late_ref){ .to = to, .from = from };
	bucket->len++;
	return true;
}

/* A reference from number @from to the node with number @to, seen before. */
static inline bool see_again(struct dom_walk *w, uint32_t to, uint32_t from)
{
	if (to < w->tier_start || to == from)
		return true;
	if (to < from)
		return add_late(w, to, from);
	if (from < w->semi[to])
		w->semi[to] = from;
	return true;
}

/*
 * A reference from number @from to node @id, seen before. That decides nothing
 * about the search, so it waits until the cache has the number of @id.
 */
static inline bool put_aside(struct dom_walk *w, uint32_t id, uint32_t from)
{
	struct aside *slot = &w->aside[w->n_aside++ % ASIDE_LEN], old = *slot;

	__builtin_prefetch(&w->number[id]);
	*slot = (struct aside){ .id = id, .from = from };
	return w->n_aside <= ASIDE_LEN ||
	       see_again(w, w->number[old.id], old.from);
}

/* Look at what was put aside. */
static bool settle_aside(struct dom_walk *w)
{
	uint64_t n = w->n_aside < ASIDE_LEN ? w->n_aside : ASIDE_LEN;

	w->n_aside = 0;
	for (uint64_t i = 0; i < n; i++) {
		const struct aside *a = &w->aside[i];

		if (!see_again(w, w->number[a->id], a->from))
			return false;
	}
	return true;
}

static inline uint32_t give_number(struct dom_walk *w, uint32_t id,
				   uint32_t from)
{
	uint32_t number = w->n++;

	bitset_add(&w->seen, id);
	w->number[id] = number;
	w->vertex[number] = id;
	w->parent[number] = from;
	w->semi[number] = from;
	return number;
}

/*
 * Where the search stands: at which reference of which node. Targets near
 * their source come first, and the far ones in a second pass, by when the
 * cache has them, or they have been reached from near. Any order makes a
 * depth-first tree; this one saves a tenth of all the time on 15 M nodes.
 */
struct place {
	uint32_t v, id;
	uint64_t e, end;
	uint64_t pass;		/* bits FAR_PASS, FAR_SEEN */
};

/* The cursor of a node with nothing left to do: no edge has that number. */
#define DONE UINT64_MAX

enum { FAR_PASS = 1, FAR_SEEN = 2, PASS_BITS = 2, NEAR = 4096 };

FETCH fetch(const struct dom_walk *w, uint32_t node)
{
	__builtin_prefetch(&w->number[node]);
	graph_fetch_row(w->spec->graph, node);
}

static inline void place_at(const struct dom_walk *w, struct place *p,
			    uint32_t v)
{
	p->v = v;
	p->id = w->vertex[v];
	p->e = graph_row(w->spec->graph, p->id);
	p->end = graph_row(w->spec->graph, p->id + 1);
	p->pass = 0;
}

/* The next target in this pass; false at its end. */
static inline bool next_target(const struct dom_walk *w, struct place *p,
			       uint32_t *ret)
{
	const struct graph *graph = w->spec->graph;

	while (p->e < p->end) {
		uint64_t e = p->e++;
		uint32_t to = graph->target[e];
		bool far = to + NEAR - p->id > 2 * NEAR;

		if (!(w->spec->kinds >>
		      (graph->kind ? graph->kind[e] : REF_STRONG) & 1))
			continue;
		if (far == (p->pass & FAR_PASS)) {
			*ret = to;
			return true;
		}
		if (far) {
			if (!bitset_has(&w->seen, to))
				fetch(w, to);
			p->pass |= FAR_SEEN;
		}
	}
	return false;
}

/*
 * Keep the place for when what is below was searched. Where nothing is left to
 * do, that is all that needs to be known: the way back then does not look for
 * the references of each node on it.
 */
static inline void leave(struct dom_walk *w, const struct place *p)
{
	w->scratch[p->v].cursor = p->e == p->end && p->pass != FAR_SEEN ?
				  DONE : p->e << PASS_BITS | p->pass;
}

/* Begin the second pass, or go back to the parent; false at the top. */
static inline bool turn(const struct dom_walk *w, struct place *p,
			uint32_t top)
{
	uint64_t cursor;
	uint32_t v;

	if (p->pass == FAR_SEEN) {
		p->e = graph_row(w->spec->graph, p->id);
		p->pass = FAR_PASS;
		return true;
	}
	for (v = p->v;; v = w->parent[v]) {
		if (v == top)
			return false;
		cursor = w->scratch[w->parent[v]].cursor;
		if (cursor != DONE)
			break;
	}
	place_at(w, p, w->parent[v]);
	p->e = cursor >> PASS_BITS;
	p->pass = cursor & (FAR_PASS | FAR_SEEN);
	return true;
}

/*
 * The next target is wanted when what is below this one was searched, mostly
 * soon: tell the cache where its references are. Reading its row for that may
 * miss, but then at the same time as the search does for this one.
 */
FETCH fetch_sibling(const struct dom_walk *w, const struct place *p)
{
	const struct graph *graph = w->spec->graph;
	uint32_t next;
	uint64_t e;

	if (p->e == p->end)
		return;
	next = graph->target[p->e];
	if (bitset_has(&w->seen, next))
		return;
	e = graph_row(graph, next);
	__builtin_prefetch(&graph->target[e]);
	if (graph->kind)
		__builtin_prefetch(&graph->kind[e]);
}

/* Number all that can be reached from @id, which hangs under @from. */
static bool descend(struct dom_walk *w, uint32_t id, uint32_t from)
{
	uint32_t top = give_number(w, id, from), to;
	struct place p;

	place_at(w, &p, top);
	for (;;) {
		if (!next_target(w, &p, &to)) {
			if (!turn(w, &p, top))
				return true;
			continue;
		}
		if (bitset_has(&w->seen, to)) {
			if (!put_aside(w, to, p.v))
				return false;
			continue;
		}
		leave(w, &p);
		fetch_sibling(w, &p);
		place_at(w, &p, give_number(w, to, p.v));
		if ((p.v & CANCEL_MASK) == 0 && progress_cancelled())
			return false;
	}
}

static bool arrive(struct dom_walk *w, uint32_t id, uint32_t from)
{
	uint32_t seen = w->number[id];

	return seen == NODE_NONE ? descend(w, id, from) :
				   see_again(w, seen, from);
}

static bool enter_group(struct dom_walk *w, uint32_t id)
{
	const struct dom_spec *spec = w->spec;
	uint32_t g = id - spec->graph->n_nodes - 1, from;

	if (w->number[id] != NODE_NONE)
		return true;
	from = give_number(w, id, 0);
	for (uint64_t i = spec->group_row[g]; i < spec->group_row[g + 1]; i++) {
		if (!arrive(w, spec->group_member[i], from))
			return false;
	}
	return true;
}

static bool enter_tier(struct dom_walk *w, const struct dom_tier *tier)
{
	w->tier_start = w->n;
	for (uint32_t i = 0; i < tier->n; i++) {
		uint32_t id = tier->entry[i];
		bool ok = id > w->spec->graph->n_nodes ?
			enter_group(w, id) : arrive(w, id, 0);

		if (!ok)
			return false;
	}
	return settle_aside(w);
}

static bool allocate(struct dom_walk *w)
{
	size_t n = w->n_ids;

	w->number = bulk_alloc(n, sizeof(*w->number));
	w->vertex = bulk_alloc(n, sizeof(*w->vertex));
	w->parent = bulk_alloc(n, sizeof(*w->parent));
	w->semi = bulk_alloc(n, sizeof(*w->semi));
	w->scratch = bulk_alloc(n, sizeof(*w->scratch));
	w->late = calloc((n >> LATE_BUCKET_BITS) + 1, sizeof(*w->late));
	return bitset_init(&w->seen, n) && w->number && w->vertex &&
	       w->parent && w->semi && w->scratch && w->late;
}

/* Excluded nodes look as if an earlier tier had taken them. */
static void exclude(struct dom_walk *w)
{
	const struct bitset *members = w->spec->members;

	for (uint32_t i = 0; i < w->n_ids; i++)
		w->number[i] = NODE_NONE;
	for (uint32_t i = 0; members && i < w->spec->graph->n_nodes; i++) {
		if (!bitset_has(members, i)) {
			w->number[i] = 0;
			bitset_add(&w->seen, i);
		}
	}
}

bool dom_walk_build(const struct dom_spec *spec, struct dom_walk *ret,
		    struct err *err)
{
	struct dom_walk w = { .spec = spec };
	uint64_t n_ids = (uint64_t)spec->graph->n_nodes + 1 + spec->n_groups;

	*ret = (struct dom_walk){0};
	if (n_ids > NODE_NONE)
		return err_set(err, ERR_LIMIT,
			       "more than 4294967295 nodes and groups");
	w.n_ids = (uint32_t)n_ids;
	if (!allocate(&w))
		goto fail;
	exclude(&w);
	give_number(&w, spec->graph->n_nodes, 0);
	for (uint32_t t = 0; t < spec->n_tiers; t++) {
		if (!enter_tier(&w, &spec->tiers[t]))
			goto fail;
	}
	bitset_free(&w.seen);
	*ret = w;
	return true;
fail:
	dom_walk_free(&w);
	return progress_cancelled() ?
		err_set(err, ERR_CANCELLED, "cancelled") :
		err_nomem(err, "dominators");
}

void dom_walk_free_late(struct dom_walk *w)
{
	while (w->slabs) {
		struct late_slab *next = w->slabs->next;

		free(w->slabs);
		w->slabs = next;
	}
	free(w->late);
	w->late = NULL;
}

void dom_walk_free(struct dom_walk *w)
{
	dom_walk_free_late(w);
	bitset_free(&w->seen);
	bulk_free(w->number);
	bulk_free(w->vertex);
	bulk_free(w->parent);
	bulk_free(w->semi);
	bulk_free(w->scratch);
	*w = (struct dom_walk){0};
}
