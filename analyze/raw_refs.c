/* SPDX-License-Identifier: MIT */
#include "analyze/raw_refs.h"

#include <pthread.h>
#include <stdlib.h>

#include "analyze/content.h"
#include "analyze/local_roots.h"
#include "analyze/words.h"
#include "base/bulk.h"
#include "base/pool.h"
#include "base/progress.h"

enum { CHUNK = 1 << 14 };	/* nodes */

/* The references of one chunk of nodes, rows one behind the other. */
struct piece {
	uint32_t *degree;	/* [nodes of the chunk] */
	VEC(uint32_t) target, where;
	bool done;
};

/* What one thread works with. */
struct worker {
	struct window window;
	size_t hint;
};

struct scan {
	struct heap *heap;
	struct piece *pieces;	/* [chunks] */
	struct worker *workers;	/* [pool_threads()] */
	pthread_mutex_t lock;	/* over what follows, and what is done */
	struct raw_refs *ret;
	size_t joined;		/* chunks whose pieces are in @ret */
	uint64_t n, cap;	/* references in @ret, and room there */
};

/* Note the word at place number @place; *@hit: it refers to a block. */
static bool add_word(const struct heap *heap, struct worker *w,
		     struct piece *piece, uint64_t place, uint64_t word,
		     bool *hit)
{
	uint64_t to = pointer_decode(word);
	uint32_t target, where;

	*hit = false;
	if (to == 0)
		return true;
	target = block_index_near(&heap->index, to, &w->hint);
	if (target == NODE_NONE)
		return true;
	*hit = true;
	where = place < RAW_FAR_WORD ? (uint32_t)place : RAW_FAR_WORD;
	where = where << 1 | (heap->addr[target] == to);
	return vec_push(&piece->target, target) &&
	       vec_push(&piece->where, where);
}

static bool scan_memory(const struct heap *heap, struct worker *w,
			struct piece *piece, uint64_t start, uint64_t end,
			enum content_class *class)
{
	struct word_walk walk = word_walk_of(&w->window, start, end);
	bool reduced = heap->image->redacted.spans.len > 0;
	struct content content = {0};
	struct word_run run;
	bool first = true;

	while (word_walk_next(&walk, &run)) {
		uint64_t place = (run.addr - start) / 8;

		if (first && run.addr == start)
			content_begin(&content, run.at, run.n * 8);
		first = false;
		for (size_t i = 0; i < run.n; i++) {
			uint64_t word = word_run_at(&run, i);
			bool hit;

			if (!add_word(heap, w, piece, place + i, word, &hit))
				return false;
			if (reduced && word == 0 &&
			    image_is_redacted(heap->image, run.addr + i * 8))
				content_left_out(&content);
			else
				content_word(&content, word, hit);
		}
	}
	*class = content_class(&content);
	return true;
}

/* The words of a stack that no local owns. */
static bool scan_stack(const struct heap *heap, struct worker *w,
		       struct piece *piece, const struct root *root)
{
	struct word_walk walk = word_walk_of(&w->window, root->addr,
					     root->addr + root->size);
	struct word_run run;

	while (word_walk_next(&walk, &run)) {
		for (size_t i = 0; i < run.n; i++) {
			uint64_t at = run.addr + i * 8;
			bool hit;

			if (pointer_decode(word_run_at(&run, i)) &&
			    !local_roots_own(heap, at) &&
			    !add_word(heap, w, piece, (at - root->addr) / 8,
				      word_run_at(&run, i), &hit))
				return false;
		}
	}
	return true;
}

static bool scan_bytes(const struct heap *heap, struct worker *w,
		       struct piece *piece, const void *bytes, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word;
		bool hit;

		memcpy(&word, (const char *)bytes + i, sizeof(word));
		if (!add_word(heap, w, piece, i / 8, word, &hit))
			return false;
	}
	return true;
}

/* General registers, then vectors; the extended state repeats the latter. */
static bool scan_registers(const struct heap *heap, struct worker *w,
			   struct piece *piece, const struct thread *t)
{
	const uint8_t *vectors = t->xstate_size > 0 ? t->xstate : t->fpregs;
	size_t n = t->xstate_size > 0 ? t->xstate_size : t->fpregs_size;

	return scan_bytes(heap, w, piece, t->regs, sizeof(t->regs)) &&
	       scan_bytes(heap, w, piece, vectors, n);
}

static bool scan_node(const struct scan *scan, struct worker *w,
		      struct piece *piece, uint32_t node)
{
	struct heap *heap = scan->heap;
	enum content_class class = CONTENT_MIXED;
	const struct root *root;
	bool ok;

	if (!heap_is_root(heap, node)) {
		ok = scan_memory(heap, w, piece, heap->addr[node],
				 heap->addr[node] + heap_size(heap, node),
				 &class);
		heap->content[node] = (uint8_t)class;
		return ok;
	}
	root = heap_root(heap, node);
	switch (root->kind) {
	case ROOT_REGISTERS:
		return scan_registers(heap, w, piece,
				      &heap->image->threads.at[root->thread]);
	case ROOT_STACK:
		return scan_stack(heap, w, piece, root);
	case ROOT_LOCAL:
		if (root->addr == 0)
			return scan_bytes(heap, w, piece,
					  &heap->image->locals.at[root->local -
								  1].value, 8);
		break;
	default:
		break;
	}
	return scan_memory(heap, w, piece, root->addr, root->addr + root->size,
			   &class);
}

static void free_piece(struct piece *piece)
{
	free(piece->degree);
	piece->degree = NULL;
	vec_free(&piece->target);
	vec_free(&piece->where);
}

static bool make_room(struct scan *scan, uint64_t want)
{
	struct raw_refs *ret = scan->ret;
	void *target, *where;

	if (want <= scan->cap)
		return true;
	if (want < scan->cap + scan->cap / 2)
		want = scan->cap + scan->cap / 2;
	target = bulk_resize(ret->target, want, sizeof(*ret->target));
	ret->target = target ? target : ret->target;
	where = bulk_resize(ret->where, want, sizeof(*ret->where));
	ret->where = where ? where : ret->where;
	if (target && where)
		scan->cap = want;
	return target && where;
}

/* Lay the piece of @chunk, which is the next, behind those before it. */
static bool append(struct scan *scan, size_t chunk)
{
	struct piece *piece = &scan->pieces[chunk];
	struct raw_refs *ret = scan->ret;
	size_t bytes = piece->target.len * sizeof(*ret->target);
	uint32_t n = scan->heap->n_nodes, node = (uint32_t)(chunk * CHUNK);
	uint64_t edge = scan->n;

	if (!make_room(scan, scan->n + piece->target.len))
		return false;
	for (uint32_t k = 0; k < CHUNK && node < n; k++, node++) {
		ret->row[node] = edge;
		edge += piece->degree[k];
	}
	if (bytes > 0) {
		memcpy(ret->target + scan->n, piece->target.at, bytes);
		memcpy(ret->where + scan->n, piece->where.at, bytes);
	}
	scan->n = edge;
	free_piece(piece);
	return true;
}

/* @chunk is done: append it and those behind it that waited for it. So no
 * more than a few pieces exist beside the table. */
static bool join(struct scan *scan, size_t chunk)
{
	size_t chunks = pool_chunks(scan->heap->n_nodes, CHUNK);
	bool ok = true;

	pthread_mutex_lock(&scan->lock);
	scan->pieces[chunk].done = true;
	while (ok && scan->joined < chunks && scan->pieces[scan->joined].done)
		ok = append(scan, scan->joined++);
	pthread_mutex_unlock(&scan->lock);
	return ok;
}

static bool scan_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct scan *scan = ctx;
	struct piece *piece = &scan->pieces[chunk];

	piece->degree = calloc(end - begin, sizeof(*piece->degree));
	if (!piece->degree)
		return err_nomem(err, "references");
	for (uint64_t node = begin; node < end; node++) {
		size_t before = piece->target.len;

		if (!scan_node(scan, &scan->workers[worker], piece,
			       (uint32_t)node))
			return err_nomem(err, "references");
		piece->degree[node - begin] =
			(uint32_t)(piece->target.len - before);
	}
	progress_add(end - begin);
	return join(scan, chunk) || err_nomem(err, "references");
}

bool raw_refs_build(struct heap *heap, struct raw_refs *ret, struct err *err)
{
	struct scan scan = {
		.heap = heap, .ret = ret, .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	size_t chunks = pool_chunks(heap->n_nodes, CHUNK);
	unsigned threads = pool_threads();
	bool ok = false;

	*ret = (struct raw_refs){0};
	scan.pieces = calloc(chunks + 1, sizeof(*scan.pieces));
	scan.workers = calloc(threads, sizeof(*scan.workers));
	ret->row = bulk_alloc((size_t)heap->n_nodes + 1, sizeof(*ret->row));
	if (!scan.pieces || !scan.workers || !ret->row ||
	    !make_room(&scan, 1)) {
		err_nomem(err, "references");
		goto out;
	}
	for (unsigned i = 0; i < threads; i++)
		scan.workers[i].window = window_of(heap->image);
	progress_begin("reading memory", heap->n_nodes);
	ok = pool_run(heap->n_nodes, CHUNK, scan_chunk, &scan, err);
	progress_end();
	for (unsigned i = 0; i < threads; i++)
		window_close(&scan.workers[i].window);
	ret->row[heap->n_nodes] = scan.n;
out:
	for (size_t i = 0; scan.pieces && i < chunks; i++)
		free_piece(&scan.pieces[i]);
	free(scan.pieces);
	free(scan.workers);
	if (!ok)
		raw_refs_free(ret);
	return ok;
}

void raw_refs_free(struct raw_refs *raw)
{
	bulk_free(raw->row);
	bulk_free(raw->target);
	bulk_free(raw->where);
	*raw = (struct raw_refs){0};
}
