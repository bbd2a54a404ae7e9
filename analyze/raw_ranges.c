/* SPDX-License-Identifier: MIT */
#include "analyze/raw_ranges.h"

/* Is @m a void pointer? */
static bool is_raw_pointer(const struct type_table *types,
			   const struct member *m)
{
	uint32_t id = types_strip(types, m->type);

	return id != TYPE_NONE && types->types.at[id].kind == TYPE_POINTER &&
	       types_strip(types, types->types.at[id].target) == TYPE_NONE;
}

static uint64_t unsigned_size(const struct type_table *types,
			      const struct member *m)
{
	uint32_t id = types_strip(types, m->type);
	const struct type *t = id == TYPE_NONE ? NULL : &types->types.at[id];

	return t && t->kind == TYPE_INT && t->flags & TYPE_UNSIGNED &&
	       (t->size == 4 || t->size == 8) ? t->size : 0;
}

/* The two members right behind the pointer, in the same class. */
static bool find_others(const struct type_table *types, const struct leaf *leaf,
			struct raw_range *ret)
{
	const struct leaf_step *step = &leaf->chain[leaf->n_chain - 1];
	const struct type *t = &types->types.at[step->record];
	const struct member *m = &types->members.at[t->first_member], *a, *b;
	uint32_t i = 0;

	while (i < t->n_members && t->first_member + i != step->member)
		i++;
	if (i + 2 >= t->n_members || !is_raw_pointer(types, &m[i]))
		return false;
	a = &m[i + 1];
	b = &m[i + 2];
	ret->size = (uint8_t)unsigned_size(types, a);
	if (ret->size ? unsigned_size(types, b) != ret->size :
	    !is_raw_pointer(types, a) || !is_raw_pointer(types, b))
		return false;
	ret->used_at = step->base + a->offset;
	ret->room_at = step->base + b->offset;
	return a->offset == m[i].offset + 8 &&
	       b->offset == a->offset + (ret->size ? ret->size : 8);
}

/* Is @leaf all that its class has, an integer as wide as a pointer? */
static bool is_packed(const struct type_table *types, const struct leaf *leaf)
{
	const struct type *t = &types->types.at[leaf->type];

	return t->kind == TYPE_INT && t->size == 8 &&
	       types->types.at[leaf->owner].size == 8;
}

static void add_type(const struct type_table *types, uint32_t id,
		     struct raw_range *ret)
{
	id = types_strip(types, id);
	if (id != TYPE_NONE && ret->packed &&
	    types->types.at[id].kind == TYPE_POINTER)
		id = types_strip(types, types->types.at[id].target);
	if (id == TYPE_NONE || types->types.at[id].size == 0 ||
	    (ret->packed && !types_is_record(types, id)) ||
	    ret->n_types == RAW_RANGE_TYPES)
		return;
	for (unsigned i = 0; i < ret->n_types; i++) {
		if (ret->types[i] == id)
			return;
	}
	ret->types[ret->n_types++] = id;
}

bool raw_range_of(const struct type_table *types, const struct leaf *leaf,
		  struct raw_range *ret)
{
	*ret = (struct raw_range){ .offset = leaf->offset };
	if (leaf->n_chain == 0 || leaf->in_union ||
	    leaf->chain[leaf->n_chain - 1].record == TYPE_NONE)
		return false;
	ret->packed = is_packed(types, leaf);
	if (!ret->packed && !find_others(types, leaf, ret))
		return false;
	for (unsigned i = leaf->n_chain; i-- > 0;) {
		uint32_t record = leaf->chain[i].record;
		const struct type *t;

		if (record == TYPE_NONE)
			break;
		t = &types->types.at[record];
		for (uint32_t k = 0; k < t->n_args; k++) {
			const struct template_arg *a =
				&types->args.at[t->first_arg + k];

			if (!a->is_value)
				add_type(types, a->type, ret);
		}
	}
	return ret->n_types > 0;
}
