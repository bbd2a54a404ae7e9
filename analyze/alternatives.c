/* SPDX-License-Identifier: MIT */
#include "analyze/alternatives.h"

#include <math.h>
#include <stdlib.h>

#include "analyze/infer.h"

enum { FOREIGN = 100 };		/* tenths: ahead of records of libraries */

/* The best so far; @rank orders what is as plausible by its words. */
struct found {
	struct alternative *at;
	int rank[MAX_ALTERNATIVES];
	size_t n;
};

static int by_size(const void *a, const void *b)
{
	const struct sized_record *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

static bool find_records(struct alternatives *a)
{
	const struct type_table *types = &a->heap->image->types;

	for (uint32_t i = 0; i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];

		if (shape_is_record(types, t) && t->size >= 8 &&
		    !vec_push(&a->records,
			      ((struct sized_record){ t->size, i })))
			return false;
	}
	if (a->records.len > 1)
		qsort(a->records.at, a->records.len, sizeof(*a->records.at),
		      by_size);
	return true;
}

bool alternatives_open(const struct heap *heap, struct alternatives *ret,
		       struct err *err)
{
	*ret = (struct alternatives){
		.heap = heap, .shapes = { .types = &heap->image->types },
		.window = window_of(heap->image),
		.program = image_program(heap->image),
	};
	if (!find_records(ret))
		return err_nomem(err, "the types of blocks");
	return size_weights_build(heap, &ret->weights, err);
}

static void keep(struct found *f, uint32_t type, int score, int rank)
{
	size_t at = f->n;

	while (at > 0 && f->rank[at - 1] < rank)
		at--;
	if (at == MAX_ALTERNATIVES)
		return;
	if (f->n < MAX_ALTERNATIVES)
		f->n++;
	for (size_t i = f->n - 1; i > at; i--) {
		f->at[i] = f->at[i - 1];
		f->rank[i] = f->rank[i - 1];
	}
	f->at[at] = (struct alternative){ type, score };
	f->rank[at] = rank;
}

static bool try_type(struct alternatives *a, const struct seen_block *seen,
		     uint32_t type, struct found *f)
{
	const struct type *t = &a->heap->image->types.types.at[type];
	const struct shape *shape = shape_of(&a->shapes, type);
	struct shape_score score;

	if (!shape)
		return false;
	score = shape_compare(a->heap, &a->weights, type, shape, seen);
	if (!score.broken && score.sum > 0)
		keep(f, type, score.sum, score.sum +
		     (int)(2.5 * log1p(t->popularity)) +
		     (t->module == a->program ? FOREIGN : 0));
	return true;
}

/* Index behind the last record of at most @size bytes. */
static size_t records_upto(const struct alternatives *a, uint64_t size)
{
	size_t low = 0, high = a->records.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->records.at[middle].size <= size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t alternatives_find(struct alternatives *a, uint32_t node,
			 struct alternative ret[MAX_ALTERNATIVES])
{
	const struct type_table *types = &a->heap->image->types;
	uint32_t own = types_strip(types, a->heap->type[node]);
	struct found found = { .at = ret };
	struct seen_block seen;

	shape_look(a->heap, &a->window, node, &seen);
	/* Downwards, until requests of the size get smaller blocks. */
	for (size_t i = records_upto(a, a->heap->size[node]); i-- > 0;) {
		uint32_t type = a->records.at[i].type;

		if (!infer_fits(a->heap, node, a->records.at[i].size, false))
			break;
		if (type != own && !try_type(a, &seen, type, &found))
			return 0;
	}
	return found.n;
}

void alternatives_close(struct alternatives *a)
{
	vec_free(&a->records);
	window_close(&a->window);
	size_weights_free(&a->weights);
	shape_cache_free(&a->shapes);
}
