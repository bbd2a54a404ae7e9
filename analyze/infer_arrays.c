/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are larger than what a pointer to them is declared to: arrays,
 * of records and of pointers, and headers with a payload. The pointer says
 * what one element is; how many there are is a matter of the block's size, and
 * that they are elements at all one of what they hold.
 */
#include "analyze/infer_follow.h"

/* Percent, as measured on containers and tables of C and C++ programs. */
enum {
	SURE_OWNED = 95,
	SURE_HEADER = 90,
	SURE_ARRAY = 85,
	/* Below what references are taken for: contents may be left out. */
	SURE_ALIKE = 80,
	SURE_EMPTY = 75,
};

enum {
	MAX_ELEMENTS = 64, MAX_WORDS = 256,	/* that are looked at */
	DELETED = 4096,	/* below: marks in a table, not pointers */
};

static bool is_redacted(const struct follow *f)
{
	return f->heap->image->redacted.spans.len > 0;
}

/* Is the word at @addr null or a pointer into the image? */
static bool is_plausible(struct follow *f, uint64_t addr, uint64_t *word)
{
	const struct image *image = f->heap->image;

	if (!window_u64(&f->infer->window, addr, word))
		return false;
	return *word == 0 ? !image_is_redacted(image, addr) :
			    image_range(image, *word) != NULL;
}

/*
 * Pointers to anything: each is null or leads into the image, some lead, and
 * of the others few are a mark that says "deleted".
 */
static bool words_plausible(struct follow *f, uint32_t node, uint64_t count)
{
	uint64_t word, n = 0, marks = 0;

	if (count > MAX_WORDS)
		count = MAX_WORDS;
	for (uint64_t i = 0; i < count; i++) {
		if (is_plausible(f, f->heap->addr[node] + i * 8, &word))
			n += word != 0;
		else if (word > 0 && word < DELETED)
			marks++;
		else
			return false;
	}
	return n > marks;
}

bool follow_plausible(struct follow *f, uint64_t addr, uint32_t type,
		      const struct pointer_fields *fields, uint64_t count)
{
	uint64_t stride = follow_type(f, type)->size, word;

	if (count > MAX_ELEMENTS)
		count = MAX_ELEMENTS;
	for (uint64_t i = 0; i < count; i++) {
		for (size_t k = 0; k < fields->n; k++) {
			if (!is_plausible(f, addr + i * stride +
					  fields->at[k].offset, &word))
				return false;
		}
	}
	return true;
}

/* Do the first elements of @type look like blocks of their own each? */
static bool look_alike(struct follow *f, uint32_t node, uint32_t type,
		       uint64_t count, bool *ret)
{
	const struct shape *shape = shape_of(&f->shapes, type);
	int sum = 0;

	*ret = false;
	if (!shape)
		return false;
	shape_look(f->heap, &f->infer->window, node, &f->seen);
	for (uint32_t i = 0; i < count &&
	     shape_element(&f->seen, i, shape->n, &f->element); i++) {
		struct shape_score one =
			shape_compare(f->heap, &f->weights, type, shape,
				      &f->element);

		if (one.broken)
			return true;
		sum += one.sum;
	}
	*ret = sum >= 0;
	return true;
}

/* Records of numbers, or with pointers that have something else in their
 * place at times: how sure it is that @node holds them, 0: not at all. */
static bool rate_alike(struct follow *f, uint32_t node, uint32_t type,
		       uint64_t count, uint8_t *sure)
{
	uint8_t content = f->heap->content[node];
	uint64_t stride = follow_type(f, type)->size;
	bool alike;

	*sure = 0;
	if (is_redacted(f) || content == CONTENT_UNKNOWN) {
		infer_bar(f->heap, node, SURE_ALIKE);
		return true;
	}
	if (content == CONTENT_ZERO) {
		*sure = SURE_EMPTY;
		return true;
	}
	if (content == CONTENT_TEXT)
		return true;
	if (stride % 8 != 0 || stride / 8 > SHAPE_WORDS) {
		*sure = content == CONTENT_NUMBERS ? SURE_ALIKE : 0;
		return true;
	}
	if (!look_alike(f, node, type, count, &alike))
		return false;
	*sure = alike ? SURE_ALIKE : 0;
	return true;
}

static bool claim_array(struct follow *f, const struct place *from,
			struct claim *claim, uint32_t pointee,
			const struct pointer_fields *fields)
{
	uint64_t size = follow_type(f, pointee)->size;
	uint64_t count = size ? heap_size(f->heap, claim->node) / size : 0;
	uint8_t sure = SURE_ARRAY;

	if (count < 2 || count > UINT32_MAX ||
	    !infer_fits(f->heap, claim->node, count * size, false))
		return true;
	if (fields->n > 0 && fields->n_union == 0) {
		if (!follow_plausible(f, f->heap->addr[claim->node], pointee,
				      fields, count))
			return true;
	} else if (!rate_alike(f, claim->node, pointee, count, &sure)) {
		return false;
	}
	if (sure == 0)
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = sure;
	return follow_submit(f, from, claim);
}

/*
 * A header and what belongs to it in one block: a pointer in the header, to
 * something else than a header, leads behind it into the same block.
 */
static bool has_payload(struct follow *f, uint32_t node, uint32_t header,
			const struct pointer_fields *fields)
{
	const struct raw_refs *raw = f->infer->raw;
	uint64_t size = follow_type(f, header)->size;
	uint64_t addr = f->heap->addr[node], word;

	for (uint64_t e = raw->row[node]; e < raw->row[node + 1]; e++) {
		uint64_t offset = raw_offset(raw->where[e]);
		const struct pointer_field *field;

		if (offset >= size)
			return false;
		if (raw->target[e] != node || raw_is_start(raw->where[e]))
			continue;
		field = pointer_field_at(fields, offset);
		if (!field)
			field = pointer_field_in(fields->in_union,
						 fields->n_union, offset);
		if (field && field->target != header &&
		    window_u64(&f->infer->window, addr + offset, &word) &&
		    word - addr >= size)
			return true;
	}
	return false;
}

bool follow_larger(struct follow *f, const struct place *from,
		   struct claim *claim, uint32_t pointee)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, pointee);

	if (!fields)
		return false;
	if (follow_type(f, pointee)->size >= heap_size(f->heap, claim->node) ||
	    !has_payload(f, claim->node, pointee, fields))
		return claim_array(f, from, claim, pointee, fields);
	claim->type = pointee;
	claim->count = 1;
	claim->confidence = SURE_HEADER;
	return follow_submit(f, from, claim);
}

/* Do pointers of @kind lead, over other pointers, to what they are about? */
static bool owns_what_it_points_at(const struct follow *f, uint32_t kind)
{
	const struct pointer_kind *k =
		pointer_kind_at(&f->chooser.fields, kind);
	uint32_t target = k->target;

	for (int i = 0; i < 4 && target != TYPE_NONE; i++) {
		const struct type *t = follow_type(f, target);

		if (pointer_kind_is_about(k, target))
			return true;
		if (t->kind != TYPE_POINTER)
			return false;
		target = types_strip(&f->heap->image->types, t->target);
	}
	return false;
}

bool follow_pointers(struct follow *f, const struct place *from, uint32_t kind,
		     struct claim *claim)
{
	const struct heap *heap = f->heap;
	uint64_t count = heap_size(heap, claim->node) / 8;

	if (count == 0 || count > UINT32_MAX)
		return true;
	claim->type = pointer_kind_at(&f->chooser.fields, kind)->target;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_ARRAY;
	if (owns_what_it_points_at(f, kind)) {
		claim->evidence = EVIDENCE_ELEMENT;
		claim->confidence = SURE_OWNED;
	} else if (heap->content[claim->node] == CONTENT_ZERO) {
		claim->confidence = SURE_EMPTY;
	} else if (!words_plausible(f, claim->node, count)) {
		/* The last word may be what malloc rounded up. */
		if (--count == 0 || !infer_fits(heap, claim->node, count * 8,
						false) ||
		    !words_plausible(f, claim->node, count))
			return true;
		claim->count = (uint32_t)count;
	}
	if (from->why_node &&
	    !map_set(&f->inside_kinds, claim->node, (uint64_t)kind + 1))
		return false;
	return follow_submit(f, from, claim);
}
