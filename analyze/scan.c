/* SPDX-License-Identifier: MIT */
#include "analyze/scan.h"

#include <stdlib.h>

#include "analyze/content.h"
#include "analyze/type_words.h"
#include "analyze/words.h"
#include "base/pool.h"
#include "base/progress.h"

enum {
	CHUNK = 1 << 14,	/* nodes */
	SURE = 90,		/* percent: from here on the type is believed */
};

/* The references of one chunk of nodes, rows one behind the other. */
struct piece {
	uint32_t *degree;	/* [nodes of the chunk] */
	VEC(uint32_t) target;
	VEC(uint8_t) kind;
};

/* What one thread works with. */
struct worker {
	struct window window;
	VEC(uint64_t) found;	/* target << 8 | kind, of one node */
	size_t hint;
};

struct scan {
	struct heap *heap;
	struct type_words words;
	struct piece *pieces;	/* [chunks] */
	struct worker *workers;	/* [pool_threads()] */
};

/* One node's words: where they lie and what they may be. */
struct stretch {
	uint64_t start, end;
	const struct word_map *map;	/* NULL: every word counts */
	uint64_t typed_end;	/* behind it only dead words follow */
	enum ref_kind untyped;	/* what a word that may be a pointer makes */
	enum ref_kind dead;	/* what a dead word makes */
};

static enum ref_kind reference_kind(const struct heap *heap,
				    const struct stretch *s, uint64_t at,
				    uint64_t to, uint32_t target)
{
	uint64_t element;

	if (at >= s->typed_end)
		return s->dead;
	if (!s->map || !s->map->kind)
		return s->untyped;
	element = (at - s->start) % s->map->stride / 8;
	switch (s->map->kind[element]) {
	case WORD_POINTER:
		return heap->addr[target] == to ? REF_STRONG : REF_INTERIOR;
	case WORD_WEAK:
		return REF_WEAK;
	case WORD_MAYBE:
		return s->untyped;
	default:
		return s->dead;
	}
}

static bool add_word(const struct heap *heap, struct worker *w,
		     const struct stretch *s, uint64_t at, uint64_t word,
		     bool *hit)
{
	uint64_t to = pointer_decode(word);
	uint32_t target;
	uint64_t found;

	*hit = false;
	if (to == 0)
		return true;
	target = block_index_near(&heap->index, to, &w->hint);
	if (target == NODE_NONE)
		return true;
	*hit = true;
	found = (uint64_t)target << 8 |
		(uint64_t)reference_kind(heap, s, at, to, target);
	return vec_push(&w->found, found);
}

static bool scan_stretch(const struct heap *heap, struct worker *w,
			 const struct stretch *s, enum content_class *class)
{
	struct word_walk walk = word_walk_of(&w->window, s->start, s->end);
	struct content content = {0};
	struct word_run run;
	bool first = true;

	while (word_walk_next(&walk, &run)) {
		if (first && run.addr == s->start)
			content_begin(&content, run.at, run.n * 8);
		first = false;
		for (size_t i = 0; i < run.n; i++) {
			uint64_t word = word_run_at(&run, i);
			bool hit;

			if (!add_word(heap, w, s, run.addr + i * 8, word, &hit))
				return false;
			content_word(&content, word, hit);
		}
	}
	*class = content_class(&content);
	return true;
}

/* The stretch of a block, after its type. */
static struct stretch block_stretch(const struct scan *scan, uint32_t node)
{
	const struct heap *heap = scan->heap;
	uint64_t end = heap->addr[node] + heap->size[node];
	struct stretch s = {
		.start = heap->addr[node], .end = end, .typed_end = end,
		.untyped = REF_CONSERVATIVE, .dead = REF_STALE,
	};

	if (heap->type[node] == TYPE_NONE || heap->confidence[node] < SURE)
		return s;
	s.map = type_words_of(&scan->words, heap->type[node]);
	if (!s.map || !s.map->kind || s.map->stride % 8 != 0 ||
	    s.map->open_ended) {
		s.map = NULL;
		return s;
	}
	if (s.map->stride * heap->count[node] < heap->size[node])
		s.typed_end = s.start + s.map->stride * heap->count[node];
	return s;
}

static struct stretch root_stretch(const struct scan *scan,
				   const struct root *root)
{
	struct stretch s = {
		.start = root->addr, .end = root->addr + root->size,
		.typed_end = root->addr + root->size,
		.untyped = REF_CONSERVATIVE, .dead = REF_CONSERVATIVE,
	};

	if (root->kind == ROOT_DEAD_STACK)
		s.untyped = s.dead = REF_STALE;
	if (root->type != TYPE_NONE && root->addr % 8 == 0)
		s.map = type_words_of(&scan->words, root->type);
	if (s.map && (s.map->stride == 0 || s.map->stride % 8 != 0))
		s.map = NULL;
	return s;
}

static bool scan_bytes(const struct heap *heap, struct worker *w,
		       const struct stretch *s, const void *bytes, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word;
		bool hit;

		memcpy(&word, (const char *)bytes + i, sizeof(word));
		if (!add_word(heap, w, s, s->start, word, &hit))
			return false;
	}
	return true;
}

static bool scan_registers(const struct heap *heap, struct worker *w,
			   const struct root *root)
{
	const struct thread *t = &heap->image->threads.at[root->thread];
	struct stretch s = {
		.typed_end = 1, .untyped = REF_CONSERVATIVE,
	};

	/* The extended state holds the legacy area too. */
	return scan_bytes(heap, w, &s, t->regs, sizeof(t->regs)) &&
	       (t->xstate_size > 0 ?
		scan_bytes(heap, w, &s, t->xstate, t->xstate_size) :
		scan_bytes(heap, w, &s, t->fpregs, t->fpregs_size));
}

static bool scan_node(const struct scan *scan, struct worker *w, uint32_t node)
{
	struct heap *heap = scan->heap;
	enum content_class class = CONTENT_MIXED;
	const struct root *root;
	struct stretch s;

	w->found.len = 0;
	if (!heap_is_root(heap, node)) {
		s = block_stretch(scan, node);
		if (!scan_stretch(heap, w, &s, &class))
			return false;
		heap->content[node] = (uint8_t)class;
		return true;
	}
	root = heap_root(heap, node);
	if (root->kind == ROOT_REGISTERS)
		return scan_registers(heap, w, root);
	s = root_stretch(scan, root);
	return scan_stretch(heap, w, &s, &class);
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

/* Sorted by target, then kind: the first of each target has its best kind. */
static bool flush_node(struct worker *w, struct piece *piece, size_t row)
{
	uint32_t last = NODE_NONE;

	sort_found(w->found.at, w->found.len);
	for (size_t i = 0; i < w->found.len; i++) {
		uint32_t target = (uint32_t)(w->found.at[i] >> 8);

		if (target == last)
			continue;
		last = target;
		if (!vec_push(&piece->target, target) ||
		    !vec_push(&piece->kind, (uint8_t)w->found.at[i]))
			return false;
		piece->degree[row]++;
	}
	return true;
}

static bool scan_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct scan *scan = ctx;
	struct piece *piece = &scan->pieces[chunk];
	struct worker *w = &scan->workers[worker];

	piece->degree = calloc(end - begin, sizeof(*piece->degree));
	if (!piece->degree)
		return err_nomem(err, "references");
	for (uint64_t node = begin; node < end; node++) {
		if (!scan_node(scan, w, (uint32_t)node) ||
		    !flush_node(w, piece, node - begin))
			return err_nomem(err, "references");
	}
	progress_add(end - begin);
	return true;
}

static void free_piece(struct piece *piece)
{
	free(piece->degree);
	piece->degree = NULL;
	vec_free(&piece->target);
	vec_free(&piece->kind);
}

/* Lay the pieces behind each other; each is freed once it is copied. */
static bool join(struct scan *scan, struct graph *ret, struct err *err)
{
	uint32_t n = scan->heap->n_nodes;
	uint64_t total = 0;
	uint32_t node = 0;

	for (size_t i = 0; i < pool_chunks(n, CHUNK); i++)
		total += scan->pieces[i].target.len;
	*ret = (struct graph){ .n_nodes = n };
	ret->row = malloc(((size_t)n + 1) * sizeof(*ret->row));
	ret->target = malloc((total + 1) * sizeof(*ret->target));
	ret->kind = malloc(total + 1);
	if (!ret->row || !ret->target || !ret->kind)
		return err_nomem(err, "the reference graph");
	total = 0;
	for (size_t i = 0; i < pool_chunks(n, CHUNK); i++) {
		struct piece *piece = &scan->pieces[i];
		uint64_t edge = total;

		for (uint32_t k = 0; k < CHUNK && node < n; k++, node++) {
			ret->row[node] = edge;
			edge += piece->degree[k];
		}
		if (piece->target.len > 0) {
			memcpy(ret->target + total, piece->target.at,
			       piece->target.len * sizeof(*ret->target));
			memcpy(ret->kind + total, piece->kind.at,
			       piece->kind.len);
		}
		total += piece->target.len;
		free_piece(piece);
	}
	ret->row[n] = total;
	return true;
}

static bool make_word_maps(struct scan *scan, struct err *err)
{
	const struct heap *heap = scan->heap;
	const struct type_table *types = &heap->image->types;

	if (!type_words_init(types, &scan->words, err))
		return false;
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (heap->type[i] != TYPE_NONE && heap->confidence[i] >= SURE &&
		    !type_words_add(types, heap->type[i], &scan->words, err))
			return false;
	}
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		if (heap->roots[i].type != TYPE_NONE &&
		    !type_words_add(types, heap->roots[i].type, &scan->words,
				    err))
			return false;
	}
	return true;
}

static bool scan_all(struct scan *scan, struct err *err)
{
	struct heap *heap = scan->heap;
	size_t chunks = pool_chunks(heap->n_nodes, CHUNK);
	unsigned threads = pool_threads();
	bool ok;

	scan->pieces = calloc(chunks + 1, sizeof(*scan->pieces));
	scan->workers = calloc(threads, sizeof(*scan->workers));
	if (!scan->pieces || !scan->workers)
		return err_nomem(err, "references");
	for (unsigned i = 0; i < threads; i++)
		scan->workers[i].window = window_of(heap->image);
	progress_begin("following references", heap->n_nodes);
	ok = pool_run(heap->n_nodes, CHUNK, scan_chunk, scan, err);
	progress_end();
	for (unsigned i = 0; i < threads; i++) {
		window_close(&scan->workers[i].window);
		vec_free(&scan->workers[i].found);
	}
	ok = ok && join(scan, &heap->refs, err);
	for (size_t i = 0; i < chunks; i++)
		free_piece(&scan->pieces[i]);
	return ok;
}

bool scan_build(struct heap *heap, struct err *err)
{
	struct scan scan = { .heap = heap };
	bool ok;

	ok = make_word_maps(&scan, err) && scan_all(&scan, err);
	free(scan.pieces);
	free(scan.workers);
	type_words_free(&scan.words);
	return ok && graph_reverse(&heap->refs, &heap->referrers, err);
}
