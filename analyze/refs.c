/* SPDX-License-Identifier: MIT */
#include "analyze/refs.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/infer.h"
#include "analyze/type_words.h"
#include "base/bulk.h"
#include "base/pool.h"
#include "base/progress.h"

enum {
	CHUNK = 1 << 14,	/* nodes */
	SURE = 90,		/* percent: from here on the type is believed */
};

struct worker {
	VEC(uint64_t) found;	/* target << 8 | kind, of one node */
};

struct build {
	struct heap *heap;
	struct raw_refs *raw;
	struct type_words words;
	uint8_t *kind;		/* beside raw->target */
	uint32_t *degree;	/* [n_nodes] references left of each row */
	struct worker *workers;	/* [pool_threads()] */
};

/* What the words of one node may be. */
struct meaning {
	const struct word_map *map;	/* NULL: every word counts */
	uint64_t typed_end;	/* bytes that the map speaks of */
	enum ref_kind untyped;	/* what a word that may be a pointer makes */
	enum ref_kind dead;	/* what a dead word makes */
	enum ref_kind behind;	/* what a word behind typed_end makes */
};

static enum ref_kind kind_of(const struct meaning *m, uint32_t where)
{
	uint64_t offset = raw_offset(where);

	if (offset >= m->typed_end && offset != UINT64_MAX)
		return m->behind;
	if (!m->map || offset == UINT64_MAX)
		return m->untyped;
	switch (m->map->kind[offset % m->map->stride / 8]) {
	case WORD_POINTER:
		return raw_is_start(where) ? REF_STRONG : REF_INTERIOR;
	case WORD_WEAK:
		return REF_WEAK;
	case WORD_MAYBE:
		return m->untyped;
	default:
		return m->dead;
	}
}

/* A map that says something about words at any multiple of its stride. */
static const struct word_map *usable_map(const struct build *b, uint32_t type)
{
	const struct word_map *map = type_words_of(&b->words, type);

	return map && map->kind && map->stride > 0 && map->stride % 8 == 0 ?
	       map : NULL;
}

/* Letters of some alphabet, as text is made of; other bytes are often room in
 * which objects are made. */
static bool is_letter(const struct type_table *types, const struct type *t)
{
	const char *name = types_text(types, t->name);

	return t->kind == TYPE_CHAR && (t->size > 1 || !strcmp(name, "char") ||
					!strcmp(name, "char8_t"));
}

/*
 * Numbers and letters that are smaller than a pointer, in the array of a
 * container: no word of it refers, and what stands behind a string's end is
 * old. (Nothing here may depend on contents that a capture can leave out, or
 * the graph would differ.)
 */
static bool holds_nothing(const struct heap *heap, uint32_t node)
{
	const struct type_table *types = &heap->image->types;
	const struct type *t;
	uint32_t id;

	if (heap->evidence[node] != EVIDENCE_ELEMENT)
		return false;
	id = types_strip(types, heap->type[node]);
	t = id == TYPE_NONE ? NULL : &types->types.at[id];
	if (!t || t->size >= 8)
		return false;
	switch (t->kind) {
	case TYPE_INT:
	case TYPE_FLOAT:
	case TYPE_BOOL:
	case TYPE_ENUM:
		return true;
	default:
		return is_letter(types, t);
	}
}

/* Where the live elements of a container end, in whole words. */
static uint64_t elements_end(const struct heap *heap, uint32_t node)
{
	const struct type_table *types = &heap->image->types;
	uint32_t id = types_strip(types, heap->type[node]);
	uint64_t size = id == TYPE_NONE ? 0 : types->types.at[id].size, end;

	if (__builtin_mul_overflow(size, heap_count(heap, node), &end) ||
	    size == 0 || end > UINT64_MAX - 7)
		return UINT64_MAX;
	return (end + 7) & ~(uint64_t)7;
}

static struct meaning block_meaning(const struct build *b, uint32_t node)
{
	const struct heap *heap = b->heap;
	const struct word_map *map;
	struct meaning m = {
		.typed_end = UINT64_MAX, .untyped = REF_CONSERVATIVE,
		.dead = REF_STALE, .behind = REF_STALE,
	};

	if (heap->type[node] == TYPE_NONE || heap->confidence[node] < SURE)
		return m;
	if (holds_nothing(heap, node)) {
		m.untyped = REF_STALE;
		return m;
	}
	map = usable_map(b, heap->type[node]);
	if (map && !map->open_ended) {
		m.map = map;
		m.typed_end = map->stride * heap_count(heap, node);
	} else if (!map && heap->evidence[node] == EVIDENCE_ELEMENT) {
		m.typed_end = elements_end(heap, node);
	}
	/* A block much larger than its object holds more than the object. */
	if (heap->evidence[node] != EVIDENCE_ELEMENT &&
	    !infer_fits(heap, node, m.typed_end, true))
		m.behind = m.untyped;
	return m;
}

static struct meaning root_meaning(const struct build *b,
				   const struct root *root)
{
	struct meaning m = {
		.typed_end = UINT64_MAX, .untyped = REF_CONSERVATIVE,
		.dead = REF_CONSERVATIVE, .behind = REF_CONSERVATIVE,
	};

	if (root->kind == ROOT_DEAD_STACK)
		m.untyped = m.dead = m.behind = REF_STALE;
	if (root->type != TYPE_NONE && root->addr % 8 == 0)
		m.map = usable_map(b, root->type);
	return m;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort_found(uint64_t *at, size_t n)
{
	if (n > 24) {
		qsort(at, n, sizeof(*at), by_value);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		uint64_t value = at[i];
		size_t k = i;

		for (; k > 0 && at[k - 1] > value; k--)
			at[k] = at[k - 1];
		at[k] = value;
	}
}

/*
 * Does a word that refers to its own block do so as to an object of its kind? Pointers into itself are how a type keeps its own house (a
 * short string, an empty list), and so is what a coroutine's frame knows
 * itself by, a void *. Of what has no type nobody knows.
 */
static bool refers_to_itself(const struct meaning *m, uint32_t where)
{
	uint64_t offset = raw_offset(where);

	if (!raw_is_start(where))
		return false;
	return !m->map || offset >= m->typed_end ||
	       m->map->own[offset % m->map->stride / 8];
}

/* Sorted by target, then kind: the first of each target has its best kind. */
static bool settle_node(struct build *b, struct worker *w, uint32_t node)
{
	struct raw_refs *raw = b->raw;
	struct meaning m = heap_is_root(b->heap, node) ?
			   root_meaning(b, heap_root(b->heap, node)) :
			   block_meaning(b, node);
	uint64_t out = raw->row[node];
	uint32_t last = NODE_NONE;

	w->found.len = 0;
	if (!vec_reserve(&w->found, raw->row[node + 1] - raw->row[node]))
		return false;
	for (uint64_t e = raw->row[node]; e < raw->row[node + 1]; e++) {
		if (raw->target[e] == node &&
		    !refers_to_itself(&m, raw->where[e]))
			continue;
		w->found.at[w->found.len++] = (uint64_t)raw->target[e] << 8 |
					      kind_of(&m, raw->where[e]);
	}
	sort_found(w->found.at, w->found.len);
	for (size_t i = 0; i < w->found.len; i++) {
		uint32_t target = (uint32_t)(w->found.at[i] >> 8);

		if (target == last)
			continue;
		last = raw->target[out] = target;
		b->kind[out++] = (uint8_t)w->found.at[i];
	}
	b->degree[node] = (uint32_t)(out - raw->row[node]);
	return true;
}

static bool settle_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			 unsigned worker, struct err *err)
{
	struct build *b = ctx;

	(void)chunk;
	for (uint64_t node = begin; node < end; node++) {
		if (!settle_node(b, &b->workers[worker], (uint32_t)node))
			return err_nomem(err, "references");
	}
	progress_add(end - begin);
	return true;
}

/* The rows of what is left. */
static bool make_rows(const struct build *b, struct graph *ret)
{
	uint32_t n = b->heap->n_nodes;
	uint64_t edge = 0;

	for (uint32_t node = 0; node < n; node++)
		edge += b->degree[node];
	ret->n_nodes = n;
	if (!graph_alloc_rows(ret, edge))
		return false;
	edge = 0;
	for (uint32_t node = 0; node < n; node++) {
		edge += b->degree[node];
		graph_set_row(ret, node + 1, edge);
	}
	return true;
}

/* Close the gaps that duplicates left, and hand the arrays to the graph, which
 * has its rows. */
static void compact(struct build *b, struct graph *ret)
{
	struct raw_refs *raw = b->raw;
	uint32_t n = b->heap->n_nodes;
	uint64_t out = 0;
	uint32_t *target;
	uint8_t *kind;

	for (uint32_t node = 0; node < n; node++) {
		uint64_t from = raw->row[node];

		memmove(raw->target + out, raw->target + from,
			b->degree[node] * sizeof(*raw->target));
		memmove(b->kind + out, b->kind + from, b->degree[node]);
		out += b->degree[node];
	}
	target = bulk_resize(raw->target, out + 1, sizeof(*raw->target));
	kind = bulk_resize(b->kind, out + 1, sizeof(*b->kind));
	ret->target = target ? target : raw->target;
	ret->kind = kind ? kind : b->kind;
	raw->target = NULL;
	b->kind = NULL;
}

static bool make_word_maps(struct build *b, struct err *err)
{
	const struct heap *heap = b->heap;
	const struct type_table *types = &heap->image->types;

	if (!type_words_init(types, &b->words, err))
		return false;
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (heap->type[i] != TYPE_NONE && heap->confidence[i] >= SURE &&
		    !type_words_add(types, heap->type[i], &b->words, err))
			return false;
	}
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		if (heap->roots[i].type != TYPE_NONE &&
		    !type_words_add(types, heap->roots[i].type, &b->words, err))
			return false;
	}
	return true;
}

static bool settle_all(struct build *b, struct err *err)
{
	uint32_t n = b->heap->n_nodes;
	bool ok;

	b->kind = bulk_alloc(b->raw->row[n] + 1, sizeof(*b->kind));
	b->degree = bulk_alloc((size_t)n + 1, sizeof(*b->degree));
	b->workers = calloc(pool_threads(), sizeof(*b->workers));
	if (!b->kind || !b->degree || !b->workers)
		return err_nomem(err, "references");
	ok = pool_run(n, CHUNK, settle_chunk, b, err);
	for (unsigned i = 0; i < pool_threads(); i++)
		vec_free(&b->workers[i].found);
	return ok;
}

bool refs_build(struct heap *heap, struct raw_refs *raw, struct err *err)
{
	struct build b = { .heap = heap, .raw = raw };
	bool ok;

	progress_begin("following references", heap->n_nodes);
	ok = make_word_maps(&b, err) && settle_all(&b, err);
	if (ok) {
		bulk_free(raw->where);
		raw->where = NULL;
		ok = make_rows(&b, &heap->refs) || err_nomem(err, "references");
	}
	if (ok)
		compact(&b, &heap->refs);
	bulk_free(b.kind);
	bulk_free(b.degree);
	free(b.workers);
	type_words_free(&b.words);
	raw_refs_free(raw);
	progress_end();
	return ok;
}

bool refs_reverse(struct heap *heap, struct err *err)
{
	bool ok;

	if (heap->referrers.target)
		return true;
	progress_begin("finding who refers to what", 0);
	ok = graph_reverse(&heap->refs, &heap->referrers, err);
	progress_end();
	return ok;
}
