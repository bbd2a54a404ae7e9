/* SPDX-License-Identifier: MIT */
#include "analyze/type_contains.h"

#include <stdlib.h>

#include "analyze/type_prefix.h"

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

/* A header that repeats what it begins with stands between the two. */
static uint32_t inner_of(const struct type_table *types,
			 const uint32_t *prefix, uint32_t id)
{
	return prefix[id] != TYPE_NONE ? prefix[id] : beginning_of(types, id);
}

/* Sort into rows; outer types ascend as they come. */
static void fill_beginnings(const struct type_table *types,
			    const uint32_t *prefix, struct beginnings *b)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < b->n_types; i++) {
		uint32_t inner = inner_of(types, prefix, i);

		if (inner != TYPE_NONE)
			b->row[inner + 1]++;
	}
	for (size_t i = 0; i <= b->n_types; i++) {
		uint32_t degree = b->row[i];

		b->row[i] = total += degree;
	}
	/* row[i + 1] is where row i begins now, and moves on as it fills. */
	for (size_t i = b->n_types; i > 0; i--)
		b->row[i] = b->row[i - 1];
	b->row[0] = 0;
	for (uint32_t i = 0; i < b->n_types; i++) {
		uint32_t inner = inner_of(types, prefix, i);

		if (inner != TYPE_NONE)
			b->outer[b->row[inner + 1]++] = i;
	}
}

bool beginnings_build(const struct type_table *types, struct beginnings *ret,
		      struct err *err)
{
	size_t n = types->types.len;
	struct beginnings b = { .n_types = n };
	uint32_t *prefix;

	*ret = b;
	if (!type_prefixes(types, &prefix, err))
		return false;
	b.row = calloc(n + 2, sizeof(*b.row));
	b.outer = calloc(n + 1, sizeof(*b.outer));
	if (!b.row || !b.outer) {
		free(prefix);
		beginnings_free(&b);
		return err_nomem(err, "the table of types");
	}
	fill_beginnings(types, prefix, &b);
	free(prefix);
	*ret = b;
	return true;
}

void beginnings_free(struct beginnings *b)
{
	free(b->row);
	free(b->outer);
	*b = (struct beginnings){0};
}

/* --- holders --- */

enum { MAX_NESTED = 256, MAX_NEST_DEPTH = 8, MAX_ELEMENTS = 16 };

/* A record inside another one, still to be looked into. */
struct nested {
	uint32_t type;
	unsigned depth;
	uint64_t offset;
};

struct nesting {
	const struct type_table *types;
	struct nested todo[MAX_NESTED];
	size_t n;
	VEC(uint32_t) inner;	/* parallel to found */
	VEC(struct holder) found;
};

/* What @m, a member @base bytes into the outermost record, brings. */
static void note_member(struct nesting *s, const struct member *m,
			uint64_t base, unsigned depth)
{
	uint32_t id = types_strip(s->types, m->type);
	uint64_t n = 1, stride = 0;

	if (id == TYPE_NONE ||
	    m->flags & (MEMBER_VIRTUAL | MEMBER_VARIANT | MEMBER_BITFIELD))
		return;
	if (s->types->types.at[id].kind == TYPE_ARRAY) {
		n = s->types->types.at[id].count;
		id = types_strip(s->types, s->types->types.at[id].target);
		if (id == TYPE_NONE || n > MAX_ELEMENTS)
			return;
		stride = s->types->types.at[id].size;
	}
	if (!types_is_record(s->types, id) || depth > MAX_NEST_DEPTH)
		return;
	for (uint64_t i = 0; i < n && s->n < MAX_NESTED; i++)
		s->todo[s->n++] = (struct nested){
			id, depth, base + m->offset + i * stride,
		};
}

static void open_record(struct nesting *s, const struct nested *at)
{
	const struct type *t = &s->types->types.at[at->type];

	for (uint32_t i = 0; i < t->n_members; i++)
		note_member(s, &s->types->members.at[t->first_member + i],
			    at->offset, at->depth + 1);
}

static bool nest(struct nesting *s, uint32_t outer)
{
	const struct nested self = { outer, 0, 0 };

	s->n = 0;
	open_record(s, &self);
	for (size_t i = 0; i < s->n; i++) {
		struct nested at = s->todo[i];
		struct holder holder = { outer, at.offset };

		if (at.offset > 0 && (!vec_push(&s->inner, at.type) ||
				      !vec_push(&s->found, holder)))
			return false;
		open_record(s, &at);
	}
	return true;
}

/* Sort what was found into rows; outer types ascend as they came. */
static bool fill_rows(const struct nesting *s, struct holders *h)
{
	uint64_t total = 0;

	h->row = calloc(h->n_types + 2, sizeof(*h->row));
	h->at = calloc(s->found.len + 1, sizeof(*h->at));
	if (!h->row || !h->at)
		return false;
	for (size_t i = 0; i < s->inner.len; i++)
		h->row[s->inner.at[i] + 1]++;
	for (size_t i = 0; i <= h->n_types; i++) {
		uint64_t degree = h->row[i];

		h->row[i] = total;
		total += degree;
	}
	/* Now row[i + 1] is where row i begins, and moves on as it fills. */
	for (size_t i = 0; i < s->found.len; i++)
		h->at[h->row[s->inner.at[i] + 1]++] = s->found.at[i];
	return true;
}

bool holders_build(const struct type_table *types, struct holders *ret,
		   struct err *err)
{
	struct holders h = { .n_types = types->types.len };
	struct nesting *s = calloc(1, sizeof(*s));
	bool ok = s != NULL;

	*ret = h;
	if (s)
		s->types = types;
	for (uint32_t i = 0; ok && i < h.n_types; i++) {
		uint8_t kind = types->types.at[i].kind;

		if (kind == TYPE_STRUCT || kind == TYPE_CLASS)
			ok = nest(s, i);
	}
	ok = ok && fill_rows(s, &h);
	if (s) {
		vec_free(&s->inner);
		vec_free(&s->found);
	}
	free(s);
	if (!ok) {
		holders_free(&h);
		return err_nomem(err, "the table of types");
	}
	*ret = h;
	return true;
}

void holders_free(struct holders *h)
{
	free(h->row);
	free(h->at);
	*h = (struct holders){0};
}
