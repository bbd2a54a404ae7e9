/* SPDX-License-Identifier: MIT */
/*
 * Pointers in a union without a known discriminant. Only one of them is there;
 * which one shows at what they refer to: text, a record with pointers that
 * lead where they should, or neither.
 */
#include "analyze/infer_follow.h"

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
	LOOSE_SCORE = 30,	/* malloc is seldom generous */
};

enum { MIN_WORD = 3 };	/* letters */

enum { SPOKEN_FOR = 2 };	/* elements of an array that speak for all */

static void possible(struct union_rating *r, uint32_t array, int score)
{
	*r = (struct union_rating){ true, array, score };
}

/* Pointers, where elements of @type are none. */
static bool is_about_blocks(const struct follow *f, uint32_t node, uint32_t type)
{
	uint8_t content = f->heap->content[node];

	return follow_type(f, type)->kind != TYPE_POINTER &&
	       (content == CONTENT_POINTERS || content == CONTENT_MIXED);
}

/*
 * The elements of a vector, of which the one in block @node begins with three
 * pointers, say what it is a vector of. *@score: what the first ones do; false
 * when they are something else.
 */
static bool rate_elements(struct follow *f, uint32_t node, uint32_t type,
			  int *score)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, type);
	const struct pointer_field *first = fields && fields->n > 0 ?
					    fields->at : NULL;
	const struct shape *shape = first ? shape_of(&f->shapes, first->target) :
				    NULL;
	struct shape_score one;
	uint64_t word[3];
	uint32_t to;

	*score = 0;
	if (!shape || !follow_triple(f, fields->at, fields->n, first,
			   f->heap->addr[node] + first->offset, word))
		return true;
	to = heap_find(f->heap, word[0]);
	if (to == NODE_NONE || f->heap->addr[to] != word[0])
		return true;
	if (!types_is_record(&f->heap->image->types, first->target)) {
		*score = is_about_blocks(f, to, first->target) ?
			 -POINTERS_SCORE : 0;
		return true;
	}
	shape_look(f->heap, &f->infer->window, to, &f->seen);
	for (uint32_t i = 0; i < (word[1] - word[0]) / shape->size &&
	     i < SPOKEN_FOR; i++) {
		if (!shape_element(&f->seen, i, shape->n, &f->element))
			break;
		one = shape_compare(f->heap, &f->weights, first->target, shape,
				    &f->element);
		if (one.broken)
			return false;
		*score += one.sum;
	}
	/* Padding between their members may hold anything. */
	if (*score < -POINTERS_SCORE)
		*score = -POINTERS_SCORE;
	return true;
}

/* Does block @node look like records that begin with @n of @type? */
static bool rate_record(struct follow *f, uint32_t node, uint32_t type,
			uint64_t n, struct union_rating *ret)
{
	const struct shape *shape = shape_of(&f->shapes, type);
	struct shape_score score;
	int least = 0, elements;

	if (!shape)
		return false;
	shape_look(f->heap, &f->infer->window, node, &f->seen);
	if (n == 1) {
		score = shape_compare(f->heap, &f->weights, type, shape,
				      &f->seen);
		if (!shape->tail && !infer_fits(f->heap, node, shape->size, false))
			score.sum -= LOOSE_SCORE;
		if (!rate_elements(f, node, type, &elements))
			return true;
		score.sum += elements;
		if (!score.broken && score.sum >=
		    (shape->tail ? OPEN_SCORE : LEAST_SCORE))
			possible(ret, TYPE_NONE, score.sum);
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
	possible(ret, type, least);
	return true;
}

/* Words that are null or refer to the start of a block that @pointee, if it is
 * a record, fits. */
static void rate_pointers(struct follow *f, uint32_t node, uint32_t pointer,
			  struct union_rating *ret)
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
		possible(ret, TYPE_NONE, POINTERS_SCORE);
}

/* Text is kept in char, bytes in unsigned char. */
static void rate_letters(struct follow *f, uint32_t node, const struct type *t,
			 struct union_rating *ret)
{
	unsigned n;

	if (f->heap->content[node] == CONTENT_TEXT ||
	    follow_is_counted_text(f, node)) {
		possible(ret, TYPE_NONE, t->flags & TYPE_UNSIGNED ?
			 TEXT_SCORE / 2 : TEXT_SCORE);
		return;
	}
	n = follow_short_string(f, node);
	if (n > 0)
		possible(ret, TYPE_NONE, n < MIN_WORD ? NUMBER_SCORE :
							WORD_SCORE);
}

bool follow_rate(struct follow *f, const struct pointer_field *field,
		 uint32_t node, struct union_rating *ret)
{
	const struct type *t = follow_type(f, field->target);
	uint8_t content = f->heap->content[node];
	struct choice choice;
	uint64_t n;

	*ret = (struct union_rating){ .array = TYPE_NONE };
	switch (t->kind) {
	case TYPE_CHAR:
		rate_letters(f, node, t, ret);
		return true;
	case TYPE_INT:
	case TYPE_FLOAT:
		if (content != CONTENT_TEXT && content != CONTENT_POINTERS)
			possible(ret, TYPE_NONE, content == CONTENT_NUMBERS ?
				 NUMBER_SCORE : 0);
		return true;
	case TYPE_POINTER:
		rate_pointers(f, node, field->target, ret);
		return true;
	case TYPE_STRUCT:
	case TYPE_CLASS:
		break;
	default:
		return true;
	}
	if (content == CONTENT_TEXT && !follow_may_be_text(f, field->target))
		return true;
	if (!choose_start(&f->chooser, node, field->kind, &choice))
		return false;
	if (choice.type != TYPE_NONE && !choice.is_array)
		return rate_record(f, node, choice.type, 1, ret);
	n = t->size ? heap_size(f->heap, node) / t->size : 0;
	if (choice.fitting || n < 2 || n > UINT32_MAX ||
	    !infer_fits(f->heap, node, n * t->size, false))
		return true;
	return rate_record(f, node, field->target, n, ret);
}

bool follow_alternative(struct follow *f, const struct place *from,
			const struct pointer_field *field,
			const struct union_rating *rating, struct claim *claim)
{
	struct place doubtful = *from;

	doubtful.told = true;
	if (doubtful.confidence > SURE_UNION)
		doubtful.confidence = SURE_UNION;
	if (rating->array == TYPE_NONE)
		return follow_pointer(f, &doubtful, field->kind, claim);
	claim->type = rating->array;
	claim->count = (uint32_t)(heap_size(f->heap, claim->node) /
				  follow_type(f, rating->array)->size);
	claim->confidence = SURE_ARRAY;
	return follow_submit(f, &doubtful, claim);
}

int follow_clear(const struct union_rating *all, unsigned n)
{
	int best = -1, next = -1;

	for (unsigned i = 0; i < n; i++) {
		if (!all[i].possible)
			continue;
		if (best < 0 || all[i].score > all[best].score) {
			next = best;
			best = (int)i;
		} else if (next < 0 || all[i].score > all[next].score) {
			next = (int)i;
		}
	}
	return next >= 0 && all[best].score - all[next].score < CLEAR_MARGIN ?
	       -1 : best;
}

bool follow_union(struct follow *f, const struct place *from,
		  const struct pointer_fields *fields, uint64_t offset,
		  uint64_t element, struct claim *claim)
{
	const struct pointer_field *at =
		pointer_field_in(fields->in_union, fields->n_union, offset);
	const struct pointer_field *end = fields->in_union + fields->n_union;
	struct place doubtful = *from;
	unsigned n = 0;
	bool found;

	if (!at || f->heap->type[claim->node] != TYPE_NONE ||
	    f->heap->content[claim->node] == CONTENT_UNKNOWN)
		return true;
	if (doubtful.confidence > SURE_UNION)
		doubtful.confidence = SURE_UNION;
	for (; at + n < end && at[n].offset == offset; n++) {
		if (!follow_range(f, &doubtful, fields->in_union,
				  fields->n_union, &at[n], claim, &found) ||
		    found)
			return found;
	}
	return follow_by_tag(f, from, at, n, element, claim);
}
