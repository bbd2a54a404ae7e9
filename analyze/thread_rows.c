/* SPDX-License-Identifier: MIT */
#include "analyze/thread_rows.h"

#include <stdlib.h>

#include "analyze/fatal_signal.h"

static int by_retained(const void *a, const void *b)
{
	const struct thread_row *x = a, *y = b;

	if (x->is_fatal != y->is_fatal)
		return x->is_fatal ? -1 : 1;
	if (x->retained != y->retained)
		return x->retained < y->retained ? 1 : -1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

/* Where the roots of each thread begin, once they are counted. */
static bool make_rows(const struct facts *f, struct thread_rows *ret)
{
	const struct heap *heap = &f->heap;
	size_t n_threads = f->image.threads.len, n = 0;

	if (!vec_reserve(&ret->at, n_threads))
		return false;
	for (uint32_t t = 0; t < n_threads; t++)
		ret->at.at[ret->at.len++] = (struct thread_row){
			.thread = t, .is_fatal = thread_is_fatal(&f->image, t),
		};
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		if (heap->roots[i].thread < n_threads) {
			ret->at.at[heap->roots[i].thread].n_roots++;
			n++;
		}
	}
	if (!vec_reserve(&ret->roots, n))
		return false;
	ret->roots.len = n;
	n = 0;
	for (uint32_t t = 0; t < n_threads; t++) {
		ret->at.at[t].first_root = n;
		n += ret->at.at[t].n_roots;
		ret->at.at[t].n_roots = 0;
	}
	return true;
}

static void add_root(const struct facts *f, uint32_t i,
		     struct thread_rows *ret)
{
	const struct root *root = &f->heap.roots[i];
	struct thread_row *row = &ret->at.at[root->thread];
	uint32_t id = f->heap.n_blocks + i;

	if (dom_has(&f->dom, id))
		row->retained += f->dom.retained[id];
	if (root->kind == ROOT_STACK)
		row->stack_bytes += root->size;
	ret->roots.at[row->first_root + row->n_roots++] = id;
}

bool thread_rows_build(const struct facts *facts, struct thread_rows *ret,
		       struct err *err)
{
	const struct heap *heap = &facts->heap;

	*ret = (struct thread_rows){0};
	if (!make_rows(facts, ret)) {
		thread_rows_free(ret);
		return err_nomem(err, "threads");
	}
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		if (heap->roots[i].thread < ret->at.len)
			add_root(facts, i, ret);
	}
	if (ret->at.len > 0)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at),
		      by_retained);
	return true;
}

void thread_rows_free(struct thread_rows *rows)
{
	vec_free(&rows->at);
	vec_free(&rows->roots);
}
