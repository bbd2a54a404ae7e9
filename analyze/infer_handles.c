/* SPDX-License-Identifier: MIT */
/* Values behind a void pointer, typed by the address of code beside it. */
#include "analyze/infer_follow.h"

#include <string.h>

#include "analyze/words.h"

enum { SURE_FUNCTOR = 97, SURE_SUBJECT = 95 };	/* percent */

enum { MAX_FUNCTIONS = 16 };	/* of a table that are asked */

/* The type that the function at @code manages, or TYPE_NONE. @inside: such
 * values lie in the handle, as the small ones of a std::any do. */
static uint32_t type_managed_by(const struct follow *f, uint64_t code,
				bool *inside)
{
	const struct type_table *types = &f->heap->image->types;
	const struct variable *v = image_variable(f->heap->image, code);
	const struct type *t;

	if (!v || v->addr != code || !(v->flags & VAR_CODE) ||
	    v->flags & VAR_COROUTINE || v->type == TYPE_NONE)
		return TYPE_NONE;
	t = &types->types.at[v->type];
	*inside = strstr(types_text(types, t->name), "::_Manager_internal<") ||
		  strstr(types_text(types, t->name), "::_SmallHandler<");
	for (uint32_t i = t->n_args; i-- > 0;) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];

		if (!a->is_value)
			return types_strip(types, a->type);
	}
	return TYPE_NONE;
}

/* The records that the code at @addr is about, or the code that the table
 * there refers to. NULL when memory is exhausted. */
static const uint32_t *subjects_of(struct follow *f, uint64_t addr,
				   uint64_t table)
{
	const uint32_t *known = code_subjects_find(&f->subjects, addr);
	uint64_t code[MAX_FUNCTIONS] = { addr };
	size_t n = 1;

	if (known)
		return known;
	for (n = table ? 0 : 1; n < table / 8 && n < MAX_FUNCTIONS; n++) {
		if (!window_u64(&f->infer->window, addr + n * 8, &code[n]))
			break;
	}
	return code_subjects_add(&f->subjects, addr, code, n);
}

/* The one of @subjects that @node could be, or TYPE_NONE. */
static uint32_t subject_of(const struct follow *f, const uint32_t *subjects,
			   uint32_t node)
{
	uint32_t found = TYPE_NONE;

	for (; *subjects != TYPE_NONE; subjects++) {
		if (!infer_fits(f->heap, node, follow_type(f, *subjects)->size,
				false))
			continue;
		if (found != TYPE_NONE)
			return TYPE_NONE;
		found = *subjects;
	}
	return found;
}

/* The block whose start the word at @addr refers to, or NODE_NONE. */
static uint32_t node_at(struct follow *f, uint64_t addr)
{
	uint64_t word;
	uint32_t node;

	if (!window_u64(&f->infer->window, addr, &word) ||
	    !pointer_decode(word))
		return NODE_NONE;
	node = heap_find(f->heap, word);
	return node != NODE_NONE && f->heap->addr[node] == word ? node :
								 NODE_NONE;
}

/* The value of @type lies in the handle, in front of the code or behind it. */
static bool follow_value(struct follow *f, const struct place *place,
			 const struct code_field *code, uint64_t element,
			 uint32_t type)
{
	uint64_t start = code->offset > code->start ? code->start :
			 code->offset + 8;
	const struct claim claim = {
		.node = place->node, .why_node = place->node,
		.why_offset = (uint32_t)(element - place->addr + code->offset),
	};

	return heap_is_root(f->heap, place->node) || start > code->end ||
	       follow_type(f, type)->size > code->end - start ||
	       follow_note_sure(f, place, &claim, element + start, type, 1,
				SURE_FUNCTOR);
}

/* A handle with the address of code: what else it holds that refers to a
 * block in which the managed type fits, and is not declared, is that value. */
static bool follow_handle(struct follow *f, const struct place *place,
			  const struct pointer_fields *fields,
			  const struct code_field *code, uint64_t element)
{
	struct claim claim = {
		.why_node = place->node, .count = 1,
		.evidence = EVIDENCE_FUNCTOR,
	};
	const uint32_t *subjects;
	bool inside = false;
	uint32_t managed;
	uint64_t word;

	if (!window_u64(&f->infer->window, element + code->offset, &word) ||
	    word == 0)
		return true;
	managed = code->table ? TYPE_NONE : type_managed_by(f, word, &inside);
	/* The address of a manager is none by chance; other code may be. */
	if (managed == TYPE_NONE && code->doubtful)
		return true;
	if (inside && managed != TYPE_NONE)
		return follow_value(f, place, code, element, managed);
	for (uint64_t at = code->start; at + 8 <= code->end; at += 8) {
		claim.node = pointer_field_at(fields, at) ? NODE_NONE :
			     node_at(f, element + at);
		if (claim.node == NODE_NONE)
			continue;
		claim.why_offset = (uint32_t)(element - place->addr + at);
		claim.type = managed;
		claim.confidence = SURE_FUNCTOR;
		if (managed == TYPE_NONE) {
			subjects = subjects_of(f, word, code->table);
			if (!subjects)
				return false;
			claim.type = subject_of(f, subjects, claim.node);
			claim.confidence = SURE_SUBJECT;
		}
		if (claim.type != TYPE_NONE &&
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
			if (!follow_handle(f, place, fields, &fields->code[k],
					   place->addr + element))
				return false;
		}
	}
	return true;
}
