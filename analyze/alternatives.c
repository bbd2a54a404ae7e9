/* SPDX-License-Identifier: MIT */
#include "analyze/alternatives.h"

#include "analyze/infer.h"

struct search {
	const struct heap *heap;
	struct shape_cache shapes;
	struct size_weights weights;
	struct seen_block seen;
	struct alternative *ret;
	size_t n;
};

static void keep(struct search *s, uint32_t type, int score)
{
	size_t at = s->n;

	while (at > 0 && s->ret[at - 1].score < score)
		at--;
	if (at == MAX_ALTERNATIVES)
		return;
	if (s->n < MAX_ALTERNATIVES)
		s->n++;
	for (size_t i = s->n - 1; i > at; i--)
		s->ret[i] = s->ret[i - 1];
	s->ret[at] = (struct alternative){ type, score };
}

static bool try_type(struct search *s, uint32_t type)
{
	const struct shape *shape = shape_of(&s->shapes, type);
	struct shape_score score;

	if (!shape)
		return false;
	score = shape_compare(s->heap, &s->weights, type, shape, &s->seen);
	if (!score.broken && score.sum > 0)
		keep(s, type, score.sum);
	return true;
}

static bool try_all(struct search *s, uint32_t node)
{
	const struct type_table *types = &s->heap->image->types;
	uint32_t own = types_strip(types, s->heap->type[node]);

	for (uint32_t i = 0; i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];

		if (i != own && shape_is_record(t) &&
		    infer_fits(s->heap, node, t->size, false) &&
		    !try_type(s, i))
			return false;
	}
	return true;
}

size_t alternatives_find(const struct heap *heap, uint32_t node,
			 struct alternative ret[MAX_ALTERNATIVES])
{
	struct search s = {
		.heap = heap, .ret = ret,
		.shapes = { .types = &heap->image->types },
	};
	struct window window = window_of(heap->image);
	struct err err = {0};
	bool ok = size_weights_build(heap, &s.weights, &err);

	if (ok) {
		shape_look(heap, &window, node, &s.seen);
		ok = try_all(&s, node);
	}
	window_close(&window);
	size_weights_free(&s.weights);
	shape_cache_free(&s.shapes);
	return ok ? s.n : 0;
}
