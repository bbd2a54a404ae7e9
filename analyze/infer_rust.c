/* SPDX-License-Identifier: MIT */
/* Types by what is known of the classes of Rust's std: rust_pointers.h. */
#include <stdio.h>
#include <string.h>

#include "analyze/infer_follow.h"

/* Percent: the vtable is exact, the others are checked against the size. */
enum { SURE_VTABLE = 99, SURE_ELEMENTS = 98 };

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
	types_name(types, self, inner, sizeof(inner));
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(dyn - name), name, inner,
		 end);
	return types_find(types, text, &i);
}

/* A box of something dynamic: the vtable beside the pointer knows. */
bool follow_dynamic(struct follow *f, const struct place *from,
		    const struct pointer_field *field, uint64_t element,
		    struct claim *claim)
{
	uint64_t vtable;

	if (!window_u64(&f->infer->window, element + field->vtable_at, &vtable))
		return true;
	claim->type = type_by_vtable(f, vtable);
	if (claim->type != TYPE_NONE)
		claim->type = put_in_place(f, field->target, claim->type);
	if (claim->type == TYPE_NONE ||
	    !infer_fits(f->heap, claim->node, follow_type(f, claim->type)->size,
			true))
		return true;
	claim->count = 1;
	claim->evidence = EVIDENCE_VTABLE;
	claim->confidence = SURE_VTABLE;
	return follow_submit(f, from, claim);
}

/* A Rust Vec: capacity by the size of the block, and a length beside. */
bool follow_vec(struct follow *f, const struct place *from,
			const struct pointer_field *field, uint64_t element,
			struct claim *claim)
{
	uint64_t size = follow_type(f, field->target)->size, len, room;

	room = size ? f->heap->size[claim->node] / size : 0;
	if (room == 0 ||
	    !window_u64(&f->infer->window, element + field->size_at, &len) ||
	    len > room || len > UINT32_MAX)
		return true;
	claim->type = field->target;
	claim->count = (uint32_t)len;
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_ELEMENTS;
	return follow_submit(f, from, claim);
}

/*
 * hashbrown: elements lie before the control bytes that the pointer refers to,
 * as many as there are buckets, at the start of the block.
 */
bool follow_table(struct follow *f, const struct place *from,
			  const struct pointer_field *field, uint64_t element,
			  uint64_t at, struct claim *claim)
{
	uint64_t size = follow_type(f, field->target)->size, mask;

	if (!window_u64(&f->infer->window, element + field->size_at, &mask) ||
	    mask >= UINT32_MAX || size == 0 || size > UINT32_MAX ||
	    (mask + 1) * size != at)
		return true;
	claim->type = field->target;
	claim->count = (uint32_t)(mask + 1);
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_ELEMENTS;
	return follow_submit(f, from, claim);
}
