/* SPDX-License-Identifier: MIT */
#include "analyze/thread_rows.h"

#include <stdlib.h>

static int by_retained(const void *a, const void *b)
{
	const struct thread_row *x = a, *y = b;

	if (x->retained != y->retained)
		return x->retained < y->retained ? 1 : -1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

/* Roots are few and threads are few: one pass over roots for each. */
static bool add_thread(const struct facts *f, uint32_t thread,
		       struct thread_rows *ret)
{
	const struct heap *heap = &f->heap;
	struct thread_row row = {
		.thread = thread, .first_root = ret->roots.len,
	};

	for (uint32_t i = 0; i < heap->n_roots; i++) {
		const struct root *root = &heap->roots[i];
		uint32_t id = heap->n_blocks + i;

		if (root->thread != thread)
			continue;
		if (dom_has(&f->dom, id))
			row.retained += f->dom.retained[id];
		if (root->kind == ROOT_STACK)
			row.stack_bytes += root->size;
		if (!vec_push(&ret->roots, id))
			return false;
	}
	row.n_roots = ret->roots.len - row.first_root;
	return vec_push(&ret->at, row);
}

bool thread_rows_build(const struct facts *facts, struct thread_rows *ret,
		       struct err *err)
{
	*ret = (struct thread_rows){0};
	for (uint32_t t = 0; t < facts->image.threads.len; t++) {
		if (!add_thread(facts, t, ret)) {
			thread_rows_free(ret);
			return err_nomem(err, "threads");
		}
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
