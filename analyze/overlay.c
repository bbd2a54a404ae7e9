/* SPDX-License-Identifier: MIT */
#include "analyze/overlay.h"

static uint64_t size_of(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id == TYPE_NONE ? 0 : types->types.at[id].size;
}

/* The argument of @t that has @size bytes, when there is just one such type. */
static uint32_t tenant_of(const struct type_table *types, const struct type *t,
			  uint64_t size)
{
	uint32_t found = TYPE_NONE;

	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *arg =
			&types->args.at[t->first_arg + i];
		uint32_t id = types_strip(types, arg->type);

		if (arg->is_value || id == TYPE_NONE || id == found ||
		    size_of(types, id) != size)
			continue;
		if (found != TYPE_NONE)
			return TYPE_NONE;
		found = id;
	}
	return found;
}

/* No members: an empty base, or what only lends its alignment. */
static bool is_empty(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && types_is_record(types, id) &&
	       types->types.at[id].n_members == 0 &&
	       !(types->types.at[id].flags & TYPE_DECLARATION);
}

static bool is_byte_array(const struct type_table *types, uint32_t id)
{
	const struct type *t, *element;

	id = types_strip(types, id);
	if (id == TYPE_NONE)
		return false;
	t = &types->types.at[id];
	id = types_strip(types, t->target);
	if (t->kind != TYPE_ARRAY || id == TYPE_NONE)
		return false;
	element = &types->types.at[id];
	/* std::byte is an enum. */
	return element->size == 1 &&
	       (element->kind == TYPE_CHAR || element->kind == TYPE_INT ||
		element->kind == TYPE_ENUM);
}

/* An array of bytes, alone or in a union with nothing (std::aligned_storage). */
static bool is_bytes(const struct type_table *types, uint32_t id)
{
	const struct type *t;
	bool bytes = false;

	id = types_strip(types, id);
	if (id == TYPE_NONE)
		return false;
	t = &types->types.at[id];
	if (t->kind == TYPE_ARRAY)
		return is_byte_array(types, id);
	if (!types_is_record(types, id))
		return false;
	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t m = types->members.at[t->first_member + i].type;

		if (is_byte_array(types, m))
			bytes = true;
		else if (!is_empty(types, m))
			return false;
	}
	return bytes;
}

/* struct { char storage[sizeof(T)]; } with an argument T. */
static void lay_over_bytes(struct type_table *types, struct type *t)
{
	struct member *found = NULL;
	uint32_t tenant;

	for (uint32_t i = 0; i < t->n_members; i++) {
		struct member *m = &types->members.at[t->first_member + i];

		if (m->flags & MEMBER_BASE && is_empty(types, m->type))
			continue;
		if (found || m->offset != 0 ||
		    m->flags & (MEMBER_BASE | MEMBER_VARIANT))
			return;
		found = m;
	}
	if (!found || t->size == 0 || size_of(types, found->type) != t->size ||
	    !is_bytes(types, found->type))
		return;
	tenant = tenant_of(types, t, t->size);
	if (tenant == TYPE_NONE && t->n_args == 0 && t->scope != TYPE_NONE)
		tenant = tenant_of(types, &types->types.at[t->scope], t->size);
	if (tenant != TYPE_NONE && &types->types.at[tenant] != t)
		found->type = tenant;
}

/* A type that says "nothing": no array of unknown length, no bare pointer. */
static bool is_nothing(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id == TYPE_NONE ||
	       (types->types.at[id].size == 0 &&
		types->types.at[id].kind != TYPE_ARRAY &&
		!(types->types.at[id].flags & TYPE_DECLARATION));
}

/* union { struct {} nothing; T value; }, where "nothing" has no size; or
 * union { T value; }, which only keeps T from being destroyed. */
static void lay_over_union(struct type_table *types, struct type *t)
{
	uint32_t found = UINT32_MAX;

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&types->members.at[t->first_member + i];

		if (is_nothing(types, m->type))
			continue;
		if (found != UINT32_MAX || m->offset != 0)
			return;
		found = t->first_member + i;
	}
	if (found == UINT32_MAX)
		return;
	t->kind = TYPE_STRUCT;
	t->first_member = found;
	t->n_members = 1;
}

void overlay_storage(struct type_table *types)
{
	for (size_t i = 0; i < types->types.len; i++) {
		struct type *t = &types->types.at[i];

		if (t->n_members == 0)
			continue;
		if (t->kind == TYPE_UNION)
			lay_over_union(types, t);
		else if (t->kind == TYPE_STRUCT || t->kind == TYPE_CLASS)
			lay_over_bytes(types, t);
	}
}
