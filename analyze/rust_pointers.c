/* SPDX-License-Identifier: MIT */
#include "analyze/rust_pointers.h"

#include <string.h>

enum { MAX_DEPTH = 16 };	/* of records that end in a slice */

static const char *name_of(const struct type_table *types, uint32_t id)
{
	return types_text(types, types->types.at[id].name);
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

/*
 * Vec { buf, len } and VecDeque { head, len, buf }: how much is alive. Of a
 * RawVec in another class that is not known.
 */
static void note_length(const struct type_table *types, const struct leaf *leaf,
			unsigned inner, struct rust_pointer *ret)
{
	const struct leaf_step *step = inner > 0 ? &leaf->chain[inner - 1] :
						   NULL;
	const struct member *len, *head;

	ret->what = RUST_ROOM;
	if (!step || step->record == TYPE_NONE ||
	    !types_name_begins(types, step->record, "alloc::"))
		return;
	len = types_member_called(types, step->record, "len");
	head = types_member_called(types, step->record, "head");
	if (!len)
		return;
	ret->number_at = step->base + len->offset;
	ret->what = RUST_VEC;
	if (head) {
		ret->head_at = step->base + head->offset;
		ret->what = RUST_RING;
	}
}

/* RawVec { inner: RawVecInner { cap, ptr } }, of old RawVec { cap, ptr }. */
static void note_capacity(const struct type_table *types,
			  const struct leaf *leaf, unsigned outer,
			  struct rust_pointer *ret)
{
	ret->capacity_at = UINT64_MAX;
	for (unsigned i = outer; i < leaf->n_chain && i < outer + 2; i++) {
		const struct leaf_step *step = &leaf->chain[i];
		const struct member *cap = step->record == TYPE_NONE ? NULL :
			types_member_called(types, step->record, "cap");

		if (cap)
			ret->capacity_at = step->base + cap->offset;
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
		mask = types_member_called(types, step->record, "bucket_mask");
		if (!mask)
			continue;
		ret->what = RUST_TABLE;
		ret->number_at = step->base + mask->offset;
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

		if (record == TYPE_NONE)
			return;
		if (types_name_begins(types, record,
				      "alloc::raw_vec::RawVec<")) {
			ret->element = element_of(types, record);
			note_length(types, leaf, i, ret);
			note_capacity(types, leaf, i, ret);
			return;
		}
		if (types_name_begins(types, record,
				      "hashbrown::raw::RawTable<")) {
			ret->element = element_of(types, record);
			note_table(types, leaf, i, ret);
			return;
		}
	}
}

/* Two words, a pointer and what belongs to it: {pointer, vtable} refers to, or
 * is a box of, something dynamic; {data_ptr, length} is a slice. */
static void note_pair(const struct type_table *types, const struct leaf *leaf,
		      struct rust_pointer *ret)
{
	static const struct {
		const char *pointer, *number;
		enum rust_what what;
	} pairs[] = {
		{ "pointer", "vtable", RUST_DYNAMIC },
		{ "data_ptr", "length", RUST_SLICE },
	};
	const struct leaf_step *step = &leaf->chain[leaf->n_chain - 1];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct member *pointer, *number;

		pointer = types_member_called(types, step->record,
					      pairs[i].pointer);
		number = types_member_called(types, step->record,
					     pairs[i].number);
		if (!pointer || !number ||
		    leaf->offset != step->base + pointer->offset)
			continue;
		ret->what = (uint8_t)pairs[i].what;
		ret->number_at = step->base + number->offset;
	}
}

/* io::Error: the low bits tell what the rest is. 1: the address of a Custom. */
static void note_tagged(const struct type_table *types, const struct leaf *leaf,
			struct rust_pointer *ret)
{
	for (unsigned i = leaf->n_chain; i-- > 0;) {
		uint32_t record = leaf->chain[i].record, id = TYPE_NONE;

		if (record == TYPE_NONE)
			return;
		if (strcmp(name_of(types, record),
			   "std::io::error::repr_bitpacked::Repr") != 0)
			continue;
		ret->element = types_find(types, "std::io::error::Custom", &id);
		if (ret->element != TYPE_NONE)
			ret->what = RUST_TAGGED;
		return;
	}
}

void rust_pointer_of(const struct type_table *types, const struct leaf *leaf,
		     struct rust_pointer *ret)
{
	const struct type *pointer = &types->types.at[leaf->type];
	uint32_t target = types_strip(types, pointer->target);
	uint64_t size = target == TYPE_NONE ||
			types_is_record(types, target) ? UINT64_MAX :
			types->types.at[target].size;

	*ret = (struct rust_pointer){ .element = TYPE_NONE };
	if (leaf->n_chain == 0)
		return;
	if (size == 0)
		note_tagged(types, leaf, ret);
	if (size == 1)
		note_owner(types, leaf, ret);
	if (leaf->chain[leaf->n_chain - 1].record != TYPE_NONE)
		note_pair(types, leaf, ret);
}

/* The member that lies last, or UINT32_MAX. */
static uint32_t last_member(const struct type_table *types,
			    const struct type *t)
{
	uint32_t last = UINT32_MAX;

	for (uint32_t i = t->first_member; i < t->first_member + t->n_members;
	     i++) {
		if (last == UINT32_MAX || types->members.at[i].offset >=
					  types->members.at[last].offset)
			last = i;
	}
	return last;
}

bool rust_tail_of(const struct type_table *types, uint32_t type,
		  struct rust_tail *ret)
{
	uint64_t start = 0;

	for (int depth = 0; depth < MAX_DEPTH && types_is_record(types, type);
	     depth++) {
		const struct type *t = &types->types.at[type];
		uint32_t last = last_member(types, t);
		const struct member *m = last == UINT32_MAX ? NULL :
					 &types->members.at[last];

		if (!m || m->offset != t->size)
			return false;
		type = types_strip(types, m->type);
		if (type == TYPE_NONE)
			return false;
		start += m->offset;
		if (types->types.at[type].size > 0) {
			*ret = (struct rust_tail){ type, last, start };
			return true;
		}
	}
	return false;
}
