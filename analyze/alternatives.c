/* SPDX-License-Identifier: MIT */
#include "analyze/alternatives.h"

#include "analyze/infer.h"

enum { FOREIGN = 100 };		/* tenths: how far libraries are behind */

/* The best so far; @rank orders what is as plausible by its words. */
struct found {
	struct alternative *at;
	int rank[MAX_ALTERNATIVES];
	size_t n;
};

bool alternatives_open(const struct heap *heap, struct alternatives *ret,
		       struct err *err)
{
	*ret = (struct alternatives){
		.heap = heap, .shapes = { .types = &heap->image->types },
		.window = window_of(heap->image),
		.program = image_program(heap->image),
	};
	if (!shape_candidates_build(&heap->image->types, &ret->candidates))
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

/* A struct of the program's own whose pointers lead to blocks that have no
 * type either: nothing proves it, and nothing contradicts. */
static bool is_own(const struct alternatives *a, uint32_t node, uint32_t type)
{
	uint8_t content = a->heap->content[node];

	return a->heap->image->types.types.at[type].module == a->program &&
	       (content == CONTENT_POINTERS || content == CONTENT_MIXED);
}

static bool try_type(struct alternatives *a, const struct seen_block *seen,
		     const struct shape_candidate *one, struct found *f)
{
	const struct type_table *types = &a->heap->image->types;
	const struct shape *shape = shape_of(&a->shapes, one->type);
	struct shape_score score;

	if (!shape)
		return false;
	score = shape_compare(a->heap, &a->weights, one->type, shape, seen);
	if (!score.broken &&
	    (score.sum > 0 || (score.sum == 0 &&
			       is_own(a, seen->node, one->type))))
		keep(f, one->type, score.sum, score.sum +
		     shape_candidate_prior(types, one) +
		     (types->types.at[one->type].module == a->program ?
		      0 : -FOREIGN));
	return true;
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
	for (size_t i = shape_candidates_from(&a->candidates,
					      heap_size(a->heap, node) + 1);
	     i-- > 0;) {
		const struct shape_candidate *one =
			&a->candidates.records.at[i];

		if (!infer_fits(a->heap, node, one->size, false))
			break;
		if (one->type != own && !try_type(a, &seen, one, &found))
			return 0;
	}
	return found.n;
}

void alternatives_close(struct alternatives *a)
{
	shape_candidates_free(&a->candidates);
	window_close(&a->window);
	size_weights_free(&a->weights);
	shape_cache_free(&a->shapes);
}
