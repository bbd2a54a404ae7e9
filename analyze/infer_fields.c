/* SPDX-License-Identifier: MIT */
/*
 * Types over typed pointers. A worklist runs from the roots whose type is
 * known: each pointer in a typed place that refers to the start of a block
 * proposes its pointee's type for that block. The size decides: it must fit
 * exactly, and when several types that begin with the pointee fit as well,
 * nobody knows which it is and the block stays as it was.
 */
#include "analyze/infer_state.h"

#include <stdlib.h>

#include "analyze/pointer_fields.h"
#include "analyze/words.h"
#include "base/progress.h"

/* Percent, as measured for each rule on containers of C and C++ programs. */
enum {
	SURE_RANGE = 98,
	SURE_EXACT = 97,
	SURE_DERIVED = 85,
	SURE_ARRAY = 85,
	SURE_TEXT = 90,
};

enum { MAX_CANDIDATES = 4096 };	/* types that begin with one type */

struct follow {
	struct infer *infer;
	struct heap *heap;
	struct pointer_cache fields;
	struct beginnings beginnings;
	VEC(uint32_t) candidates;
	struct map choices;	/* of pointee and size, see choose() */
};

/* A place that is known to hold elements of one type. */
struct place {
	uint32_t node;
	uint32_t type;
	uint64_t addr;
	uint64_t count;
};

static const struct type *type_at(const struct follow *f, uint32_t id)
{
	return &f->heap->image->types.types.at[id];
}

/*
 * Which type that begins with @pointee, or is it, has the size of the block?
 * TYPE_NONE when none has, or more than one.
 */
static bool the_fitting_type(struct follow *f, uint32_t node, uint32_t pointee,
			     bool loose, uint32_t *ret)
{
	const struct beginnings *b = &f->beginnings;
	uint32_t found = TYPE_NONE;

	*ret = TYPE_NONE;
	f->candidates.len = 0;
	if (!vec_push(&f->candidates, pointee))
		return false;
	for (size_t i = 0; i < f->candidates.len; i++) {
		uint32_t id = f->candidates.at[i];

		if (infer_fits(f->heap, node, type_at(f, id)->size, loose)) {
			if (found != TYPE_NONE)
				return true;
			found = id;
		}
		if (f->candidates.len > MAX_CANDIDATES)
			return true;
		for (uint32_t k = b->row[id]; id < b->n_types &&
		     k < b->row[id + 1]; k++) {
			if (!vec_push(&f->candidates, b->outer[k]))
				return false;
		}
	}
	*ret = found;
	return true;
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

/* Every pointer of the would-be elements is null or leads into the image. */
static bool elements_plausible(struct follow *f, uint32_t node, uint32_t type,
			       uint64_t count)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->fields, type);
	uint64_t stride = type_at(f, type)->size;

	if (!fields || fields->n == 0)
		return false;
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
static bool claim_array(struct follow *f, struct claim *claim, uint32_t pointee)
{
	uint64_t size = type_at(f, pointee)->size;
	uint64_t count = size ? f->heap->size[claim->node] / size : 0;

	if (count < 2 || count > UINT32_MAX ||
	    !infer_fits(f->heap, claim->node, count * size, false) ||
	    !elements_plausible(f, claim->node, pointee, count))
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_ARRAY;
	return infer_claim(f->infer, claim);
}

/* A choice: the type that fits in the low half, and whether others could. */
#define CHOICE_SEVERAL (UINT64_C(1) << 32)

/*
 * Hundreds of types may begin with one: the choice among them depends on the
 * pointee, the allocator and the usable size alone, so it is made once.
 */
static bool choose(struct follow *f, uint32_t node, uint32_t pointee,
		   uint64_t *ret)
{
	uint64_t size = f->heap->size[node], key;
	bool keep = size % 8 == 0 && size < UINT64_C(8) << 24, added;
	uint64_t *slot = NULL;
	uint32_t type;

	key = (uint64_t)pointee << 32 | (uint64_t)f->heap->owner[node] << 24 |
	      size / 8;
	if (keep) {
		slot = map_slot(&f->choices, key, &added);
		if (!slot)
			return false;
		*ret = *slot;
		if (!added)
			return true;
	}
	if (!the_fitting_type(f, node, pointee, false, &type))
		return false;
	if (type == TYPE_NONE && f->candidates.len <= 1 &&
	    !the_fitting_type(f, node, pointee, true, &type))
		return false;
	*ret = type | (f->candidates.len > 1 ? CHOICE_SEVERAL : 0);
	if (slot)
		*slot = *ret;
	return true;
}

static bool claim_record(struct follow *f, struct claim *claim,
			 uint32_t pointee)
{
	uint64_t choice;
	uint32_t type;

	if (!choose(f, claim->node, pointee, &choice))
		return false;
	type = (uint32_t)choice;
	if (type == TYPE_NONE)
		return choice & CHOICE_SEVERAL ||
		       claim_array(f, claim, pointee);
	claim->type = type;
	claim->count = 1;
	claim->confidence = SURE_EXACT;
	if (type != pointee) {
		claim->evidence = EVIDENCE_DERIVED;
		claim->confidence = SURE_DERIVED;
	}
	return infer_claim(f->infer, claim);
}

/* char * to bytes that read as text. */
static bool claim_text(struct follow *f, struct claim *claim, uint32_t pointee)
{
	const struct heap *heap = f->heap;

	if (heap->content[claim->node] == CONTENT_UNKNOWN)
		infer_bar(f->heap, claim->node, SURE_TEXT);
	if (heap->content[claim->node] != CONTENT_TEXT)
		return true;
	claim->type = pointee;
	claim->count = heap->size[claim->node] > UINT32_MAX ? UINT32_MAX :
		       (uint32_t)heap->size[claim->node];
	claim->confidence = SURE_TEXT;
	return infer_claim(f->infer, claim);
}

/* A pointer to pointers: the block is an array of them, if they are some. */
static bool claim_pointers(struct follow *f, struct claim *claim,
			   uint32_t pointee)
{
	const struct heap *heap = f->heap;
	uint64_t count = heap->size[claim->node] / 8;

	if (count == 0 || count > UINT32_MAX ||
	    !elements_plausible(f, claim->node, pointee, count))
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_ARRAY;
	return infer_claim(f->infer, claim);
}

/*
 * Three pointers to one type in a row, begin <= end <= limit, begin at the
 * start of a block: the array of a vector. They tell how many elements are
 * alive; what lies behind the last one is dead capacity. No claim for none:
 * in an iterator of a deque {current, first, last} look like that.
 */
static bool is_range(struct follow *f, const struct claim *claim,
		     const struct place *from,
		     const struct pointer_field *field, size_t left,
		     uint64_t *count)
{
	uint64_t size = type_at(f, field->target)->size, word[3];

	if (left < 3 || size == 0 || field[1].target != field->target ||
	    field[2].target != field->target ||
	    field[1].offset != field->offset + 8 ||
	    field[2].offset != field->offset + 16)
		return false;
	for (uint64_t i = 0; i < 3; i++) {
		if (!window_u64(&f->infer->window, from->addr +
				claim->why_offset + i * 8, &word[i]))
			return false;
	}
	if (word[1] <= word[0] || word[2] < word[1] ||
	    (word[1] - word[0]) % size || (word[2] - word[0]) % size ||
	    !infer_fits(f->heap, claim->node, word[2] - word[0], true))
		return false;
	*count = (word[1] - word[0]) / size;
	return *count <= UINT32_MAX;
}

/* What the pointer @field of @from says of the block that it refers to. */
static bool propose(struct follow *f, const struct place *from,
		    const struct pointer_field *field, size_t left,
		    struct claim *claim)
{
	struct heap *heap = f->heap;
	uint64_t count;

	if (heap->evidence[claim->node] == EVIDENCE_VTABLE ||
	    (heap->type[claim->node] == field->target &&
	     heap->evidence[claim->node] == EVIDENCE_ELEMENT))
		return true;
	if (is_range(f, claim, from, field, left, &count)) {
		claim->type = field->target;
		claim->count = (uint32_t)count;
		claim->evidence = EVIDENCE_ELEMENT;
		claim->confidence = SURE_RANGE;
		return infer_claim(f->infer, claim);
	}
	if (heap->type[claim->node] == field->target)
		return true;
	switch (type_at(f, field->target)->kind) {
	case TYPE_STRUCT:
	case TYPE_CLASS:
	case TYPE_UNION:
		return claim_record(f, claim, field->target);
	case TYPE_CHAR:
		return claim_text(f, claim, field->target);
	case TYPE_POINTER:
		return claim_pointers(f, claim, field->target);
	default:
		return true;	/* numbers: any block would do */
	}
}

/* The pointer field at @offset of an element, or NULL. */
static const struct pointer_field *
field_at(const struct pointer_fields *fields, uint64_t offset)
{
	size_t low = 0, high = fields->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (fields->at[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < fields->n && fields->at[low].offset == offset ?
	       &fields->at[low] : NULL;
}

/* Propose a type for all that the pointers of @place refer to. */
static bool follow_place(struct follow *f, const struct place *place,
			 struct err *err)
{
	const struct raw_refs *raw = f->infer->raw;
	const struct pointer_fields *fields =
		pointer_fields_of(&f->fields, place->type);

	if (!fields)
		return err_nomem(err, "types of blocks");
	if (fields->n == 0 || fields->stride == 0)
		return true;
	for (uint64_t e = raw->row[place->node]; e < raw->row[place->node + 1];
	     e++) {
		uint64_t offset = raw_offset(raw->where[e]);
		const struct pointer_field *field;
		struct claim claim = {
			.node = raw->target[e], .why_node = place->node,
			.why_offset = (uint32_t)offset,
			.evidence = heap_is_root(f->heap, place->node) ?
				    EVIDENCE_ROOT : EVIDENCE_FIELD,
		};

		if (offset / fields->stride >= place->count ||
		    offset > UINT32_MAX)
			break;
		if (!raw_is_start(raw->where[e]))
			continue;
		field = field_at(fields, offset % fields->stride);
		if (field && !propose(f, place, field, fields->n -
				      (size_t)(field - fields->at), &claim))
			return err_nomem(err, "types of blocks");
	}
	return true;
}

static bool follow_roots(struct follow *f, struct err *err)
{
	const struct heap *heap = f->heap;

	for (uint32_t i = 0; i < heap->n_roots; i++) {
		const struct root *r = &heap->roots[i];
		struct place place = {
			.node = heap->n_blocks + i, .addr = r->addr, .count = 1,
			.type = types_strip(&heap->image->types, r->type),
		};

		if (place.type != TYPE_NONE && r->addr % 8 == 0 &&
		    r->kind != ROOT_REGISTERS && !follow_place(f, &place, err))
			return false;
	}
	return true;
}

static bool follow_blocks(struct follow *f, struct err *err)
{
	const struct heap *heap = f->heap;

	for (size_t i = 0; i < f->infer->queue.len; i++) {
		uint32_t node = f->infer->queue.at[i];
		struct place place = {
			.node = node, .addr = heap->addr[node],
			.count = heap->count[node],
			.type = types_strip(&heap->image->types,
					    heap->type[node]),
		};

		if (i % 65536 == 0 && progress_cancelled())
			return err_set(err, ERR_CANCELLED, "stopped");
		if (place.type != TYPE_NONE && !infer_is_disputed(heap, node) &&
		    !follow_place(f, &place, err))
			return false;
	}
	return true;
}

bool infer_fields(struct infer *infer, struct err *err)
{
	struct follow f = {
		.infer = infer, .heap = infer->heap,
		.fields = { .types = &infer->heap->image->types },
	};
	bool ok;

	progress_begin("typing blocks", 0);
	ok = beginnings_build(&infer->heap->image->types, &f.beginnings, err) &&
	     follow_roots(&f, err) && follow_blocks(&f, err);
	progress_end();
	pointer_cache_free(&f.fields);
	beginnings_free(&f.beginnings);
	vec_free(&f.candidates);
	map_free(&f.choices);
	return ok;
}
