/* SPDX-License-Identifier: MIT */
/*
 * Types over typed pointers. Claims run from the roots whose type is known,
 * the surest first: each pointer in a typed place that refers to a block
 * proposes a type for it, and no claim is surer than the place it comes from.
 */
#include "analyze/infer_follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/progress.h"

/* Percent, as measured for each rule on containers of C and C++ programs. */
enum {
	SURE_ROOT = 100,
	SURE_LOCAL = 88,	/* it may dangle by now */
	SURE_OPEN_END = 80,	/* it may be old */
};

enum { MAX_ROUNDS = 12 };	/* of shapes */

/* Would another claim for @node change nothing? */
static bool is_settled(const struct follow *f, uint32_t node, uint8_t most)
{
	const struct heap *heap = f->heap;

	return heap->type[node] != TYPE_NONE && heap->confidence[node] > most;
}

bool follow_number(struct follow *f, uint64_t addr, unsigned size,
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

		if (!follow_number(f, addr + c->offset, c->size, &value)) {
			if (c->test == CONDITION_ABOVE)
				continue;
			return false;
		}
		if (!condition_holds(&f->heap->image->types, c, value))
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

/* What the pointer @field of @from says of the block that it refers to. */
static bool propose(struct follow *f, const struct place *from,
		    const struct pointer_fields *fields,
		    const struct pointer_field *field, uint64_t element,
		    struct claim *claim)
{
	uint32_t kind = from->kind != UINT32_MAX ? from->kind : field->kind;
	struct heap *heap = f->heap;
	bool found;

	if (is_settled(f, claim->node, from->confidence) ||
	    (heap->type[claim->node] == field->target &&
	     heap->evidence[claim->node] == EVIDENCE_ELEMENT &&
	     heap->confidence[claim->node] >= from->confidence))
		return true;
	if (field->rust.what != RUST_DECLARED)
		return follow_rust(f, from, field, element, 0, claim);
	if (!follow_range(f, from, fields->at, fields->n, field, claim, &found))
		return false;
	return found || follow_pointer(f, from, kind, claim);
}

/* The range that begins at @offset, or NULL. */
static const struct raw_range *range_at(const struct pointer_fields *fields,
					uint64_t offset)
{
	for (size_t i = 0; i < fields->n_ranges; i++) {
		if (fields->ranges[i].offset == offset)
			return &fields->ranges[i];
	}
	return NULL;
}

/* A reference that no known field is: one of those in a union, or one to
 * anything. */
static bool propose_unknown(struct follow *f, const struct place *from,
			    const struct pointer_fields *fields,
			    uint64_t element, uint64_t offset, bool start,
			    struct claim *claim)
{
	const struct raw_range *range = range_at(fields, offset);

	if (range && range->packed)
		return is_settled(f, claim->node, from->confidence) ||
		       follow_packed(f, from, range, claim);
	if (range && !start)
		return follow_room_inside(f, from, range, element, claim->node);
	if (range && !is_settled(f, claim->node, from->confidence))
		return follow_raw_range(f, from, range, element, claim);
	return !start || fields->n_union == 0 ||
	       follow_union(f, from, fields, offset, element, claim);
}

/* The first of the references of @place->node that may lie in @place. */
static uint64_t first_reference(const struct raw_refs *raw,
				const struct place *place)
{
	uint64_t low = raw->row[place->node], high = raw->row[place->node + 1];

	while (place->start > 0 && low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (raw_offset(raw->where[middle]) < place->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
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
	if (fields->n + fields->n_union + fields->n_ranges == 0 ||
	    fields->stride == 0)
		return true;
	for (uint64_t e = first_reference(raw, place);
	     e < raw->row[place->node + 1]; e++) {
		uint64_t offset = raw_offset(raw->where[e]);
		uint64_t at = offset - place->start, element;
		const struct pointer_field *field;
		struct claim claim = {
			.node = raw->target[e], .why_node = place->node,
			.why_offset = (uint32_t)offset,
			.evidence = heap_is_root(f->heap, place->node) ?
				    EVIDENCE_ROOT : EVIDENCE_FIELD,
		};

		if (at / fields->stride >= place->count || offset > UINT32_MAX)
			break;
		if (!follow_is_live(f, place, at / fields->stride))
			continue;
		at %= fields->stride;
		element = place->addr + offset - at;
		field = field_in_use(f, fields, element, at);
		if (!field &&
		    !propose_unknown(f, place, fields, element, at,
				     raw_is_start(raw->where[e]), &claim))
			return err_nomem(err, "types of blocks");
		if (!field)
			continue;
		if (raw_is_start(raw->where[e]) ?
		    !propose(f, place, fields, field, element, &claim) :
		    !follow_inside(f, place, fields, field, element, &claim))
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
			.kind = UINT32_MAX, .n_live = UINT64_MAX,
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

/* The kind of the pointer to array @node out of the middle of a block; or
 * UINT32_MAX. */
static uint32_t kind_inside(const struct follow *f, uint32_t node)
{
	uint64_t kind = map_get(&f->inside_kinds, node, 0);

	if (kind == 0 || pointer_kind_at(&f->chooser.fields,
					 (uint32_t)kind - 1)->target !=
			 type_of_node(f, node))
		return UINT32_MAX;
	return (uint32_t)kind - 1;
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
				      follow_type(f, type)->target);
	const struct pointer_fields *fields;
	const struct pointer_field *field;
	uint32_t at = node, owner = NODE_NONE, owner_type = TYPE_NONE;

	*ret = kind_inside(f, node);
	if (*ret != UINT32_MAX && target != TYPE_NONE) {
		*ret = pointer_kind_of_element(&f->chooser.fields, *ret, target);
		return *ret != UINT32_MAX;
	}
	for (int i = 0; i < 4 && !heap_is_root(heap, at); i++) {
		owner = heap->why_node[at];
		owner_type = owner == NODE_NONE ? TYPE_NONE :
			     type_of_node(f, owner);
		if (owner_type == TYPE_NONE)
			return true;
		if (follow_type(f, owner_type)->kind != TYPE_POINTER ||
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

/*
 * The pointer that gave @place its type may know which elements are alive.
 * False when memory is exhausted.
 */
static bool note_live(struct follow *f, struct place *place)
{
	const struct heap *heap = f->heap;
	uint32_t why = heap->why_node[place->node];
	uint64_t at = heap->why_offset[place->node], owner;
	uint32_t type = why == NODE_NONE ? TYPE_NONE : type_of_node(f, why);
	struct rust_tail tail;
	const struct pointer_fields *fields;
	const struct pointer_field *field;

	if (type == TYPE_NONE || heap->evidence[place->node] != EVIDENCE_ELEMENT)
		return true;
	owner = heap_is_root(heap, why) ? heap_root(heap, why)->addr :
					  heap->addr[why];
	if (at >= follow_type(f, type)->size && heap_count(heap, why) == 1 &&
	    rust_tail_of(&heap->image->types, type, &tail) && at >= tail.start) {
		type = tail.element;
		owner += tail.start;
		at -= tail.start;
	}
	fields = pointer_fields_of(&f->chooser.fields, type);
	if (!fields)
		return false;
	if (fields->stride == 0)
		return true;
	owner += at - at % fields->stride;
	field = pointer_field_at(fields, at % fields->stride);
	/* Who reads what is far away pays for it. */
	if (!field || field->rust.what < RUST_RING)
		return true;
	field = field_in_use(f, fields, owner, at % fields->stride);
	if (field)
		follow_rust_live(f, field, owner, place);
	return true;
}

/* What lies behind the header of an RcInner<[T]>. */
static bool follow_tail(struct follow *f, const struct place *header,
			struct err *err)
{
	struct place tail = *header;
	struct rust_tail elements;

	if (header->count != 1 ||
	    !rust_tail_of(&f->heap->image->types, header->type, &elements))
		return true;
	tail.type = elements.element;
	tail.start = elements.start;
	tail.count = (heap_size(f->heap, tail.node) - tail.start) /
		     follow_type(f, tail.type)->size;
	if (!note_live(f, &tail))
		return err_nomem(err, "types of blocks");
	return follow_place(f, &tail, err);
}

/* T data[] at the end of a C struct, or data[1]: as many as some number in front
 * of it says. */
static bool follow_open_end(struct follow *f, const struct place *header,
			    struct err *err)
{
	const struct shape *shape = shape_of(&f->shapes, header->type);
	struct place tail = *header;

	if (!shape)
		return err_nomem(err, "types of blocks");
	/* The number may have been left out of the capture. */
	if (f->heap->image->redacted.spans.len > 0 || header->count != 1 ||
	    !shape->tail || shape->tail->size % 8 != 0 ||
	    shape->tail->offset % 8 != 0 ||
	    shape->tail->offset >= heap_size(f->heap, header->node) ||
	    follow_type(f, header->type)->n_args > 0)
		return true;
	shape_look(f->heap, &f->infer->window, header->node, &f->seen);
	tail.type = shape->tail->type;
	tail.start = shape->tail->offset;
	tail.count = shape_count_used(f->heap, shape->tail, &f->seen);
	if (tail.confidence > SURE_OPEN_END)
		tail.confidence = SURE_OPEN_END;
	return follow_place(f, &tail, err);
}

static bool follow_block(struct follow *f, uint32_t node, struct err *err)
{
	const struct heap *heap = f->heap;
	struct place place = {
		.node = node, .addr = heap->addr[node],
		.count = heap_count(heap, node), .kind = UINT32_MAX,
		.n_live = UINT64_MAX, .confidence = heap->confidence[node],
		.type = types_strip(&heap->image->types, heap->type[node]),
	};

	if (place.type == TYPE_NONE)
		return true;
	if (follow_type(f, place.type)->kind == TYPE_POINTER &&
	    !kind_by_owner(f, node, place.type, &place.kind))
		return err_nomem(err, "types of blocks");
	if (!follow_tail(f, &place, err) || !follow_open_end(f, &place, err))
		return false;
	if (place.count > 1 && !note_live(f, &place))
		return err_nomem(err, "types of blocks");
	return follow_place(f, &place, err);
}

static bool follow_blocks(struct follow *f, struct err *err)
{
	struct place inside;
	uint32_t node;

	for (size_t i = 0;; i++) {
		if (i % 65536 == 0 && progress_cancelled())
			return err_set(err, ERR_CANCELLED, "stopped");
		if (infer_take(f->infer, &node)) {
			if (!follow_block(f, node, err))
				return false;
		} else if (!follow_take_inside(f, &inside)) {
			uint64_t before = f->infer->n_claims;

			if (!follow_tags(f))
				return err_nomem(err, "types of blocks");
			if (f->infer->n_claims == before)
				return true;
		} else if (!follow_place(f, &inside, err)) {
			return false;
		}
	}
}

/*
 * A block that begins with an object, and is larger: the one type that has an
 * object of that class as its first member, and the size of the block.
 * (A derived class has a vtable of its own.)
 */
static bool follow_beginnings(struct follow *f, struct err *err)
{
	const struct heap *heap = f->heap;

	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		struct claim claim = {
			.node = i, .count = 1, .why_node = i,
		};
		struct choice choice;

		if (heap->evidence[i] != EVIDENCE_VTABLE ||
		    heap->confidence[i] != SURE_BEGINS)
			continue;
		if (!choose_holder(&f->chooser, i, heap->type[i], &choice))
			return err_nomem(err, "types of blocks");
		if (choice.type == TYPE_NONE)
			continue;
		claim.type = choice.type;
		claim.evidence = choice.evidence;
		claim.confidence = choice.confidence;
		if (!infer_claim(f->infer, &claim))
			return err_nomem(err, "types of blocks");
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
		progress_begin("comparing shapes", 0);
		if (!infer_shapes(f->infer, &f->weights, &f->chooser, err))
			return false;
		progress_begin("typing blocks", 0);
		if (f->infer->n_claims == n)
			return true;
	}
	return follow_blocks(f, err);
}

bool infer_fields(struct infer *infer, struct err *err)
{
	struct follow f = {
		.infer = infer, .heap = infer->heap,
		.shapes = { .types = &infer->heap->image->types },
		.subjects = {
			.image = infer->heap->image, .names.plain = true,
		},
	};
	bool ok;

	progress_begin("typing blocks", 0);
	ok = chooser_init(&f.chooser, infer->heap, err) &&
	     size_weights_build(infer->heap, &f.weights, err) &&
	     relatives_build(&infer->heap->image->types, &f.relatives, err) &&
	     follow_beginnings(&f, err) && follow_roots(&f, err) &&
	     follow_all(&f, err);
	progress_end();
	chooser_free(&f.chooser);
	shape_cache_free(&f.shapes);
	size_weights_free(&f.weights);
	relatives_free(&f.relatives);
	rust_vtables_free(&f.vtables);
	map_free(&f.arrays);
	map_free(&f.inside_seen);
	map_free(&f.inside_kinds);
	follow_tags_free(&f);
	vec_free(&f.inside);
	code_subjects_free(&f.subjects);
	return ok;
}
