/* SPDX-License-Identifier: MIT */
#include "analyze/type_prefix.h"

#include <stdlib.h>

/* Members of a header; in C one is enough. */
enum { MIN_MEMBERS = 2, MIN_MEMBERS_C = 1 };

/* The hash of a row of members, one more each time. */
static uint64_t mix_member(const struct type_table *types, uint64_t hash,
			   const struct member *m)
{
	const uint64_t parts[] = {
		hash, (uint64_t)m->name << 32 | types_strip(types, m->type),
		m->offset,
		(uint64_t)m->flags << 48 | (uint64_t)m->bit_size << 32 |
		m->bit_offset,
	};

	return hash_bytes(parts, sizeof(parts), 0);
}

static bool same_member(const struct type_table *types, const struct member *a,
			const struct member *b)
{
	return a->name == b->name &&
	       types_strip(types, a->type) == types_strip(types, b->type) &&
	       a->offset == b->offset && a->flags == b->flags &&
	       a->bit_size == b->bit_size && a->bit_offset == b->bit_offset;
}

static const struct member *members_of(const struct type_table *types,
				       uint32_t id)
{
	return vec_from(&types->members, types->types.at[id].first_member);
}

/* Elsewhere a struct of one pointer is a handle, and no base of others. */
static uint32_t least_members(const struct type *t)
{
	return types_language_is_c(t->language) ? MIN_MEMBERS_C : MIN_MEMBERS;
}

static bool is_plain_record(const struct type *t)
{
	return t->kind == TYPE_STRUCT && t->n_args == 0 &&
	       t->n_members >= least_members(t) &&
	       !(t->flags & (TYPE_DECLARATION | TYPE_POLYMORPHIC |
			     TYPE_VARIANT));
}

/* Something points at it, and it leads somewhere. */
static bool is_header(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	const struct member *m = members_of(types, id);
	bool leads = false;

	if (!is_plain_record(t) || t->popularity == 0)
		return false;
	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t type = types_strip(types, m[i].type);

		leads |= type != TYPE_NONE &&
			 types->types.at[type].kind == TYPE_POINTER;
		if (m[i].flags & MEMBER_BASE)
			return false;
	}
	return leads;
}

uint64_t type_prefix_hash(const struct type_table *types, uint32_t id,
			  uint32_t n)
{
	const struct member *m = members_of(types, id);
	uint64_t hash = 0;

	for (uint32_t i = 0; i < n; i++)
		hash = mix_member(types, hash, &m[i]);
	return hash;
}

bool type_prefix_same(const struct type_table *types, uint32_t one,
		      uint32_t other, uint32_t n)
{
	const struct member *a = members_of(types, one);
	const struct member *b = members_of(types, other);

	for (uint32_t i = 0; i < n; i++) {
		if (!same_member(types, &a[i], &b[i]))
			return false;
	}
	return true;
}

static bool note_header(const struct type_table *types, uint32_t id,
			struct map *headers)
{
	uint64_t *slot;

	if (!is_header(types, id))
		return true;
	slot = map_slot(headers, type_prefix_hash(types, id,
			types->types.at[id].n_members), NULL);
	if (slot && !*slot)
		*slot = (uint64_t)id + 1;
	return slot != NULL;
}

static bool begins_like(const struct type_table *types, uint32_t outer,
			uint32_t header)
{
	return type_prefix_same(types, outer, header,
				types->types.at[header].n_members);
}

static uint32_t longest_prefix(const struct type_table *types, uint32_t id,
			       const struct map *headers)
{
	const struct type *t = &types->types.at[id];
	const struct member *m = members_of(types, id);
	uint32_t found = TYPE_NONE;
	uint64_t hash = 0;

	if (!is_plain_record(t))
		return TYPE_NONE;
	for (uint32_t i = 0; i + 1 < t->n_members; i++) {
		uint64_t header;

		hash = mix_member(types, hash, &m[i]);
		if (i + 1 < least_members(t))
			continue;
		header = map_get(headers, hash, 0);
		/* Two rows of members may have one hash. */
		if (header && types->types.at[header - 1].n_members == i + 1 &&
		    begins_like(types, id, (uint32_t)header - 1))
			found = (uint32_t)header - 1;
	}
	return found;
}

bool type_prefixes(const struct type_table *types, uint32_t **ret,
		   struct err *err)
{
	struct map headers = {0};
	uint32_t n = (uint32_t)types->types.len;
	uint32_t *prefix = calloc((size_t)n + 1, sizeof(*prefix));
	bool ok = prefix != NULL;

	*ret = NULL;
	for (uint32_t i = 0; ok && i < n; i++)
		ok = note_header(types, i, &headers);
	for (uint32_t i = 0; ok && i < n; i++)
		prefix[i] = longest_prefix(types, i, &headers);
	map_free(&headers);
	if (!ok) {
		free(prefix);
		return err_nomem(err, "the table of types");
	}
	*ret = prefix;
	return true;
}

static bool is_header_of(const struct type_table *types, uint32_t outer,
			 uint32_t inner)
{
	return is_plain_record(&types->types.at[outer]) &&
	       is_header(types, inner) &&
	       types->types.at[inner].n_members <
	       types->types.at[outer].n_members &&
	       begins_like(types, outer, inner);
}

bool type_begins_with(const struct type_table *types, uint32_t outer,
		      uint32_t inner)
{
	for (int depth = 0; depth < 16; depth++) {
		const struct type *t;

		outer = types_strip(types, outer);
		if (outer == inner)
			return true;
		if (!types_is_record(types, outer))
			return false;
		t = &types->types.at[outer];
		if (t->n_members == 0 ||
		    types->members.at[t->first_member].offset != 0)
			return false;
		if (is_header_of(types, outer, inner))
			return true;
		outer = types->members.at[t->first_member].type;
	}
	return false;
}
