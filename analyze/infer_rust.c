/* SPDX-License-Identifier: MIT */
/* Types by what is known of the classes of Rust's std: rust_pointers.h. */
#include <stdio.h>
#include <string.h>

#include "analyze/infer_follow.h"

/* Percent: the vtable is exact, the others are checked against the size. */
enum {
	SURE_VTABLE = 99,
	SURE_TWIN = 88,		/* a vtable without a name, like a known one */
	SURE_ELEMENTS = 98,
	SURE_TAGGED = 97,
	SURE_ROOM = 88,		/* how many are alive was left out */
};

enum {
	EMPTY_SLOT = 0x80,	/* control bytes from here on: nothing is there */
};

/*
 * The pointee, RcInner<RefCell<dyn Trait>>, with what the vtable says in place
 * of "dyn Trait". TYPE_NONE when there is no such type.
 */
static uint32_t put_in_place(const struct follow *f, uint32_t pointee,
			     uint32_t self)
{
	const struct type_table *types = &f->heap->image->types;
	char name[2048], text[4096], inner[1024];
	const char *dyn, *end;
	uint32_t i = TYPE_NONE;
	int depth = 0;

	types_name(types, pointee, name, sizeof(name));
	dyn = strstr(name, "dyn ");
	if (!dyn)
		return self;
	for (end = dyn; *end; end++) {
		depth += (*end == '<' || *end == '(') -
			 (*end == '>' || *end == ')');
		if (depth < 0 || (depth == 0 && *end == ','))
			break;
	}
	if (dyn > name && dyn[-1] == '(' && *end == ')') {
		dyn--;
		end++;
	}
	types_name(types, self, inner, sizeof(inner));
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(dyn - name), name, inner,
		 end);
	return types_find(types, text, &i);
}

/* A box of something dynamic: the vtable beside the pointer knows. */
static bool follow_dynamic(struct follow *f, const struct place *from,
			   const struct pointer_field *field, uint64_t element,
			   struct claim *claim)
{
	uint64_t vtable;
	bool sure;

	if (!window_u64(&f->infer->window, element + field->rust.number_at,
			&vtable))
		return true;
	if (!rust_vtables_find(&f->vtables, f->heap->image, vtable,
			       &claim->type, &sure))
		return false;
	if (claim->type != TYPE_NONE)
		claim->type = put_in_place(f, field->target, claim->type);
	if (claim->type == TYPE_NONE ||
	    !infer_fits(f->heap, claim->node, follow_type(f, claim->type)->size,
			true))
		return true;
	claim->count = 1;
	claim->evidence = EVIDENCE_VTABLE;
	claim->confidence = sure ? SURE_VTABLE : SURE_TWIN;
	return follow_submit(f, from, claim);
}

/*
 * Room for elements: as many as the capacity says, or, where that is not
 * known, as many as there is room for. Those of a Vec that are alive come
 * first.
 */
static bool follow_room(struct follow *f, const struct place *from,
			const struct pointer_field *field, uint64_t element,
			struct claim *claim)
{
	const struct rust_pointer *rust = &field->rust;
	uint64_t size = follow_type(f, field->target)->size, count, room, len;

	room = count = size ? heap_size(f->heap, claim->node) / size : 0;
	if (rust->capacity_at != UINT64_MAX)
		follow_number(f, element + rust->capacity_at, 8, &count);
	if (count == 0 || count > room)
		return true;
	claim->confidence = SURE_ELEMENTS;
	if (rust->what == RUST_VEC) {
		if (!follow_number(f, element + rust->number_at, 8, &len))
			claim->confidence = SURE_ROOM;
		else if (len > count)
			return true;
		else
			count = len;
	}
	if (count > UINT32_MAX)
		return true;
	claim->type = field->target;
	claim->count = (uint32_t)count;
	claim->evidence = EVIDENCE_ELEMENT;
	return follow_submit(f, from, claim);
}

/*
 * hashbrown: elements lie before the control bytes that the pointer refers to,
 * as many as there are buckets, at the start of the block.
 */
static bool follow_table(struct follow *f, const struct place *from,
			 const struct pointer_field *field, uint64_t element,
			 uint64_t at, struct claim *claim)
{
	uint64_t size = follow_type(f, field->target)->size, mask;

	if (!follow_number(f, element + field->rust.number_at, 8, &mask) ||
	    mask >= UINT32_MAX || size == 0 || size > UINT32_MAX ||
	    (mask + 1) * size != at)
		return true;
	claim->type = field->target;
	claim->count = (uint32_t)(mask + 1);
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_ELEMENTS;
	return follow_submit(f, from, claim);
}

/* Box<[T]>, Rc<[T]>, &str: the length beside the pointer must fit the block,
 * or it is a part of something else. */
static bool follow_slice(struct follow *f, const struct place *from,
			 const struct pointer_field *field, uint64_t element,
			 struct claim *claim)
{
	struct rust_tail tail = { .element = field->target };
	uint64_t size, len;
	bool behind = rust_tail_of(&f->heap->image->types, field->target,
				   &tail) && tail.start > 0;

	size = follow_type(f, tail.element)->size;
	if (!follow_number(f, element + field->rust.number_at, 8, &len) ||
	    size == 0 || tail.start + len == 0 || len > UINT32_MAX ||
	    len > heap_size(f->heap, claim->node) / size ||
	    !infer_fits(f->heap, claim->node, tail.start + len * size,
			true))
		return true;
	claim->type = behind ? field->target : tail.element;
	claim->count = behind ? 1 : (uint32_t)len;
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_ELEMENTS;
	return follow_submit(f, from, claim);
}

/* The address of a block, plus a tag. */
static bool follow_tagged(struct follow *f, const struct place *from,
			  const struct pointer_field *field, uint64_t at,
			  struct claim *claim)
{
	if (at != 1 || !infer_fits(f->heap, claim->node,
				   follow_type(f, field->target)->size, true))
		return true;
	claim->type = field->target;
	claim->count = 1;
	claim->confidence = SURE_TAGGED;
	return follow_submit(f, from, claim);
}

bool follow_rust(struct follow *f, const struct place *from,
		 const struct pointer_field *field, uint64_t element,
		 uint64_t at, struct claim *claim)
{
	if (field->rust.what == RUST_TABLE)
		return follow_table(f, from, field, element, at, claim);
	if (field->rust.what == RUST_TAGGED)
		return follow_tagged(f, from, field, at, claim);
	if (at != 0)
		return true;
	switch (field->rust.what) {
	case RUST_DYNAMIC:
		return follow_dynamic(f, from, field, element, claim);
	case RUST_SLICE:
		return follow_slice(f, from, field, element, claim);
	default:
		return follow_room(f, from, field, element, claim);
	}
}

void follow_rust_live(struct follow *f, const struct pointer_field *field,
		      uint64_t owner, struct place *place)
{
	const struct rust_pointer *rust = &field->rust;
	uint64_t number, head;

	if (rust->what == RUST_TABLE) {
		place->control = place->addr + place->count *
				 follow_type(f, place->type)->size;
		return;
	}
	if (!follow_number(f, owner + rust->number_at, 8, &number))
		return;
	if (rust->what == RUST_SLICE && place->start > 0 &&
	    number < place->count)
		place->count = number;
	if (rust->what == RUST_RING &&
	    follow_number(f, owner + rust->head_at, 8, &head) &&
	    head <= place->count && number <= place->count) {
		place->first = head;
		place->n_live = number;
	}
}

bool follow_is_live(struct follow *f, const struct place *place, uint64_t i)
{
	uint64_t at;

	if (place->control)
		return !follow_number(f, place->control + place->count - 1 - i,
				      1, &at) || at < EMPTY_SLOT;
	if (place->n_live == UINT64_MAX)
		return true;
	at = i >= place->first ? i - place->first :
				 i + place->count - place->first;
	return at < place->n_live;
}
