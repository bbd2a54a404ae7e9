/* SPDX-License-Identifier: MIT */
#include "formats/slot_fields.h"

enum { MAX_DEPTH = 32, WORD = 8 };

static const struct flow_end nothing = { .kind = FLOW_NONE };

void slot_fields_free(struct slot_fields *fields)
{
	map_free(&fields->seen);
	vec_free(&fields->answers);
}

static const struct type *type_at(const struct type_table *raw, uint32_t *id)
{
	*id = types_strip(raw, *id);
	return *id < raw->types.len ? &raw->types.at[*id] : NULL;
}

uint32_t slot_pointee(const struct type_table *raw, uint32_t id,
		      bool *is_pointer)
{
	const struct type *t = type_at(raw, &id);

	if (is_pointer)
		*is_pointer = t && t->kind == TYPE_POINTER;
	if (!t || t->kind != TYPE_POINTER)
		return TYPE_NONE;
	id = t->target;
	t = type_at(raw, &id);
	return t && t->kind != TYPE_VOID ? id : TYPE_NONE;
}

/* Bytes of a type whose arrays have none noted; 0 when that is too much. */
static uint64_t size_of(const struct type_table *raw, uint32_t id)
{
	uint64_t n = 1;

	for (int i = 0; i < MAX_DEPTH; i++) {
		const struct type *t = type_at(raw, &id);

		if (!t)
			return 0;
		if (t->kind != TYPE_ARRAY)
			return __builtin_mul_overflow(n, t->size, &n) ? 0 : n;
		if (t->flags & TYPE_NO_COUNT ||
		    __builtin_mul_overflow(n, t->count, &n))
			return 0;
		id = t->target;
	}
	return 0;
}

/* Where we are on the way down to a word. */
struct place {
	uint32_t id;		/* what is around the word */
	uint64_t offset;	/* of the word in it */
	uint32_t owner;		/* innermost struct */
	uint64_t at;		/* of the word in the owner */
};

/* The member of the record that covers the word; false when there is none. */
static bool enter_member(const struct type_table *raw, const struct type *t,
			 struct place *p)
{
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m = &raw->members.at[t->first_member + i];

		if (m->flags & (MEMBER_BITFIELD | MEMBER_VIRTUAL) ||
		    m->offset > p->offset)
			continue;
		if (p->offset - m->offset >= size_of(raw, m->type))
			continue;
		p->id = m->type;
		p->offset -= m->offset;
		return true;
	}
	return false;
}

/* All elements of an array are one field: that of the first. */
static bool enter_element(const struct type_table *raw, const struct type *t,
			  struct place *p)
{
	uint64_t stride = size_of(raw, t->target);

	if (stride == 0)
		return false;
	p->at -= p->offset - p->offset % stride;
	p->offset %= stride;
	p->id = t->target;
	return true;
}

/* Does a word say nothing of where it leads? */
static bool is_slot(const struct type_table *raw, const struct type *t)
{
	uint32_t to;

	switch (t->kind) {
	case TYPE_POINTER:
		to = t->target;
		t = type_at(raw, &to);
		return !t || t->kind == TYPE_VOID || t->kind == TYPE_CHAR;
	case TYPE_INT:
		return t->size == WORD;
	default:
		return false;
	}
}

/* Where a union may hold a word, what it is stands nowhere. */
static bool has_word(const struct type_table *raw, const struct type *t,
		     uint64_t offset)
{
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m = &raw->members.at[t->first_member + i];
		uint32_t id = m->type;
		const struct type *to = type_at(raw, &id);

		if (to && m->offset == offset &&
		    (to->kind == TYPE_POINTER ||
		     (to->kind == TYPE_INT && to->size == WORD)))
			return true;
	}
	return false;
}

static struct flow_end slot_of(const struct place *p)
{
	return (struct flow_end){ FLOW_FIELD, p->owner, p->at };
}

static struct flow_end answer_of(const struct type_table *raw,
				 const struct type *t, const struct place *p)
{
	uint32_t to;

	if (p->offset != 0)
		return nothing;
	if (p->owner != TYPE_NONE && is_slot(raw, t))
		return slot_of(p);
	to = slot_pointee(raw, p->id, NULL);
	if (to == TYPE_NONE || raw->types.at[to].kind == TYPE_FUNCTION)
		return nothing;
	return (struct flow_end){ FLOW_TYPE, to, 0 };
}

static struct flow_end find(const struct type_table *raw, uint32_t id,
			    uint64_t offset)
{
	struct place p = { id, offset, TYPE_NONE, offset };

	for (int depth = 0; depth < MAX_DEPTH; depth++) {
		const struct type *t = type_at(raw, &p.id);
		bool ok = false;

		if (!t)
			return nothing;
		switch (t->kind) {
		case TYPE_STRUCT:
		case TYPE_CLASS:
			p.owner = p.id;
			p.at = p.offset;
			ok = enter_member(raw, t, &p);
			break;
		case TYPE_UNION:
			if (p.owner != TYPE_NONE && has_word(raw, t, p.offset))
				return slot_of(&p);
			ok = enter_member(raw, t, &p);
			break;
		case TYPE_ARRAY:
			ok = enter_element(raw, t, &p);
			break;
		default:
			return answer_of(raw, t, &p);
		}
		if (!ok)
			return nothing;
	}
	return nothing;
}

struct flow_end slot_field(struct slot_fields *fields, uint32_t id,
			   uint64_t offset)
{
	struct flow_end answer;
	uint64_t *slot;

	if (offset >= UINT32_MAX)
		return nothing;
	slot = map_slot(&fields->seen, (uint64_t)id << 32 | offset, NULL);
	if (slot && *slot)
		return fields->answers.at[*slot - 1];
	answer = find(fields->raw, id, offset);
	if (!slot || !vec_push(&fields->answers, answer))
		fields->no_memory = true;
	else
		*slot = fields->answers.len;
	return answer;
}
