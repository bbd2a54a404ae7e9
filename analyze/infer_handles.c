/* SPDX-License-Identifier: MIT */
/* Values behind a void pointer, typed by the address of code beside it. */
#include "analyze/infer_follow.h"

#include "analyze/words.h"

enum { SURE_FUNCTOR = 97 };	/* percent */

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
			       follow_type(f, claim.type)->size, true) &&
		    !follow_submit(f, place, &claim))
			return false;
	}
	return true;
}

bool follow_handles(struct follow *f, const struct place *place,
		    const struct pointer_fields *fields)
{
	for (uint64_t i = 0; fields->n_code && i < place->count; i++) {
		uint64_t element = place->start + i * fields->stride;

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
