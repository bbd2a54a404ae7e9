/* SPDX-License-Identifier: MIT */
#include "analyze/variants.h"

#include <string.h>

enum { MAX_COUNTED = 256 };	/* elements of an array beside its length */

static const struct member *member_at(const struct type_table *types,
				      uint32_t i)
{
	return &types->members.at[i];
}

static bool is_union(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && types->types.at[id].kind == TYPE_UNION;
}

static bool add(struct conditions *c, const struct condition *one)
{
	if (c->n == MAX_CONDITIONS)
		return false;
	c->at[c->n++] = *one;
	return true;
}

/* Fill size and offset from @m, an integer or enum. */
static bool read_from(const struct type_table *types, const struct member *m,
		      uint64_t base, struct condition *ret)
{
	uint32_t id = types_strip(types, m->type);
	const struct type *t = id == TYPE_NONE ? NULL : &types->types.at[id];

	if (!t || (t->size != 1 && t->size != 2 && t->size != 4 &&
		   t->size != 8) || m->flags & MEMBER_BITFIELD)
		return false;
	ret->offset = base + m->offset;
	ret->size = (uint8_t)t->size;
	return true;
}

/* A variant of a Rust enum: the record has one member as discriminant. */
static bool rust_condition(const struct type_table *types,
			   const struct leaf_step *step,
			   struct conditions *ret)
{
	const struct type *t = &types->types.at[step->record];
	const struct member *variant = member_at(types, step->member);
	struct condition c = { .record = step->record };
	bool found = false;

	for (uint32_t i = 0; i < t->n_members && !found; i++) {
		const struct member *m =
			member_at(types, t->first_member + i);

		found = m->flags & MEMBER_DISCRIMINANT &&
			read_from(types, m, step->base, &c);
	}
	if (variant->bit_offset == VARIANT_OTHERWISE)
		c.test = CONDITION_OTHERWISE;
	/* An enum with one inhabited variant needs no discriminant. */
	if (!found)
		return c.test == CONDITION_OTHERWISE;
	if (c.test == CONDITION_IS) {
		if (variant->bit_offset >= t->n_args)
			return false;
		c.value = types->args.at[t->first_arg +
					 variant->bit_offset].value;
	}
	return add(ret, &c);
}

static bool is_flag(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && types->types.at[id].kind == TYPE_BOOL;
}

static bool is_integer(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && (types->types.at[id].kind == TYPE_INT ||
				   types->types.at[id].kind == TYPE_CHAR);
}

/* Beside the union stands just one other member: what kind is it? */
static const struct member *companion(const struct type_table *types,
				      const struct leaf_step *step)
{
	const struct type *t = &types->types.at[step->record];
	const struct member *found = NULL;

	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t at = t->first_member + i;

		if (at == step->member || types->members.at[at].flags &
		    MEMBER_BASE)
			continue;
		if (found)
			return NULL;
		found = member_at(types, at);
	}
	return found;
}

/* A variant's union has a member for the rest of the alternatives. */
static bool has_rest(const struct type_table *types, uint32_t id)
{
	const struct type *t = &types->types.at[id];
	bool found = false;

	for (uint32_t i = 0; i < t->n_members && !found; i++)
		found = is_union(types, member_at(types, t->first_member +
						  i)->type);
	return found;
}

/* Members of the union at @step that are more than a placeholder. */
static unsigned alternatives(const struct type_table *types,
			     const struct leaf_step *step)
{
	const struct type *t = &types->types.at[step->record];
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n_members; i++) {
		uint32_t id = types_strip(types, member_at(types,
					  t->first_member + i)->type);

		n += id != TYPE_NONE && types->types.at[id].size > 1;
	}
	return n;
}

/* A record without members. */
static bool is_placeholder(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && types_is_record(types, id) &&
	       types->types.at[id].n_members == 0 &&
	       types->types.at[id].size <= 1;
}

/* libc++ has a char for a union to be made with; beside what is larger. */
static bool enters_a_char(const struct type_table *types,
			  const struct leaf_step *step)
{
	uint32_t id = types_strip(types, member_at(types, step->member)->type);

	return id != TYPE_NONE && types->types.at[id].kind == TYPE_CHAR &&
	       alternatives(types, step) > 0;
}

/* union { T value; Empty nothing; } puts off when T is made: if nobody says
 * whether it was, then who has the union knows. */
static bool only_puts_off(const struct type_table *types,
			  const struct leaf_step *step)
{
	const struct type *t = &types->types.at[step->record];
	unsigned empty = 0;

	for (uint32_t i = 0; i < t->n_members; i++)
		empty += is_placeholder(types, member_at(types,
					t->first_member + i)->type);
	return empty > 0 && empty + 1 == t->n_members;
}

/*
 * A union with a companion. {T or nothing, bool} is an optional. {union of
 * the first or the rest, integer} is a variant: the rest is a union again,
 * and as many of them as are passed is the index. *@i is left at the last
 * union that belongs to it.
 */
static bool union_condition(const struct type_table *types,
			    const struct leaf *leaf, unsigned *i,
			    struct conditions *ret)
{
	const struct leaf_step *owner = *i > 0 ? &leaf->chain[*i - 1] : NULL;
	const struct member *beside;
	struct condition c = {0};

	if (!owner || owner->record == TYPE_NONE)
		return false;
	beside = companion(types, owner);
	if (!beside || !read_from(types, beside, owner->base, &c))
		return false;
	c.record = owner->record;
	if (is_flag(types, beside->type) &&
	    alternatives(types, &leaf->chain[*i]) <= 1) {
		c.value = !enters_a_char(types, &leaf->chain[*i]);
		return add(ret, &c);
	}
	if (!is_integer(types, beside->type) ||
	    !has_rest(types, leaf->chain[*i].record) ||
	    !strstr(types_text(types, beside->name), "index"))
		return false;
	while (*i + 1 < leaf->n_chain &&
	       is_union(types, leaf->chain[*i + 1].record)) {
		++*i;
		c.value++;
	}
	if (enters_a_char(types, &leaf->chain[*i]))
		c.value = UINT64_MAX;
	return add(ret, &c);
}

/* More than @value at member @number, an integer, of the record at @base. */
static bool add_above(const struct type_table *types, const struct member *number,
		      uint64_t base, uint64_t value, struct conditions *ret)
{
	struct condition c = { .test = CONDITION_ABOVE, .value = value };

	return !number || !read_from(types, number, base, &c) || add(ret, &c);
}

/*
 * [MaybeUninit<T>; N] beside `len`: those from len on are dead. The edges of
 * an InternalNode are one more than the `len` in its `data` says.
 */
static bool array_condition(const struct type_table *types,
			    const struct leaf *leaf, unsigned i,
			    struct conditions *ret)
{
	const struct leaf_step *step = &leaf->chain[i], *array = step + 1;
	const struct member *m = member_at(types, step->member), *len, *data;
	uint32_t element = types_strip(types, m->type), inner;
	uint64_t at, base = step->base;

	if (i + 1 >= leaf->n_chain || array->record != TYPE_NONE ||
	    element == TYPE_NONE ||
	    types->types.at[element].count > MAX_COUNTED)
		return true;
	element = types_strip(types, types->types.at[element].target);
	if (element == TYPE_NONE || types->types.at[element].size == 0 ||
	    !types_name_begins(types, element,
			       "core::mem::maybe_uninit::MaybeUninit<"))
		return true;
	at = (leaf->offset - array->base) / types->types.at[element].size;
	len = types_member_called(types, step->record, "len");
	data = types_member_called(types, step->record, "data");
	if (len || !data ||
	    !types_name_begins(types, step->record,
			       "alloc::collections::btree::node::"))
		return add_above(types, len, base, at, ret);
	inner = types_strip(types, data->type);
	if (at == 0 || inner == TYPE_NONE)
		return true;
	return add_above(types, types_member_called(types, inner, "len"),
			 base + data->offset, at - 1, ret);
}

/* What an Rc or Arc counts is dropped when nobody owns it. */
static bool counted_condition(const struct type_table *types,
			      const struct leaf_step *step,
			      struct conditions *ret)
{
	struct condition c = { .test = CONDITION_ABOVE, .size = 8 };
	const struct member *strong;

	if (!types_name_begins(types, step->record, "alloc::rc::Rc") &&
	    !types_name_begins(types, step->record, "alloc::sync::ArcInner<"))
		return true;
	strong = types_member_called(types, step->record, "strong");
	if (!strong || member_at(types, step->member) == strong)
		return true;
	c.offset = step->base + strong->offset;
	return add(ret, &c);
}

bool conditions_of(const struct type_table *types, const struct leaf *leaf,
		   struct conditions *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < leaf->n_chain; i++) {
		const struct leaf_step *step = &leaf->chain[i];

		if (step->record == TYPE_NONE)
			continue;
		if (is_union(types, step->record)) {
			if (!union_condition(types, leaf, &i, ret) &&
			    !only_puts_off(types, step))
				return false;
		} else if (member_at(types, step->member)->flags &
			   MEMBER_VARIANT) {
			if (!rust_condition(types, step, ret))
				return false;
		} else if (!counted_condition(types, step, ret) ||
			   !array_condition(types, leaf, i, ret)) {
			return false;
		}
	}
	return true;
}

bool condition_of_alternative(const struct type_table *types,
			      const struct leaf_step *chain, unsigned n,
			      struct conditions *ret)
{
	const struct leaf leaf = { .chain = chain, .n_chain = n };
	const struct leaf_step *last = &chain[n - 1];
	unsigned i = n - 1;

	ret->n = 0;
	if (!is_union(types, last->record))
		return rust_condition(types, last, ret);
	while (i > 0 && is_union(types, chain[i - 1].record))
		i--;
	if (!union_condition(types, &leaf, &i, ret))
		return only_puts_off(types, last);
	/* The rest of a variant has any of the alternatives from here on. */
	if (is_union(types, member_at(types, last->member)->type))
		ret->at[0].test = CONDITION_ABOVE;
	return true;
}

bool condition_holds(const struct type_table *types,
		     const struct condition *c, uint64_t value)
{
	const struct type *t = &types->types.at[c->record];

	if (c->test == CONDITION_IS)
		return value == c->value;
	if (c->test == CONDITION_ABOVE)
		return value > c->value;
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			member_at(types, t->first_member + i);

		if (m->flags & MEMBER_VARIANT && m->bit_offset < t->n_args &&
		    types->args.at[t->first_arg + m->bit_offset].value == value)
			return false;
	}
	return true;
}
