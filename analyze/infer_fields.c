/* SPDX-License-Identifier: MIT */
/*
 * Types over typed pointers. Claims run from the roots whose type is known,
 * the surest first: each pointer in a typed place that refers to a block
 * proposes a type for it, and no claim is surer than the place it comes from.
 */
#include "analyze/infer_state.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/infer_choose.h"
#include "analyze/words.h"
#include "base/progress.h"

/* Percent, as measured for each rule on containers of C and C++ programs. */
enum {
	SURE_ROOT = 100,
	SURE_VTABLE = 99,
	SURE_FUNCTOR = 97,
	SURE_LOCAL = 88,	/* it may dangle by now */
	SURE_RANGE = 98,
	SURE_OWNED = 95,
	SURE_ARRAY = 85,
	SURE_TEXT = 90,
};

enum { MAX_ROUNDS = 6 };	/* of shapes */

struct follow {
	struct infer *infer;
	struct heap *heap;
	struct chooser chooser;
};

/* A place that is known to hold elements of one type. */
struct place {
	uint32_t node;
	uint32_t type;
	uint32_t kind;		/* of the pointers in an array of pointers */
	uint8_t confidence;
	uint64_t addr;
	uint64_t count;
};

static const struct type *type_at(const struct follow *f, uint32_t id)
{
	return &f->heap->image->types.types.at[id];
}

static bool submit(struct follow *f, const struct place *from,
		   struct claim *claim)
{
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

/* Every pointer of the would-be elements is null or leads into the image. */
static bool elements_plausible(struct follow *f, uint32_t node, uint32_t type,
			       uint64_t count)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, type);
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
static bool claim_array(struct follow *f, const struct place *from,
			struct claim *claim, uint32_t pointee)
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
	return submit(f, from, claim);
}

/* char * to bytes that read as text. */
static bool claim_text(struct follow *f, const struct place *from,
		       struct claim *claim, uint32_t pointee)
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
	return submit(f, from, claim);
}

static bool is_number(const struct follow *f, uint32_t type)
{
	const struct type *t = type_at(f, type);

	return (t->kind == TYPE_INT || t->kind == TYPE_FLOAT) && t->size > 1;
}

/* int * to a block that looks like numbers: as many as there is room for. */
static bool claim_numbers(struct follow *f, const struct place *from,
			  struct claim *claim, uint32_t pointee)
{
	const struct heap *heap = f->heap;
	uint64_t count = heap->size[claim->node] / type_at(f, pointee)->size;
	uint8_t content = heap->content[claim->node];

	if (content == CONTENT_UNKNOWN)
		infer_bar(f->heap, claim->node, SURE_TEXT);
	if (count == 0 || count > UINT32_MAX || content == CONTENT_UNKNOWN ||
	    content == CONTENT_TEXT || content == CONTENT_POINTERS)
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_TEXT;
	return submit(f, from, claim);
}

/* Do pointers of @kind lead, over other pointers, to what they are about? */
static bool owns_what_it_points_at(const struct follow *f, uint32_t kind)
{
	const struct pointer_kind *k =
		pointer_kind_at(&f->chooser.fields, kind);
	uint32_t target = k->target;

	for (int i = 0; i < 4 && target != TYPE_NONE; i++) {
		const struct type *t = type_at(f, target);

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
	return submit(f, from, claim);
}

/* The pointer at @offset that is in use together with @field, or NULL. */
static const struct pointer_field *
beside(const struct pointer_fields *fields, const struct pointer_field *field,
       uint64_t offset)
{
	const struct pointer_field *f = pointer_field_at(fields, offset);
	const struct pointer_field *end = fields->at + fields->n;

	for (; f && f < end && f->offset == offset; f++) {
		if (f->when == field->when)
			return f;
	}
	return NULL;
}

/*
 * Three pointers to one type in a row, begin <= end <= limit, begin at the
 * start of a block: the array of a vector. They tell how many elements are
 * alive; what lies behind the last one is dead capacity. No claim for none:
 * in an iterator of a deque {current, first, last} look like that.
 */
static bool is_range(struct follow *f, const struct claim *claim,
		     const struct place *from,
		     const struct pointer_fields *fields,
		     const struct pointer_field *field, uint64_t *count)
{
	uint64_t size = type_at(f, field->target)->size, word[3];

	for (uint64_t i = 1; i < 3; i++) {
		const struct pointer_field *next =
			beside(fields, field, field->offset + i * 8);

		if (!next || next->target != field->target || size == 0)
			return false;
	}
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
		if (type_at(f, pointee)->kind == TYPE_CHAR)
			return claim_text(f, from, claim, pointee);
		if (is_number(f, pointee))
			return claim_numbers(f, from, claim, pointee);
		return choice.rivals ||
		       !types_is_record(&f->heap->image->types, pointee) ||
		       claim_array(f, from, claim, pointee);
	}
	size = type_at(f, choice.type)->size;
	claim->type = choice.type;
	claim->count = 1;
	if (choice.is_array && f->heap->size[claim->node] / size <= UINT32_MAX)
		claim->count = (uint32_t)(f->heap->size[claim->node] / size);
	claim->confidence = choice.confidence;
	if (choice.evidence != EVIDENCE_NONE)
		claim->evidence = choice.evidence;
	return submit(f, from, claim);
}

/* Would another claim for @node change nothing? */
static bool is_settled(const struct follow *f, uint32_t node, uint8_t most)
{
	const struct heap *heap = f->heap;

	return heap->type[node] != TYPE_NONE && heap->confidence[node] > most;
}

/* The unsigned number of @size bytes at @addr. */
static bool read_number(struct follow *f, uint64_t addr, unsigned size,
			uint64_t *ret)
{
	size_t n;
	const uint8_t *at = window_span(&f->infer->window, addr, size, &n);

	*ret = 0;
	if (!at || image_is_redacted(f->heap->image, addr & ~UINT64_C(7)))
		return false;
	memcpy(ret, at, size);	/* little-endian, as all targets are */
	return true;
}

/* Is @field of the element at @addr in use? */
static bool in_use(struct follow *f, const struct pointer_field *field,
		   uint64_t addr)
{
	for (unsigned i = 0; field->when && i < field->when->n; i++) {
		const struct condition *c = &field->when->at[i];
		uint64_t value;

		if (!read_number(f, addr + c->offset, c->size, &value) ||
		    !condition_holds(&f->heap->image->types, c, value))
			return false;
	}
	return true;
}

/* The field of the element at @addr that is in use at @offset, or NULL. */
static const struct pointer_field *
field_in_use(struct follow *f, const struct pointer_fields *fields,
	     uint64_t addr, uint64_t offset)
{
	const struct pointer_field *field = pointer_field_at(fields, offset);
	const struct pointer_field *end = fields->at + fields->n;

	for (; field && field < end && field->offset == offset; field++) {
		if (in_use(f, field, addr))
			return field;
	}
	return NULL;
}

/* What a Rust vtable belongs to is an argument of its type. */
static uint32_t type_by_vtable(const struct follow *f, uint64_t vtable)
{
	const struct type_table *types = &f->heap->image->types;
	const struct variable *v = image_variable(f->heap->image, vtable);
	uint32_t id = v && v->addr == vtable ? types_strip(types, v->type) :
		      TYPE_NONE;
	const struct type *t = id == TYPE_NONE ? NULL : &types->types.at[id];

	for (uint32_t i = 0; t && i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];

		if (strcmp(types_text(types, a->name), ARG_SELF) == 0)
			return types_strip(types, a->type);
	}
	return TYPE_NONE;
}

/* A box of something dynamic: the vtable beside the pointer knows. */
static bool propose_dynamic(struct follow *f, const struct place *from,
			    const struct pointer_field *field, uint64_t element,
			    struct claim *claim)
{
	uint64_t vtable;

	if (!window_u64(&f->infer->window, element + field->vtable_at, &vtable))
		return true;
	claim->type = type_by_vtable(f, vtable);
	if (claim->type == TYPE_NONE ||
	    !infer_fits(f->heap, claim->node, type_at(f, claim->type)->size,
			true))
		return true;
	claim->count = 1;
	claim->evidence = EVIDENCE_VTABLE;
	claim->confidence = SURE_VTABLE;
	return submit(f, from, claim);
}

/* A Rust Vec: capacity by the size of the block, and a length beside. */
static bool propose_vec(struct follow *f, const struct place *from,
			const struct pointer_field *field, uint64_t element,
			struct claim *claim)
{
	uint64_t size = type_at(f, field->target)->size, len, room;

	room = size ? f->heap->size[claim->node] / size : 0;
	if (room == 0 ||
	    !window_u64(&f->infer->window, element + field->size_at, &len) ||
	    len > room || len > UINT32_MAX)
		return true;
	claim->type = field->target;
	claim->count = (uint32_t)len;
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_RANGE;
	return submit(f, from, claim);
}

/* What the pointer @field of @from says of the block that it refers to. */
static bool propose(struct follow *f, const struct place *from,
		    const struct pointer_fields *fields,
		    const struct pointer_field *field, uint64_t element,
		    struct claim *claim)
{
	uint32_t kind = from->kind != UINT32_MAX ? from->kind : field->kind;
	struct heap *heap = f->heap;
	uint64_t count;

	if (is_settled(f, claim->node, from->confidence) ||
	    (heap->type[claim->node] == field->target &&
	     heap->evidence[claim->node] == EVIDENCE_ELEMENT))
		return true;
	if (field->vtable_at)
		return propose_dynamic(f, from, field, element, claim);
	if (field->size_at)
		return propose_vec(f, from, field, element, claim);
	if (is_range(f, claim, from, fields, field, &count)) {
		claim->type = field->target;
		claim->count = (uint32_t)count;
		claim->evidence = EVIDENCE_ELEMENT;
		claim->confidence = SURE_RANGE;
		return submit(f, from, claim);
	}
	if (type_at(f, field->target)->kind == TYPE_POINTER)
		return claim_pointers(f, from, claim, kind);
	return claim_chosen(f, from, kind, claim);
}

/*
 * hashbrown: elements lie before the control bytes that the pointer refers to,
 * as many as there are buckets, at the start of the block.
 */
static bool propose_table(struct follow *f, const struct place *from,
			  const struct pointer_field *field, uint64_t element,
			  uint64_t at, struct claim *claim)
{
	uint64_t size = type_at(f, field->target)->size, mask;

	if (!window_u64(&f->infer->window, element + field->size_at, &mask) ||
	    mask >= UINT32_MAX || size == 0 || size > UINT32_MAX ||
	    (mask + 1) * size != at)
		return true;
	claim->type = field->target;
	claim->count = (uint32_t)(mask + 1);
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_RANGE;
	return submit(f, from, claim);
}

/* A pointer into a block: to a member of what the block is. */
static bool propose_inside(struct follow *f, const struct place *from,
			   const struct pointer_field *field, uint64_t element,
			   struct claim *claim)
{
	struct heap *heap = f->heap;
	struct choice choice;
	uint64_t word, at;

	if (heap->type[claim->node] != TYPE_NONE ||
	    !window_u64(&f->infer->window, from->addr + claim->why_offset,
			&word))
		return true;
	at = word - heap->addr[claim->node];
	if (at >= heap->size[claim->node])
		return true;
	if (field->is_table)
		return propose_table(f, from, field, element, at, claim);
	if (!types_is_record(&heap->image->types, field->target))
		return true;
	if (!choose_inside(&f->chooser, claim->node, field->target, at,
			   &choice))
		return false;
	if (choice.type == TYPE_NONE)
		return true;
	claim->type = choice.type;
	claim->count = 1;
	claim->evidence = choice.evidence;
	claim->confidence = choice.confidence;
	return submit(f, from, claim);
}

/* The type that the function at @code manages, or TYPE_NONE. */
static uint32_t type_managed_by(const struct follow *f, uint64_t code)
{
	const struct type_table *types = &f->heap->image->types;
	const struct variable *v = image_variable(f->heap->image, code);
	const struct type *t;

	if (!v || v->addr != code || !(v->flags & VAR_CODE) ||
	    v->type == TYPE_NONE)
		return TYPE_NONE;
	t = &types->types.at[v->type];
	for (uint32_t i = t->n_args; i-- > 0;) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];

		if (!a->is_value)
			return types_strip(types, a->type);
	}
	return TYPE_NONE;
}

/* A handle with the address of a manager: what else it holds that refers to
 * a block in which the managed type fits, is that value. */
static bool follow_handle(struct follow *f, const struct place *place,
			  const struct code_field *code, uint64_t element)
{
	struct claim claim = {
		.why_node = place->node, .count = 1,
		.evidence = EVIDENCE_FUNCTOR, .confidence = SURE_FUNCTOR,
	};
	uint64_t word;

	if (!window_u64(&f->infer->window, element + code->offset, &word))
		return true;
	claim.type = type_managed_by(f, word);
	if (claim.type == TYPE_NONE)
		return true;
	for (uint64_t at = code->start; at + 8 <= code->end; at += 8) {
		if (!window_u64(&f->infer->window, element + at, &word))
			continue;
		claim.node = pointer_decode(word) ? heap_find(f->heap, word) :
			     NODE_NONE;
		claim.why_offset = (uint32_t)(element - place->addr + at);
		if (claim.node != NODE_NONE &&
		    f->heap->addr[claim.node] == word &&
		    infer_fits(f->heap, claim.node,
			       type_at(f, claim.type)->size, true) &&
		    !submit(f, place, &claim))
			return false;
	}
	return true;
}

static bool follow_handles(struct follow *f, const struct place *place,
			   const struct pointer_fields *fields)
{
	for (uint64_t i = 0; fields->n_code && i < place->count; i++) {
		uint64_t element = i * fields->stride;

		if (element > UINT32_MAX)
			break;
		for (size_t k = 0; k < fields->n_code; k++) {
			if (!follow_handle(f, place, &fields->code[k],
					   place->addr + element))
				return false;
		}
	}
	return true;
}

/* Propose a type for all that the pointers of @place refer to. */
static bool follow_place(struct follow *f, const struct place *place,
			 struct err *err)
{
	const struct raw_refs *raw = f->infer->raw;
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, place->type);

	if (!fields || (fields->stride > 0 &&
			!follow_handles(f, place, fields)))
		return err_nomem(err, "types of blocks");
	if (fields->n == 0 || fields->stride == 0)
		return true;
	for (uint64_t e = raw->row[place->node]; e < raw->row[place->node + 1];
	     e++) {
		uint64_t offset = raw_offset(raw->where[e]);
		const struct pointer_field *field;
		uint64_t element;
		struct claim claim = {
			.node = raw->target[e], .why_node = place->node,
			.why_offset = (uint32_t)offset,
			.evidence = heap_is_root(f->heap, place->node) ?
				    EVIDENCE_ROOT : EVIDENCE_FIELD,
		};

		if (offset / fields->stride >= place->count ||
		    offset > UINT32_MAX)
			break;
		element = place->addr + offset - offset % fields->stride;
		field = field_in_use(f, fields, element,
				     offset % fields->stride);
		if (!field)
			continue;
		if (raw_is_start(raw->where[e]) ?
		    !propose(f, place, fields, field, element, &claim) :
		    !propose_inside(f, place, field, element, &claim))
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
			.kind = UINT32_MAX,
			.confidence = r->kind == ROOT_LOCAL ? SURE_LOCAL :
				      SURE_ROOT,
		};

		if (place.type != TYPE_NONE && r->addr % 8 == 0 &&
		    r->kind != ROOT_REGISTERS && !follow_place(f, &place, err))
			return false;
	}
	return true;
}

/* The type of what @node holds, stripped. */
static uint32_t type_of_node(const struct follow *f, uint32_t node)
{
	const struct heap *heap = f->heap;

	return types_strip(&heap->image->types, heap_is_root(heap, node) ?
			   heap_root(heap, node)->type : heap->type[node]);
}

/*
 * Of the pointers in @node, an array of them: what they are about is known by
 * the field that owns the array, perhaps over another array of pointers.
 */
static bool kind_by_owner(struct follow *f, uint32_t node, uint32_t type,
			  uint32_t *ret)
{
	const struct heap *heap = f->heap;
	uint32_t target = types_strip(&heap->image->types,
				      type_at(f, type)->target);
	const struct pointer_fields *fields;
	const struct pointer_field *field;
	uint32_t at = node, owner = NODE_NONE, owner_type = TYPE_NONE;

	*ret = UINT32_MAX;
	for (int i = 0; i < 4 && !heap_is_root(heap, at); i++) {
		owner = heap->why_node[at];
		owner_type = owner == NODE_NONE ? TYPE_NONE :
			     type_of_node(f, owner);
		if (owner_type == TYPE_NONE)
			return true;
		if (type_at(f, owner_type)->kind != TYPE_POINTER ||
		    heap_is_root(heap, owner))
			break;
		at = owner;
	}
	if (target == TYPE_NONE || owner_type == TYPE_NONE ||
	    heap_is_root(heap, at))
		return true;
	fields = pointer_fields_of(&f->chooser.fields, owner_type);
	if (!fields)
		return false;
	field = fields->stride == 0 ? NULL :
		pointer_field_at(fields, heap->why_offset[at] % fields->stride);
	if (!field)
		return true;
	*ret = pointer_kind_of_element(&f->chooser.fields, field->kind, target);
	return *ret != UINT32_MAX;
}

static bool follow_block(struct follow *f, uint32_t node, struct err *err)
{
	const struct heap *heap = f->heap;
	struct place place = {
		.node = node, .addr = heap->addr[node],
		.count = heap->count[node], .kind = UINT32_MAX,
		.confidence = heap->confidence[node],
		.type = types_strip(&heap->image->types, heap->type[node]),
	};

	if (place.type == TYPE_NONE)
		return true;
	if (type_at(f, place.type)->kind == TYPE_POINTER &&
	    !kind_by_owner(f, node, place.type, &place.kind))
		return err_nomem(err, "types of blocks");
	return follow_place(f, &place, err);
}

static bool follow_blocks(struct follow *f, struct err *err)
{
	uint32_t node;

	for (size_t i = 0; infer_take(f->infer, &node); i++) {
		if (i % 65536 == 0 && progress_cancelled())
			return err_set(err, ERR_CANCELLED, "stopped");
		if (!follow_block(f, node, err))
			return false;
	}
	return true;
}

/* Each round of shapes may open the way to others. */
static bool follow_all(struct follow *f, struct err *err)
{
	uint64_t n;

	for (int round = 0; round < MAX_ROUNDS; round++) {
		if (!follow_blocks(f, err))
			return false;
		n = f->infer->n_claims;
		if (!infer_shapes(f->infer, err))
			return false;
		if (f->infer->n_claims == n)
			return true;
	}
	return follow_blocks(f, err);
}

bool infer_fields(struct infer *infer, struct err *err)
{
	struct follow f = { .infer = infer, .heap = infer->heap };
	bool ok;

	progress_begin("typing blocks", 0);
	ok = chooser_init(&f.chooser, infer->heap, err) &&
	     follow_roots(&f, err) && follow_all(&f, err);
	progress_end();
	chooser_free(&f.chooser);
	return ok;
}
