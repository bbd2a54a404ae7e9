/* SPDX-License-Identifier: MIT */
/*
 * Pointers in a union without a known discriminant. Only one of them is there;
 * which one shows at what they refer to: text, a record with pointers that
 * lead where they should, or neither.
 */
#include "analyze/infer_follow.h"

/* Percent, and tenths of a kept promise (shapes.h). */
enum { SURE_UNION = 85, SURE_ARRAY = 80, CLEAR_MARGIN = 20, TEXT_SCORE = 40, NUMBER_SCORE = 5 };

/* The best alternative so far. */
struct vote {
	uint32_t kind;		/* of the pointer; UINT32_MAX: none */
	uint32_t array;		/* the type of which it is an array, or none */
	int best, next;
};

static void count_vote(struct vote *v, uint32_t kind, uint32_t array, int score)
{
	if (score > v->best) {
		v->next = v->best;
		v->best = score;
		v->kind = kind;
		v->array = array;
	} else if (score > v->next) {
		v->next = score;
	}
}

/* Does block @node look like records that begin with one of @type? */
static bool rate_record(struct follow *f, uint32_t node, uint32_t type,
			uint32_t kind, bool array, struct vote *v)
{
	const struct shape *shape = shape_of(&f->shapes, type);
	struct shape_score score;

	if (!shape)
		return false;
	shape_look(f->heap, &f->infer->window, node, &f->seen);
	if (array && f->seen.n > shape->n)
		f->seen.n = shape->n;	/* the first element speaks for all */
	score = shape_compare(f->heap, &f->weights, type, shape, &f->seen);
	if (!score.broken && score.sum >= 0)
		count_vote(v, kind, array ? type : TYPE_NONE, score.sum);
	return true;
}

static bool rate(struct follow *f, const struct pointer_field *field,
		 uint32_t node, struct vote *v)
{
	const struct type *t = follow_type(f, field->target);
	uint8_t content = f->heap->content[node];
	struct choice choice;
	uint64_t n;

	switch (t->kind) {
	case TYPE_CHAR:
		if (content == CONTENT_TEXT)
			count_vote(v, field->kind, TYPE_NONE, TEXT_SCORE);
		return true;
	case TYPE_INT:
	case TYPE_FLOAT:
		if (content == CONTENT_NUMBERS)
			count_vote(v, field->kind, TYPE_NONE, NUMBER_SCORE);
		return true;
	case TYPE_STRUCT:
	case TYPE_CLASS:
		break;
	default:
		return true;
	}
	if (content == CONTENT_TEXT)
		return true;
	if (!choose_start(&f->chooser, node, field->kind, &choice))
		return false;
	if (choice.type != TYPE_NONE)
		return rate_record(f, node, choice.type, field->kind, false,
				   v);
	n = t->size ? f->heap->size[node] / t->size : 0;
	if (n < 2 || n > UINT32_MAX ||
	    !infer_fits(f->heap, node, n * t->size, false))
		return true;
	return rate_record(f, node, field->target, field->kind, true, v);
}

bool follow_union(struct follow *f, const struct place *from,
		  const struct pointer_fields *fields, uint64_t offset,
		  struct claim *claim)
{
	const struct pointer_field *at =
		pointer_field_in(fields->in_union, fields->n_union, offset);
	const struct pointer_field *end = fields->in_union + fields->n_union;
	struct vote v = { .kind = UINT32_MAX, .array = TYPE_NONE, .best = -1, .next = -1 };
	struct place doubtful = *from;

	if (!at || f->heap->type[claim->node] != TYPE_NONE ||
	    f->heap->content[claim->node] == CONTENT_UNKNOWN)
		return true;
	for (; at < end && at->offset == offset; at++) {
		if (!rate(f, at, claim->node, &v))
			return false;
	}
	if (v.kind == UINT32_MAX ||
	    (v.next >= 0 && v.best - v.next < CLEAR_MARGIN))
		return true;
	if (doubtful.confidence > SURE_UNION)
		doubtful.confidence = SURE_UNION;
	if (v.array == TYPE_NONE)
		return follow_pointer(f, &doubtful, v.kind, claim);
	claim->type = v.array;
	claim->count = (uint32_t)(f->heap->size[claim->node] /
				  follow_type(f, v.array)->size);
	claim->confidence = SURE_ARRAY;
	return follow_submit(f, &doubtful, claim);
}
