/* SPDX-License-Identifier: MIT */
/*
 * Pointers in a union without a known discriminant. Only one of them is there;
 * which one shows at what they refer to: text, a record with pointers that
 * lead where they should, or neither.
 */
#include "analyze/infer_follow.h"

#include <limits.h>

/* Percent, and tenths of a kept promise (shapes.h). */
enum {
	SURE_UNION = 85,
	SURE_ARRAY = 80,
	CLEAR_MARGIN = 20,
	TEXT_SCORE = 40,
	POINTERS_SCORE = 40,
	WORD_SCORE = 30,	/* a few letters: hardly a number by chance */
	NUMBER_SCORE = 5,	/* ... but fewer may be one */
	/* A pointer is there, so one alternative is: if all others break their
	 * promises, this one need not be kept well. */
	LEAST_SCORE = -50,
	OPEN_SCORE = 10,	/* what fits any size needs to say more */
};

enum { MIN_WORD = 3 };	/* letters */

enum { SPOKEN_FOR = 2 };	/* elements of an array that speak for all */

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

/* Does block @node look like records that begin with @n of @type? */
static bool rate_record(struct follow *f, uint32_t node, uint32_t type,
			uint32_t kind, uint64_t n, struct vote *v)
{
	const struct shape *shape = shape_of(&f->shapes, type);
	struct shape_score score;
	int least = 0;

	if (!shape)
		return false;
	shape_look(f->heap, &f->infer->window, node, &f->seen);
	if (n == 1) {
		score = shape_compare(f->heap, &f->weights, type, shape,
				      &f->seen);
		if (!score.broken && score.sum >=
		    (shape->tail ? OPEN_SCORE : LEAST_SCORE))
			count_vote(v, kind, TYPE_NONE, score.sum);
		return true;
	}
	for (uint32_t i = 0; i < n && i < SPOKEN_FOR; i++) {
		if (!shape_element(&f->seen, i, shape->n, &f->element))
			break;
		score = shape_compare(f->heap, &f->weights, type, shape,
				      &f->element);
		if (score.broken || score.sum < 0)
			return true;
		least = i == 0 || score.sum < least ? score.sum : least;
	}
	count_vote(v, kind, type, least);
	return true;
}

/* Words that are null or refer to the start of a block that @pointee, if it is
 * a record, fits. */
static void rate_pointers(struct follow *f, uint32_t node, uint32_t pointer,
			  uint32_t kind, struct vote *v)
{
	const struct type_table *types = &f->heap->image->types;
	uint32_t to = types_strip(types, follow_type(f, pointer)->target);
	bool any = false;

	shape_look(f->heap, &f->infer->window, node, &f->seen);
	for (uint32_t i = 0; i < f->seen.n; i++) {
		const struct seen_word *w = &f->seen.at[i];

		if (w->seen == SEEN_START && to != TYPE_NONE &&
		    (!types_is_record(types, to) ||
		     infer_fits(f->heap, w->node, follow_type(f, to)->size,
				true)))
			any = true;
		else if (!any)
			return;
	}
	if (any)
		count_vote(v, kind, TYPE_NONE, POINTERS_SCORE);
}

/* Text is kept in char, bytes in unsigned char. */
static int rate_letters(struct follow *f, uint32_t node, const struct type *t)
{
	unsigned n;

	if (f->heap->content[node] == CONTENT_TEXT)
		return t->flags & TYPE_UNSIGNED ? TEXT_SCORE / 2 : TEXT_SCORE;
	n = follow_short_string(f, node);
	return n == 0 ? INT_MIN : n < MIN_WORD ? NUMBER_SCORE : WORD_SCORE;
}

static bool rate(struct follow *f, const struct pointer_field *field,
		 uint32_t node, struct vote *v)
{
	const struct type *t = follow_type(f, field->target);
	uint8_t content = f->heap->content[node];
	struct choice choice;
	uint64_t n;
	int score;

	switch (t->kind) {
	case TYPE_CHAR:
		score = rate_letters(f, node, t);
		if (score != INT_MIN)
			count_vote(v, field->kind, TYPE_NONE, score);
		return true;
	case TYPE_INT:
	case TYPE_FLOAT:
		if (content == CONTENT_NUMBERS)
			count_vote(v, field->kind, TYPE_NONE, NUMBER_SCORE);
		return true;
	case TYPE_POINTER:
		rate_pointers(f, node, field->target, field->kind, v);
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
	if (choice.type != TYPE_NONE && !choice.is_array)
		return rate_record(f, node, choice.type, field->kind, 1, v);
	n = t->size ? heap_size(f->heap, node) / t->size : 0;
	if (choice.fitting || n < 2 || n > UINT32_MAX ||
	    !infer_fits(f->heap, node, n * t->size, false))
		return true;
	return rate_record(f, node, field->target, field->kind, n, v);
}

bool follow_union(struct follow *f, const struct place *from,
		  const struct pointer_fields *fields, uint64_t offset,
		  struct claim *claim)
{
	const struct pointer_field *at =
		pointer_field_in(fields->in_union, fields->n_union, offset);
	const struct pointer_field *end = fields->in_union + fields->n_union;
	struct vote v = { .kind = UINT32_MAX, .array = TYPE_NONE, .best = INT_MIN, .next = INT_MIN };
	struct place doubtful = *from;
	bool found;

	if (!at || f->heap->type[claim->node] != TYPE_NONE ||
	    f->heap->content[claim->node] == CONTENT_UNKNOWN)
		return true;
	if (doubtful.confidence > SURE_UNION)
		doubtful.confidence = SURE_UNION;
	for (; at < end && at->offset == offset; at++) {
		if (!follow_range(f, &doubtful, fields->in_union,
				  fields->n_union, at, claim, &found) ||
		    found)
			return found;
		if (!rate(f, at, claim->node, &v))
			return false;
	}
	if (v.kind == UINT32_MAX ||
	    (v.next != INT_MIN && v.best - v.next < CLEAR_MARGIN))
		return true;
	if (v.array == TYPE_NONE)
		return follow_pointer(f, &doubtful, v.kind, claim);
	claim->type = v.array;
	claim->count = (uint32_t)(heap_size(f->heap, claim->node) /
				  follow_type(f, v.array)->size);
	claim->confidence = SURE_ARRAY;
	return follow_submit(f, &doubtful, claim);
}
