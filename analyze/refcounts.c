/* SPDX-License-Identifier: MIT */
#include "analyze/refcounts.h"

#include <stdlib.h>

#include "analyze/counted.h"
#include "analyze/ref_words.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/sorted.h"

enum {
	CHUNK = 1 << 12,	/* nodes */
	SURE = 90,		/* percent: from here on handles are certain */
	LIKELY = 80,		/* and a control block is one */
};

const char *const refcount_kind_names[N_REFCOUNT_KINDS] = {
	[REFCOUNT_OK] = "ok",
	[REFCOUNT_UNKNOWN] = "unknown",
	[REFCOUNT_OVER] = "over",
	[REFCOUNT_LOST] = "lost",
	[REFCOUNT_WEAK_ONLY] = "weak_only",
};

struct build {
	const struct heap *heap;
	VEC(struct refcount) blocks;	/* by node */
	struct bitset counted;	/* [n_blocks] */
	struct bitset sources;	/* [n_nodes] that refer to one */
	const struct handle_fields **handles;	/* [n_types] */
	struct window *windows;	/* [pool_threads()] */
	struct arena arena;
};

static bool find_blocks(struct build *b, struct refcounts *ret,
			struct err *err)
{
	const struct heap *heap = b->heap;
	const struct type_table *types = &heap->image->types;
	uint8_t *library = calloc(types->types.len + 1, 1);

	if (!library)
		return err_nomem(err, "reference counts");
	for (uint32_t t = 0; t < types->types.len; t++)
		library[t] = (uint8_t)counted_type(types, t);
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		struct refcount r = { .node = i };
		struct counted_value value;
		uint32_t type = heap->type[i];

		if (type >= types->types.len || !library[type] ||
		    heap->confidence[i] < LIKELY || heap_count(heap, i) != 1 ||
		    heap_size(heap, i) < 16)
			continue;
		ret->control_blocks++;
		if (!counted_read(&b->windows[0], heap->addr[i], library[type],
				  &value)) {
			ret->unread++;
			continue;
		}
		r.count = value.strong;
		r.weak = value.weak;
		bitset_add(&b->counted, i);
		if (!vec_push(&b->blocks, r)) {
			free(library);
			return err_nomem(err, "reference counts");
		}
	}
	free(library);
	return true;
}

/* The type of what @node holds, where it is believed. */
static uint32_t type_of(const struct heap *heap, uint32_t node)
{
	const struct root *root;

	if (!heap_is_root(heap, node))
		return heap->confidence[node] >= SURE ? heap->type[node] :
							TYPE_NONE;
	root = heap_root(heap, node);
	return root->kind == ROOT_VARIABLE || root->kind == ROOT_TLS ?
	       root->type : TYPE_NONE;
}

/* Who is to be read, and where handles lie in them. */
static bool find_sources(struct build *b, struct err *err)
{
	const struct heap *heap = b->heap;
	const struct type_table *types = &heap->image->types;
	const struct graph *g = &heap->referrers;

	for (size_t i = 0; i < b->blocks.len; i++) {
		uint32_t node = b->blocks.at[i].node;

		for (uint64_t e = graph_row(g, node),
		     end = graph_row(g, node + 1); e < end; e++)
			bitset_add(&b->sources, g->target[e]);
	}
	for (uint32_t node = 0; node < heap->n_nodes; node++) {
		uint32_t type = bitset_has(&b->sources, node) ?
				type_of(heap, node) : TYPE_NONE;

		if (type >= types->types.len || b->handles[type])
			continue;
		b->handles[type] = handle_fields_of(types, type, &b->arena);
		if (!b->handles[type])
			return err_nomem(err, "reference counts");
	}
	return true;
}

static struct refcount *find(const struct build *b, uint32_t node)
{
	size_t i;

	sorted_skip(i, 0, b->blocks.len, b->blocks.at[i].node < node);
	return &b->blocks.at[i];
}

/* Sums do not depend on the order in which threads add. */
static void count_one(uint32_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

struct reading {
	const struct build *b;
	uint32_t source;
	const struct handle_fields *handles;	/* NULL: no type is believed */
	uint64_t typed_end;	/* bytes that they speak of */
	bool source_leaked;
	bool dead_behind;	/* what lies behind is no handle */
};

static bool count_word(void *ctx, const struct ref_word *word)
{
	const struct reading *r = ctx;
	const struct handle_field *handle = NULL;
	struct refcount *to;

	if (!bitset_has(&r->b->counted, word->target) ||
	    r->b->heap->addr[word->target] != word->value)
		return true;
	to = find(r->b, word->target);
	if (r->handles && r->handles->stride && word->offset < r->typed_end)
		handle = handle_at(r->handles,
				   word->offset % r->handles->stride);
	else if (r->handles && r->dead_behind)
		return true;
	if ((!handle || handle->kind == HANDLE_STRONG) && r->source_leaked)
		count_one(&to->lost);
	if (!handle)
		count_one(&to->possible);
	else if (handle->kind == HANDLE_STRONG)
		count_one(&to->found);
	else
		count_one(&to->weak_found);
	return true;
}

static void read_source(const struct build *b, struct window *window,
			uint32_t node)
{
	const struct heap *heap = b->heap;
	struct reading r = { .b = b, .source = node };
	uint32_t type = type_of(heap, node);

	r.source_leaked = !heap_is_root(heap, node) &&
			  heap->state[node] == STATE_LEAKED;
	if (type < heap->image->types.types.len)
		r.handles = b->handles[type];
	if (r.handles && heap_is_root(heap, node)) {
		r.typed_end = r.handles->stride;
	} else if (r.handles) {
		r.typed_end = r.handles->stride * heap_count(heap, node);
		r.dead_behind = heap->evidence[node] == EVIDENCE_ELEMENT;
	} else if (heap_is_root(heap, node) &&
		   heap_root(heap, node)->kind == ROOT_DEAD_STACK) {
		return;
	}
	ref_words(heap, window, node, count_word, &r);
}

static bool read_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct build *b = ctx;

	(void)chunk;
	(void)err;
	for (uint64_t node = begin; node < end; node++) {
		if (bitset_has(&b->sources, node))
			read_source(b, &b->windows[worker], (uint32_t)node);
	}
	progress_add(end - begin);
	return true;
}

/* Words in registers have no place: whoever is referred to has one. */
static void count_registers(struct build *b)
{
	const struct heap *heap = b->heap;
	const struct graph *g = &heap->referrers;

	for (size_t i = 0; i < b->blocks.len; i++) {
		struct refcount *r = &b->blocks.at[i];

		for (uint64_t e = graph_row(g, r->node),
		     end = graph_row(g, r->node + 1); e < end; e++) {
			uint32_t from = g->target[e];

			if (!heap_is_root(heap, from))
				continue;
			if (heap_root(heap, from)->kind == ROOT_REGISTERS ||
			    heap_root(heap, from)->addr == 0)
				r->possible++;
		}
	}
}

static enum refcount_kind judge(const struct heap *heap,
				const struct refcount *r)
{
	if (r->count < (int64_t)r->found)
		return REFCOUNT_OVER;
	if (r->count == 0)
		return r->weak > 0 ? REFCOUNT_WEAK_ONLY : REFCOUNT_OK;
	if (r->count > (int64_t)r->found + (int64_t)r->possible)
		return REFCOUNT_UNKNOWN;
	return r->lost > 0 && heap->state[r->node] == STATE_REACHABLE ?
	       REFCOUNT_LOST : REFCOUNT_OK;
}

static bool conclude(struct build *b, const struct facts *facts,
		     struct refcounts *ret, struct err *err)
{
	for (size_t i = 0; i < b->blocks.len; i++) {
		struct refcount *r = &b->blocks.at[i];

		r->kind = judge(b->heap, r);
		ret->total[r->kind].count++;
		ret->total[r->kind].bytes += facts->dom.retained[r->node];
		if (r->kind == REFCOUNT_OK) {
			ret->unclear += r->count != (int64_t)r->found;
			continue;
		}
		if (!vec_push(&ret->at, *r))
			return err_nomem(err, "reference counts");
	}
	return true;
}

/* qsort() has no context argument that ISO C knows. */
static const uint64_t *sorted_retained;

static int by_kind(const void *a, const void *b)
{
	const struct refcount *x = a, *y = b;
	uint64_t p = sorted_retained[x->node], q = sorted_retained[y->node];

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (p != q)
		return p < q ? 1 : -1;
	return (x->node > y->node) - (x->node < y->node);
}

static bool open_build(struct build *b, struct err *err)
{
	const struct heap *heap = b->heap;
	unsigned threads = pool_threads();

	b->handles = calloc(heap->image->types.types.len + 1,
			    sizeof(*b->handles));
	b->windows = calloc(threads, sizeof(*b->windows));
	if (!b->handles || !b->windows ||
	    !bitset_init(&b->counted, (size_t)heap->n_blocks + 1) ||
	    !bitset_init(&b->sources, (size_t)heap->n_nodes + 1))
		return err_nomem(err, "reference counts");
	for (unsigned i = 0; i < threads; i++)
		b->windows[i] = window_of(heap->image);
	return true;
}

static void close_build(struct build *b)
{
	for (unsigned i = 0; b->windows && i < pool_threads(); i++) {
		if (b->windows[i].image)
			window_close(&b->windows[i]);
	}
	free(b->windows);
	free(b->handles);
	bitset_free(&b->counted);
	bitset_free(&b->sources);
	vec_free(&b->blocks);
	arena_free(&b->arena);
}

bool refcounts_build(const struct facts *facts, struct refcounts *ret,
		     struct err *err)
{
	struct build b = { .heap = &facts->heap };
	bool ok;

	*ret = (struct refcounts){0};
	ok = open_build(&b, err) && find_blocks(&b, ret, err) &&
	     find_sources(&b, err);
	progress_begin("counting references", facts->heap.n_nodes);
	ok = ok && pool_run(facts->heap.n_nodes, CHUNK, read_chunk, &b, err);
	progress_end();
	if (ok) {
		count_registers(&b);
		ok = conclude(&b, facts, ret, err);
	}
	sorted_retained = facts->dom.retained;
	if (ok && ret->at.len > 0)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at), by_kind);
	close_build(&b);
	if (!ok)
		refcounts_free(ret);
	return ok;
}

void refcounts_free(struct refcounts *refcounts)
{
	vec_free(&refcounts->at);
	*refcounts = (struct refcounts){0};
}
