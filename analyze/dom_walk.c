/* SPDX-License-Identifier: MIT */
#include "analyze/dom_walk.h"

#include <stdlib.h>

#include "base/progress.h"

enum {
	SLAB_CHUNKS = 256,	/* 1 MiB, touched only as it is used */
	AHEAD = 6,		/* references whose targets are fetched early */
	CANCEL_MASK = (1 << 20) - 1,	/* nodes between looks for Ctrl-C */
};

static bool add_chunk(struct dom_walk *w, struct late_bucket *bucket)
{
	struct late_chunk *chunk;

	if (w->slab_left == 0) {
		chunk = reallocarray(NULL, SLAB_CHUNKS, sizeof(*chunk));
		if (!chunk || !vec_push(&w->slabs, chunk)) {
			free(chunk);
			return false;
		}
		w->slab_left = SLAB_CHUNKS;
	}
	chunk = w->slabs.at[w->slabs.len - 1] + SLAB_CHUNKS - w->slab_left--;
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

static inline uint32_t give_number(struct dom_walk *w, uint32_t id,
				   uint32_t from)
{
	uint32_t number = w->n++;

	w->number[id] = number;
	w->vertex[number] = id;
	w->parent[number] = from;
	w->semi[number] = from;
	return number;
}

/* Number all that can be reached from @id, which hangs under @from. */
static bool descend(struct dom_walk *w, uint32_t id, uint32_t from)
{
	const struct graph *graph = w->spec->graph;
	const uint32_t *target = graph->target;
	const uint8_t *kind = graph->kind;
	uint32_t kinds = w->spec->kinds, v = give_number(w, id, from);
	uint64_t e = graph->row[id], end = graph->row[id + 1];

	for (uint64_t i = e; i < end && i < e + AHEAD; i++)
		__builtin_prefetch(&w->number[target[i]]);
	for (;;) {
		uint32_t to, seen;

		if (e == end) {
			v = w->parent[v];
			if (v == from)
				return true;
			e = w->scratch[v].cursor;
			end = graph->row[w->vertex[v] + 1];
			continue;
		}
		if (e + AHEAD < end)
			__builtin_prefetch(&w->number[target[e + AHEAD]]);
		to = target[e];
		if (!(kinds >> (kind ? kind[e] : REF_STRONG) & 1)) {
			e++;
			continue;
		}
		e++;
		seen = w->number[to];
		if (seen != NODE_NONE) {
			if (!see_again(w, seen, v))
				return false;
			continue;
		}
		w->scratch[v].cursor = e;
		v = give_number(w, to, v);
		if ((v & CANCEL_MASK) == 0 && progress_cancelled())
			return false;
		e = graph->row[to];
		end = graph->row[to + 1];
		for (uint64_t i = e; i < end && i < e + AHEAD; i++)
			__builtin_prefetch(&w->number[target[i]]);
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
	return true;
}

static bool allocate(struct dom_walk *w)
{
	size_t n = w->n_ids;

	w->number = reallocarray(NULL, n, sizeof(*w->number));
	w->vertex = reallocarray(NULL, n, sizeof(*w->vertex));
	w->parent = reallocarray(NULL, n, sizeof(*w->parent));
	w->semi = reallocarray(NULL, n, sizeof(*w->semi));
	w->scratch = reallocarray(NULL, n, sizeof(*w->scratch));
	w->late = calloc((n >> LATE_BUCKET_BITS) + 1, sizeof(*w->late));
	return w->number && w->vertex && w->parent && w->semi && w->scratch &&
	       w->late;
}

/* Excluded nodes look as if an earlier tier had taken them. */
static void exclude(struct dom_walk *w)
{
	const struct bitset *members = w->spec->members;

	for (uint32_t i = 0; i < w->n_ids; i++)
		w->number[i] = NODE_NONE;
	for (uint32_t i = 0; members && i < w->spec->graph->n_nodes; i++) {
		if (!bitset_has(members, i))
			w->number[i] = 0;
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
	for (size_t i = 0; i < w->slabs.len; i++)
		free(w->slabs.at[i]);
	vec_free(&w->slabs);
	free(w->late);
	w->late = NULL;
	w->slab_left = 0;
}

void dom_walk_free(struct dom_walk *w)
{
	dom_walk_free_late(w);
	free(w->number);
	free(w->vertex);
	free(w->parent);
	free(w->semi);
	free(w->scratch);
	*w = (struct dom_walk){0};
}
