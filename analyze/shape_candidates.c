/* SPDX-License-Identifier: MIT */
#include "analyze/shape_candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/shapes.h"
#include "base/sorted.h"

enum { EMBEDDED = 20 };	/* what parts of others are behind */

static int by_size_then_id(const void *a, const void *b)
{
	const struct shape_candidate *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/* What others are derived from is rarely allocated alone, and what others
 * have as a member not so often. */
static bool find_parts(const struct type_table *types, uint64_t **bases,
		       uint64_t **members)
{
	size_t words = types->types.len / 64 + 1;

	*bases = calloc(words, sizeof(**bases));
	*members = calloc(words, sizeof(**members));
	if (!*bases || !*members)
		return false;
	for (uint32_t i = 0; i < types->members.len; i++) {
		const struct member *m = &types->members.at[i];
		uint32_t id = types_strip(types, m->type);
		uint64_t *set = m->flags & MEMBER_BASE ? *bases : *members;

		if (id != TYPE_NONE)
			set[id / 64] |= UINT64_C(1) << id % 64;
	}
	return true;
}

static bool has_bit(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

static bool is_open(const struct type_table *types, uint32_t type)
{
	const struct type *tail = types_tail(types, type);

	return tail && (tail->flags & TYPE_NO_COUNT || tail->count <= 1);
}

/* The one record that fills record @id, or TYPE_NONE. */
static uint32_t content_of(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&types->members.at[t->first_member + i];
		uint32_t inner = types_strip(types, m->type);

		if (m->offset == 0 && inner != TYPE_NONE && inner != id &&
		    types_is_record(types, inner) &&
		    types->types.at[inner].size == t->size)
			return inner;
	}
	return TYPE_NONE;
}

/* Nothing but bytes, as many as an @arg has. */
static bool is_room(const struct type_table *types, uint32_t id, uint32_t arg)
{
	const struct type *t = &types->types.at[id];

	if (arg == TYPE_NONE || types->types.at[arg].size != t->size ||
	    !types_is_record(types, arg))
		return false;
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&types->members.at[t->first_member + i];
		uint32_t inner = types_strip(types, m->type);
		const struct type *in = inner == TYPE_NONE ? NULL :
					&types->types.at[inner];

		if (in && m->offset == 0 && in->size == t->size &&
		    (in->kind == TYPE_UNION || (in->kind == TYPE_ARRAY &&
						in->count == t->size)))
			return true;
	}
	return false;
}

/*
 * An instance of a template that begins with one of its arguments and has no
 * pointer to its own kind, as nodes have: std::pair<K, V>, a value. What only
 * looks tell about is rather what it begins with.
 */
static bool is_pair(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	const struct member *all = &types->members.at[t->first_member];
	uint32_t first = TYPE_NONE;
	bool about = false;

	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t inner = types_strip(types, all[i].type);

		if (inner == TYPE_NONE || all[i].flags & MEMBER_BASE)
			continue;
		if (all[i].offset == 0 && first == TYPE_NONE)
			first = inner;
		if (types->types.at[inner].kind == TYPE_POINTER &&
		    types_strip(types, types->types.at[inner].target) == id)
			return false;
	}
	for (uint32_t i = 0; i < t->n_args; i++) {
		const struct template_arg *a = &types->args.at[t->first_arg + i];

		about |= !a->is_value && first != TYPE_NONE &&
			 types_strip(types, a->type) == first;
	}
	return about;
}

/* An instance of a template about what fills it: room for one of those, that
 * nobody allocates alone; or what such room fills. Or room for one with a
 * vtable, which says itself that it is there. */
static bool is_storage(const struct type_table *types, uint32_t id)
{
	enum { MAX_DEPTH = 8 };

	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		const struct type *t = &types->types.at[id];
		const struct template_arg *first =
			&types->args.at[t->first_arg];

		if (t->n_args > 0 && !first->is_value &&
		    is_room(types, id, types_strip(types, first->type)))
			return true;
		id = content_of(types, id);
		if (id == TYPE_NONE)
			return false;
		if (types->types.at[id].flags & TYPE_POLYMORPHIC)
			return true;
		if (t->n_args > 0 && !first->is_value &&
		    types_strip(types, first->type) == id)
			return true;
	}
	return false;
}

/* A member of others; or nothing but one of those, and as rarely alone. */
static bool is_embedded(const struct type_table *types, const uint64_t *members,
			uint32_t id)
{
	uint32_t inner = content_of(types, id);

	return has_bit(members, id) ||
	       (inner != TYPE_NONE && has_bit(members, inner));
}

bool shape_candidates_build(const struct type_table *types,
			    struct shape_candidates *ret)
{
	uint64_t *bases = NULL, *members = NULL;
	bool ok = find_parts(types, &bases, &members);

	*ret = (struct shape_candidates){ .letter = TYPE_NONE };
	for (uint32_t i = 0; ok && i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];
		struct shape_candidate one = {
			t->size, i, is_embedded(types, members, i),
		};

		if (t->kind == TYPE_CHAR && t->size == 1 &&
		    strcmp(types_text(types, t->name), "char") == 0)
			ret->letter = i;
		if (!shape_is_record(types, t) || has_bit(bases, i) ||
		    is_storage(types, i) || is_pair(types, i))
			continue;
		ok = (t->size < 8 || vec_push(&ret->records, one)) &&
		     (!is_open(types, i) || vec_push(&ret->open, one));
	}
	free(bases);
	free(members);
	if (ret->records.len > 0)
		qsort(ret->records.at, ret->records.len,
		      sizeof(*ret->records.at), by_size_then_id);
	return ok;
}

void shape_candidates_free(struct shape_candidates *candidates)
{
	vec_free(&candidates->records);
	vec_free(&candidates->open);
}

int shape_candidate_prior(const struct type_table *types,
			  const struct shape_candidate *one)
{
	/* A quarter of ln(1 + uses), of a promise. */
	return (int)(2.5 * log1p(types->types.at[one->type].popularity)) -
	       (one->embedded ? EMBEDDED : 0);
}

size_t shape_candidates_from(const struct shape_candidates *candidates,
			     uint64_t size)
{
	size_t i;

	sorted_skip(i, 0, candidates->records.len,
		    candidates->records.at[i].size < size);
	return i;
}
