/* SPDX-License-Identifier: MIT */
#include "analyze/rust_pointers.h"

#include <string.h>

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static const char *name_of(const struct type_table *types, uint32_t id)
{
	return types_text(types, types->types.at[id].name);
}

/* The member called @name of @record, or NULL. */
static const struct member *member_called(const struct type_table *types,
					  uint32_t record, const char *name)
{
	const struct type *t = &types->types.at[record];

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&types->members.at[t->first_member + i];

		if (strcmp(types_text(types, m->name), name) == 0)
			return m;
	}
	return NULL;
}

/* The first argument of @record that takes room: not an allocator. */
static uint32_t element_of(const struct type_table *types, uint32_t record)
{
	const struct type *t = &types->types.at[record];

	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];
		uint32_t id = types_strip(types, a->type);

		if (!a->is_value && id != TYPE_NONE &&
		    types->types.at[id].size > 0)
			return id;
	}
	return TYPE_NONE;
}

/* Vec { buf, len }: how much of it is alive. */
static void note_length(const struct type_table *types, const struct leaf *leaf,
			unsigned inner, struct rust_pointer *ret)
{
	for (unsigned i = inner; i-- > 0;) {
		const struct leaf_step *step = &leaf->chain[i];
		const struct member *len;

		if (step->record == TYPE_NONE ||
		    !begins(name_of(types, step->record), "alloc::vec::Vec<"))
			return;
		len = member_called(types, step->record, "len");
		if (len)
			ret->size_at = step->base + len->offset;
		return;
	}
}

static void note_table(const struct type_table *types, const struct leaf *leaf,
		       unsigned outer, struct rust_pointer *ret)
{
	for (unsigned i = outer + 1; i < leaf->n_chain; i++) {
		const struct leaf_step *step = &leaf->chain[i];
		const struct member *mask;

		if (step->record == TYPE_NONE)
			continue;
		mask = member_called(types, step->record, "bucket_mask");
		if (!mask)
			continue;
		ret->is_table = true;
		ret->size_at = step->base + mask->offset;
		return;
	}
	ret->element = TYPE_NONE;
}

/* A pointer to bytes, as far as it says. */
static void note_owner(const struct type_table *types, const struct leaf *leaf,
		       struct rust_pointer *ret)
{
	for (unsigned i = leaf->n_chain; i-- > 0;) {
		uint32_t record = leaf->chain[i].record;
		const char *name;

		if (record == TYPE_NONE)
			return;
		name = name_of(types, record);
		if (begins(name, "alloc::raw_vec::RawVec<")) {
			ret->element = element_of(types, record);
			note_length(types, leaf, i, ret);
			return;
		}
		if (begins(name, "hashbrown::raw::RawTable<")) {
			ret->element = element_of(types, record);
			note_table(types, leaf, i, ret);
			return;
		}
	}
}

/* {pointer, vtable}: a reference to, or a box of, something dynamic. */
static void note_vtable(const struct type_table *types, const struct leaf *leaf,
			struct rust_pointer *ret)
{
	const struct leaf_step *step = &leaf->chain[leaf->n_chain - 1];
	const struct member *vtable;

	if (step->record == TYPE_NONE)
		return;
	vtable = member_called(types, step->record, "vtable");
	if (vtable && member_called(types, step->record, "pointer") &&
	    leaf->offset == step->base)
		ret->vtable_at = step->base + vtable->offset;
}

void rust_pointer_of(const struct type_table *types, const struct leaf *leaf,
		     struct rust_pointer *ret)
{
	const struct type *pointer = &types->types.at[leaf->type];
	uint32_t target = types_strip(types, pointer->target);

	*ret = (struct rust_pointer){ .element = TYPE_NONE };
	if (leaf->n_chain == 0)
		return;
	if (target != TYPE_NONE && types->types.at[target].size == 1 &&
	    !types_is_record(types, target))
		note_owner(types, leaf, ret);
	note_vtable(types, leaf, ret);
}
