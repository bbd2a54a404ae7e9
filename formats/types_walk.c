/* SPDX-License-Identifier: MIT */
/* Flattening a type to its scalars, without recursion. */
#include "formats/types.h"

enum { MAX_DEPTH = 64 };

/* A record or an array on the way down. */
struct level {
	uint32_t type;		/* the record, or the array's element */
	bool is_array;
	bool in_union;
	uint16_t flags;
	uint64_t base;		/* offset of its first byte */
	uint64_t next, n;	/* member index, or element */
	uint64_t stride;
	uint32_t member, owner;	/* for leaves of an array */
};

struct walk {
	const struct type_table *table;
	struct level levels[MAX_DEPTH];
	struct leaf_step chain[MAX_DEPTH];	/* [depth] the same for visitors */
	unsigned depth;
	uint64_t leaves_left, steps_left;
	bool (*visit)(void *ctx, const struct leaf *leaf);
	void *ctx;
};

static bool emit(struct walk *w, const struct leaf *place)
{
	struct leaf leaf = *place;

	if (w->leaves_left == 0)
		return false;
	w->leaves_left--;
	leaf.chain = w->chain;
	leaf.n_chain = w->depth;
	return w->visit(w->ctx, &leaf);
}

static void push_array(struct walk *w, const struct type *t,
		       const struct leaf *place)
{
	struct level *l = &w->levels[w->depth];
	uint32_t element = types_strip(w->table, t->target);

	if (element == TYPE_NONE || (t->flags & TYPE_NO_COUNT))
		return;
	*l = (struct level){
		.type = element, .is_array = true, .base = place->offset,
		.in_union = place->in_union, .flags = place->flags,
		.member = place->member, .owner = place->owner,
		.n = t->count, .stride = w->table->types.at[element].size,
	};
	w->chain[w->depth++] = (struct leaf_step){
		.record = TYPE_NONE, .base = place->offset,
	};
}

/*
 * Enter what stands at @place: a scalar is a leaf, a record or an array opens
 * a level. False ends the walk.
 */
static bool enter(struct walk *w, const struct leaf *place)
{
	const struct type *t;

	if (place->type == TYPE_NONE)
		return true;
	t = &w->table->types.at[place->type];
	if (types_is_record(w->table, place->type) && t->n_members > 0) {
		if (w->depth == MAX_DEPTH)
			return true;
		w->chain[w->depth] = (struct leaf_step){
			.record = place->type, .base = place->offset,
		};
		w->levels[w->depth++] = (struct level){
			.type = place->type, .base = place->offset,
			.n = t->n_members, .flags = place->flags,
			.in_union = place->in_union || t->kind == TYPE_UNION,
		};
		return true;
	}
	if (t->kind == TYPE_ARRAY) {
		if (w->depth < MAX_DEPTH)
			push_array(w, t, place);
		return true;
	}
	return emit(w, place);
}

static bool next_element(struct walk *w, struct level *l)
{
	struct leaf place = {
		.offset = l->base + l->next++ * l->stride, .type = l->type,
		.member = l->member, .owner = l->owner, .flags = l->flags,
		.in_union = l->in_union,
	};

	return enter(w, &place);
}

static bool next_member(struct walk *w, struct level *l)
{
	uint32_t i = w->table->types.at[l->type].first_member +
		     (uint32_t)l->next++;
	const struct member *m = &w->table->members.at[i];
	struct leaf place = {
		.offset = l->base + m->offset,
		.type = types_strip(w->table, m->type), .member = i,
		.owner = l->type, .flags = l->flags | m->flags,
		.in_union = l->in_union,
	};

	w->chain[w->depth - 1].member = i;
	/* Only the object itself knows where a virtual base is. */
	if (m->flags & MEMBER_VIRTUAL) {
		place.type = TYPE_NONE;
		return emit(w, &place);
	}
	return enter(w, &place);
}

void types_leaves(const struct type_table *table, uint32_t id, uint64_t limit,
		  bool (*visit)(void *ctx, const struct leaf *leaf), void *ctx)
{
	struct walk w = {
		.table = table, .visit = visit, .ctx = ctx,
		.leaves_left = limit,
		.steps_left = limit < UINT64_MAX / 64 - 64 ?
			(limit + 64) * 64 : UINT64_MAX,
	};
	struct leaf root = {
		.type = types_strip(table, id), .member = UINT32_MAX,
		.owner = TYPE_NONE,
	};

	if (!enter(&w, &root))
		return;
	while (w.depth > 0 && w.steps_left-- > 0) {
		struct level *l = &w.levels[w.depth - 1];

		if (l->next == l->n)
			w.depth--;
		else if (!(l->is_array ? next_element(&w, l)
				       : next_member(&w, l)))
			return;
	}
}
