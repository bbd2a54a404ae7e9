/* SPDX-License-Identifier: MIT */
/* What a pointer says of the block whose start it refers to, by its pointee. */
#include "analyze/infer_follow.h"

/* Percent, as measured for each rule on containers of C and C++ programs. */
enum {
	SURE_OWNED = 95,
	SURE_CONTENT = 90,
	SURE_ARRAY = 85,
	/* Below what references are taken for: contents may be left out. */
	SURE_NUMBERS = 88,
	SURE_BYTES = 80,	/* char * may be a pointer to anything */
};

bool follow_submit(struct follow *f, const struct place *from,
		   struct claim *claim)
{
	const struct type_table *types = &f->heap->image->types;

	/* Who is in doubt should not make claims that are visibly wrong. */
	if (from->confidence < SURE_CONTENT &&
	    f->heap->content[claim->node] == CONTENT_TEXT &&
	    types_is_record(types, types_strip(types, claim->type)))
		return true;
	if (claim->confidence > from->confidence)
		claim->confidence = from->confidence;
	return infer_claim(f->infer, claim);
}

/* Is the word at @addr null or a pointer into the image? */
static bool is_plausible(struct follow *f, uint64_t addr)
{
	const struct image *image = f->heap->image;
	uint64_t word;

	if (!window_u64(&f->infer->window, addr, &word))
		return false;
	return word == 0 ? !image_is_redacted(image, addr) :
			   image_range(image, word) != NULL;
}

/* Pointers to anything: each is null or leads into the image, and some lead. */
static bool words_plausible(struct follow *f, uint32_t node, uint64_t count)
{
	uint64_t word;
	bool any = false;

	if (count > 256)
		count = 256;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t addr = f->heap->addr[node] + i * 8;

		if (!is_plausible(f, addr) ||
		    !window_u64(&f->infer->window, addr, &word))
			return false;
		any |= word != 0;
	}
	return any;
}

/* Every pointer of the would-be elements is null or leads into the image. */
static bool elements_plausible(struct follow *f, uint32_t node, uint32_t type,
			       uint64_t count)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, type);
	uint64_t stride = follow_type(f, type)->size;

	if (!fields)
		return false;
	if (fields->n == 0)
		return follow_type(f, type)->kind == TYPE_POINTER &&
		       words_plausible(f, node, count);
	if (count > 64)
		count = 64;
	for (uint64_t i = 0; i < count; i++) {
		for (size_t k = 0; k < fields->n; k++) {
			if (!is_plausible(f, f->heap->addr[node] + i * stride +
					  fields->at[k].offset))
				return false;
		}
	}
	return true;
}

/* An array of @pointee, as many as the block has room for. */
static bool claim_array(struct follow *f, const struct place *from,
			struct claim *claim, uint32_t pointee)
{
	uint64_t size = follow_type(f, pointee)->size;
	uint64_t count = size ? f->heap->size[claim->node] / size : 0;

	if (count < 2 || count > UINT32_MAX ||
	    !infer_fits(f->heap, claim->node, count * size, false) ||
	    !elements_plausible(f, claim->node, pointee, count))
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_ARRAY;
	return follow_submit(f, from, claim);
}

/* char *, surely to bytes that read as text. */
static bool claim_text(struct follow *f, const struct place *from,
		       struct claim *claim, uint32_t pointee)
{
	const struct heap *heap = f->heap;

	if (heap->content[claim->node] == CONTENT_UNKNOWN)
		infer_bar(f->heap, claim->node, SURE_CONTENT);
	if (heap->content[claim->node] == CONTENT_UNKNOWN ||
	    heap->content[claim->node] == CONTENT_POINTERS)
		return true;
	claim->type = pointee;
	claim->count = heap->size[claim->node] > UINT32_MAX ? UINT32_MAX :
		       (uint32_t)heap->size[claim->node];
	claim->confidence = heap->content[claim->node] == CONTENT_TEXT ?
			    SURE_CONTENT : SURE_BYTES;
	return follow_submit(f, from, claim);
}

static bool is_number(const struct follow *f, uint32_t type)
{
	const struct type *t = follow_type(f, type);

	return (t->kind == TYPE_INT || t->kind == TYPE_FLOAT) && t->size > 1;
}

/* int * to a block that looks like numbers: as many as there is room for. */
static bool claim_numbers(struct follow *f, const struct place *from,
			  struct claim *claim, uint32_t pointee)
{
	const struct heap *heap = f->heap;
	uint64_t count = heap->size[claim->node] / follow_type(f, pointee)->size;
	uint8_t content = heap->content[claim->node];

	if (content == CONTENT_UNKNOWN)
		infer_bar(f->heap, claim->node, SURE_CONTENT);
	if (count == 0 || count > UINT32_MAX || content == CONTENT_UNKNOWN ||
	    content == CONTENT_TEXT || content == CONTENT_POINTERS)
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_NUMBERS;
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

/* A pointer to pointers: the block is an array of them, if they are some. */
static bool claim_pointers(struct follow *f, const struct place *from,
			   struct claim *claim, uint32_t kind)
{
	const struct heap *heap = f->heap;
	uint32_t pointee = pointer_kind_at(&f->chooser.fields, kind)->target;
	uint64_t count = heap->size[claim->node] / 8;

	if (count == 0 || count > UINT32_MAX)
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_ARRAY;
	if (owns_what_it_points_at(f, kind)) {
		claim->evidence = EVIDENCE_ELEMENT;
		claim->confidence = SURE_OWNED;
	} else if (!elements_plausible(f, claim->node, pointee, count)) {
		return true;
	}
	return follow_submit(f, from, claim);
}

/* What the chooser makes of a pointer to the start of a block. */
static bool claim_chosen(struct follow *f, const struct place *from,
			 uint32_t kind, struct claim *claim)
{
	uint32_t pointee = pointer_kind_at(&f->chooser.fields, kind)->target;
	struct choice choice;
	uint64_t size;

	if (!choose_start(&f->chooser, claim->node, kind, &choice))
		return false;
	if (choice.type == TYPE_NONE) {
		if (follow_type(f, pointee)->kind == TYPE_CHAR)
			return claim_text(f, from, claim, pointee);
		if (is_number(f, pointee))
			return claim_numbers(f, from, claim, pointee);
		return choice.rivals ||
		       !types_is_record(&f->heap->image->types, pointee) ||
		       claim_array(f, from, claim, pointee);
	}
	size = follow_type(f, choice.type)->size;
	claim->type = choice.type;
	claim->count = 1;
	if (choice.is_array && f->heap->size[claim->node] / size <= UINT32_MAX)
		claim->count = (uint32_t)(f->heap->size[claim->node] / size);
	claim->confidence = choice.confidence;
	if (choice.evidence != EVIDENCE_NONE)
		claim->evidence = choice.evidence;
	return follow_submit(f, from, claim);
}

bool follow_pointer(struct follow *f, const struct place *from, uint32_t kind,
		    struct claim *claim)
{
	uint32_t pointee = pointer_kind_at(&f->chooser.fields, kind)->target;

	if (follow_type(f, pointee)->kind == TYPE_POINTER)
		return claim_pointers(f, from, claim, kind);
	return claim_chosen(f, from, kind, claim);
}
