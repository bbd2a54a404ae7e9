/* SPDX-License-Identifier: MIT */
#include "analyze/thread_groups.h"

#include <stdlib.h>

#include "analyze/thread_frames.h"

/* A thread, and where it stands. */
struct standing {
	const struct thread_row *row;
	const struct frame *frames;
	size_t n;		/* 0: alike to none */
};

static bool holds_by_locals(const struct facts *f,
			    const struct local_nodes *locals,
			    const struct frame *frame)
{
	for (size_t i = 0; i < frame->n_locals; i++) {
		uint32_t node = locals->at[frame->first_local + i];

		if (node != NODE_NONE && f->dom.retained[node] > 0)
			return true;
	}
	return false;
}

static struct standing standing_of(const struct facts *f,
				   const struct local_nodes *locals,
				   const struct thread_row *row, bool apart)
{
	struct thread_frames frames = thread_frames_of(&f->image, row->thread);
	struct standing s = { .row = row };

	if (apart || row->is_fatal || frames.n == 0)
		return s;
	s.frames = &f->image.frames.at[frames.first];
	for (size_t i = 0; i < frames.n; i++) {
		if (holds_by_locals(f, locals, &s.frames[i]))
			return s;
	}
	s.n = frames.n;
	return s;
}

static int by_place(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	for (size_t i = 0; i < x->n; i++) {
		if (x->frames[i].pc != y->frames[i].pc)
			return x->frames[i].pc < y->frames[i].pc ? -1 : 1;
	}
	return 0;
}

/* Rows are in one array, whose order they keep. */
static int by_place_and_row(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	int place = by_place(a, b);

	return place ? place : (x->row > y->row) - (x->row < y->row);
}

static int by_retained(const void *a, const void *b)
{
	const struct thread_group *x = a, *y = b;

	if (x->is_fatal != y->is_fatal)
		return x->is_fatal ? -1 : 1;
	if (x->retained != y->retained)
		return x->retained < y->retained ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

static void add(struct thread_groups *groups, const struct standing *s,
		size_t order, bool is_new)
{
	struct thread_group *g;

	if (is_new)
		groups->at.at[groups->at.len++] = (struct thread_group){
			.first = groups->rows.len, .order = order,
			.is_fatal = s->row->is_fatal,
		};
	g = &groups->at.at[groups->at.len - 1];
	g->n++;
	g->retained += s->row->retained;
	g->stack_bytes += s->row->stack_bytes;
	groups->rows.at[groups->rows.len++] = s->row;
}

bool thread_groups_build(const struct facts *facts,
			 const struct thread_rows *rows,
			 const struct local_nodes *locals, bool apart,
			 struct thread_groups *ret, struct err *err)
{
	size_t n = rows->at.len;
	struct standing *all = calloc(n + 1, sizeof(*all));

	*ret = (struct thread_groups){0};
	if (!all || !vec_reserve(&ret->at, n) || !vec_reserve(&ret->rows, n)) {
		free(all);
		thread_groups_free(ret);
		return err_nomem(err, "threads");
	}
	for (size_t i = 0; i < n; i++)
		all[i] = standing_of(facts, locals, &rows->at.at[i], apart);
	qsort(all, n, sizeof(*all), by_place_and_row);
	for (size_t i = 0; i < n; i++)
		add(ret, &all[i], (size_t)(all[i].row - rows->at.at),
		    i == 0 || all[i].n == 0 ||
		    by_place(&all[i], &all[i - 1]) != 0);
	if (n > 1)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at),
		      by_retained);
	free(all);
	return true;
}

void thread_groups_free(struct thread_groups *groups)
{
	vec_free(&groups->at);
	vec_free(&groups->rows);
}
