/* SPDX-License-Identifier: MIT */
#include "analyze/pointer_fields.h"

#include <stdlib.h>

/* Each byte of a buffer inside a struct is a leaf, too. */
enum { MAX_LEAVES = 1 << 18 };

struct collect {
	const struct type_table *types;
	VEC(struct pointer_field) fields;
	bool failed;
};

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct collect *c = ctx;
	const struct type *t;
	struct pointer_field field = { .offset = leaf->offset };

	if (leaf->type == TYPE_NONE || leaf->in_union || leaf->offset % 8 ||
	    leaf->flags & (MEMBER_VIRTUAL | MEMBER_VARIANT | MEMBER_VPTR))
		return true;
	t = &c->types->types.at[leaf->type];
	if (t->kind != TYPE_POINTER && t->kind != TYPE_REFERENCE)
		return true;
	field.target = types_strip(c->types, t->target);
	if (field.target == TYPE_NONE)
		return true;
	if (!vec_push(&c->fields, field))
		c->failed = true;
	return !c->failed;
}

const struct pointer_fields *pointer_fields_of(struct pointer_cache *cache,
					       uint32_t type)
{
	uint64_t *slot = map_slot(&cache->by_type, type, NULL);
	struct collect c = { .types = cache->types };
	struct pointer_fields *fields;
	struct pointer_field *at = NULL;

	if (!slot)
		return NULL;
	if (*slot)
		return (const struct pointer_fields *)(uintptr_t)*slot;
	types_leaves(cache->types, type, MAX_LEAVES, visit, &c);
	fields = arena_alloc(&cache->arena, sizeof(*fields));
	if (c.fields.len > 0)
		at = arena_alloc(&cache->arena, c.fields.len * sizeof(*at));
	if (c.failed || !fields || (c.fields.len > 0 && !at)) {
		vec_free(&c.fields);
		return NULL;
	}
	if (at)
		memcpy(at, c.fields.at, c.fields.len * sizeof(*at));
	*fields = (struct pointer_fields){
		.stride = cache->types->types.at[type].size,
		.n = c.fields.len, .at = at,
	};
	*slot = (uintptr_t)fields;
	vec_free(&c.fields);
	return fields;
}

void pointer_cache_free(struct pointer_cache *cache)
{
	map_free(&cache->by_type);
	arena_free(&cache->arena);
}

/* The record that @id begins with: its first base or member at offset 0. */
static uint32_t beginning_of(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	const struct member *m;
	uint32_t inner;

	if ((t->kind != TYPE_STRUCT && t->kind != TYPE_CLASS) ||
	    t->n_members == 0)
		return TYPE_NONE;
	m = &types->members.at[t->first_member];
	if (m->offset != 0 || m->flags & (MEMBER_VIRTUAL | MEMBER_VARIANT))
		return TYPE_NONE;
	inner = types_strip(types, m->type);
	return inner != id && types_is_record(types, inner) ? inner : TYPE_NONE;
}

bool beginnings_build(const struct type_table *types, struct beginnings *ret,
		      struct err *err)
{
	size_t n = types->types.len;
	struct beginnings b = { .n_types = n };
	uint32_t total = 0;

	*ret = b;
	b.row = calloc(n + 2, sizeof(*b.row));
	b.outer = calloc(n + 1, sizeof(*b.outer));
	if (!b.row || !b.outer) {
		beginnings_free(&b);
		return err_nomem(err, "the table of types");
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t inner = beginning_of(types, i);

		if (inner != TYPE_NONE)
			b.row[inner + 1]++;
	}
	for (size_t i = 0; i <= n; i++) {
		uint32_t degree = b.row[i];

		b.row[i] = total += degree;
	}
	/* row[i + 1] is where row i begins now, and moves on as it fills. */
	for (size_t i = n; i > 0; i--)
		b.row[i] = b.row[i - 1];
	b.row[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t inner = beginning_of(types, i);

		if (inner != TYPE_NONE)
			b.outer[b.row[inner + 1]++] = i;
	}
	*ret = b;
	return true;
}

void beginnings_free(struct beginnings *b)
{
	free(b->row);
	free(b->outer);
	*b = (struct beginnings){0};
}
