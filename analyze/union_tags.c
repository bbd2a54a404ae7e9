/* SPDX-License-Identifier: MIT */
#include "analyze/union_tags.h"

enum { MOST_LEAVES = 256, MOST_BITS = 32 };

struct collect {
	const struct type_table *types;
	struct union_tags *ret;
	uint64_t at;
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

/* Sorted in: of those that are equally far, the first one. */
static void note(struct collect *c, struct union_tag tag)
{
	struct union_tags *all = c->ret;
	unsigned i = all->n;

	while (i > 0 && distance(all->at[i - 1].offset, c->at) >
			distance(tag.offset, c->at))
		i--;
	if (i == UNION_TAGS)
		return;
	if (all->n < UNION_TAGS)
		all->n++;
	for (unsigned k = all->n - 1; k > i; k--)
		all->at[k] = all->at[k - 1];
	all->at[i] = tag;
}

static bool is_number(const struct type *t)
{
	return t->kind == TYPE_ENUM || t->kind == TYPE_INT ||
	       t->kind == TYPE_CHAR || t->kind == TYPE_BOOL;
}

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct collect *c = ctx;
	const struct type *t;
	const struct member *m;
	struct union_tag tag = { .bytes = 1 };
	unsigned end;

	if (leaf->in_union || leaf->type == TYPE_NONE ||
	    leaf->member == UINT32_MAX || leaf->offset > UINT32_MAX ||
	    leaf->flags & (MEMBER_VIRTUAL | MEMBER_VPTR))
		return true;
	t = &c->types->types.at[leaf->type];
	m = &c->types->members.at[leaf->member];
	if (!is_number(t))
		return true;
	if (m->flags & MEMBER_BITFIELD) {
		tag.shift = (uint8_t)(m->bit_offset % 8);
		tag.bits = m->bit_size < 64 ? (uint8_t)m->bit_size : 64;
		tag.offset = (uint32_t)leaf->offset + m->bit_offset / 8;
	} else {
		tag.bits = t->size <= 8 ? (uint8_t)(t->size * 8) : 0;
		tag.offset = (uint32_t)leaf->offset;
	}
	end = (unsigned)tag.shift + tag.bits;
	if (tag.bits == 0 || tag.bits > MOST_BITS)
		return true;
	while (tag.bytes * 8 < end)
		tag.bytes *= 2;
	note(c, tag);
	return true;
}

void union_tags_of(const struct type_table *types, uint32_t record, uint64_t at,
		   struct union_tags *ret)
{
	struct collect c = { .types = types, .ret = ret, .at = at };

	ret->n = 0;
	types_leaves(types, record, MOST_LEAVES, visit, &c);
}

uint32_t union_record_of(const struct type_table *types,
			 const struct leaf *leaf, uint64_t *base)
{
	bool inside = false;

	for (unsigned i = leaf->n_chain; i-- > 0;) {
		uint32_t record = leaf->chain[i].record;

		if (record == TYPE_NONE)
			continue;
		if (types->types.at[record].kind == TYPE_UNION) {
			inside = true;
		} else if (inside) {
			*base = leaf->chain[i].base;
			return record;
		}
	}
	return TYPE_NONE;
}
