/* SPDX-License-Identifier: MIT */
#include "analyze/declared.h"

#include <string.h>

/* Bytes: nobody has an array of a fixed length that is as long. */
#define ENDLESS (UINT64_C(1) << 30)

/* What does not change while types are added. */
struct places {
	uint32_t byte;		/* the type unsigned char */
	uint32_t n_types;	/* when we began */
};

static bool is_unknown(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && types_is_record(types, id) &&
	       (types->types.at[id].flags & TYPE_DECLARATION) &&
	       types->types.at[id].size == 0;
}

/* Bytes from member @i of @t to whatever follows it; none when another one
 * stands at the same place: it is an empty base. */
static uint64_t room_of(const struct type_table *types, const struct type *t,
			uint32_t i)
{
	uint64_t from = types->members.at[t->first_member + i].offset;
	uint64_t to = t->size;

	for (uint32_t k = 0; k < t->n_members; k++) {
		const struct member *m =
			&types->members.at[t->first_member + k];

		if (m->flags & MEMBER_VIRTUAL || k == i)
			continue;
		if (m->offset == from && t->kind != TYPE_UNION)
			return 0;
		if (m->offset > from && m->offset < to)
			to = m->offset;
	}
	return to > from ? to - from : 0;
}

static uint32_t add_bytes(struct type_table *types, const struct places *p,
			  uint64_t n)
{
	const struct type array = {
		.kind = TYPE_ARRAY, .flags = TYPE_RUNTIME, .size = n,
		.count = n, .target = p->byte, .scope = TYPE_NONE,
		.module = UINT32_MAX,
	};

	return types_add(types, &array, NULL, NULL);
}

/*
 * std::basic_string<C>::_Alloc_hider: a C * behind an empty base. The layout
 * is part of the ABI of libstdc++ (basic_string.h).
 */
static uint32_t add_string_pointer(struct type_table *types,
				   const struct type *string)
{
	struct type t = {
		.kind = TYPE_STRUCT, .flags = TYPE_RUNTIME, .size = 8,
		.target = TYPE_NONE, .scope = TYPE_NONE, .module = UINT32_MAX,
	};
	struct member m = {0};
	uint32_t letter = types->args.at[string->first_arg].type;

	t.name = types_string(types, "std::string::_Alloc_hider");
	m.name = types_string(types, "_M_p");
	m.type = types_pointer_to(types, letter);
	t.n_members = 1;
	if (!t.name || !m.name || m.type == TYPE_NONE)
		return TYPE_NONE;
	return types_add(types, &t, &m, NULL);
}

static bool is_string(const struct type_table *types, const struct type *t)
{
	static const char name[] = "std::__cxx11::basic_string<";

	return t->n_args > 0 && !types->args.at[t->first_arg].is_value &&
	       strncmp(types_text(types, t->name), name,
		       sizeof(name) - 1) == 0;
}

static bool complete_member(struct type_table *types, const struct places *p,
			    uint32_t id, uint32_t i)
{
	struct type t = types->types.at[id];
	uint64_t room = room_of(types, &t, i);
	uint32_t at = t.first_member + i, type;

	if (room == 0)
		return true;
	if (i == 0 && room == 8 && is_string(types, &t))
		type = add_string_pointer(types, &t);
	else
		type = add_bytes(types, p, room);
	if (type == TYPE_NONE)
		return false;
	types->members.at[at].type = type;
	return true;
}

static bool complete(struct type_table *types, struct places *p)
{
	const struct type byte = {
		.kind = TYPE_CHAR, .flags = TYPE_UNSIGNED, .size = 1,
		.name = types_string(types, "unsigned char"),
		.target = TYPE_NONE, .scope = TYPE_NONE, .module = UINT32_MAX,
	};

	for (uint32_t i = 0; i < p->n_types; i++) {
		for (uint32_t k = 0; k < types->types.at[i].n_members; k++) {
			const struct type *t = &types->types.at[i];
			const struct member *m =
				&types->members.at[t->first_member + k];

			if (m->flags & (MEMBER_VIRTUAL | MEMBER_BITFIELD) ||
			    !is_unknown(types, m->type))
				continue;
			if (p->byte == TYPE_NONE)
				p->byte = types_add(types, &byte, NULL, NULL);
			if (p->byte == TYPE_NONE ||
			    !complete_member(types, p, i, k))
				return false;
		}
	}
	return true;
}

/* Make the array at the end of record @id one of any length, if it is larger
 * than what people allocate. */
static bool open_end(struct type_table *types, uint32_t id)
{
	const struct type *array = types_tail(types, id);
	struct type open, *t;
	uint32_t last, made;

	if (!array || array->flags & TYPE_NO_COUNT || array->size < ENDLESS)
		return true;
	open = *array;
	open.flags |= TYPE_NO_COUNT;
	open.count = 0;
	open.size = 0;
	made = types_add(types, &open, NULL, NULL);
	if (made == TYPE_NONE)
		return false;
	t = &types->types.at[id];
	last = t->first_member + t->n_members - 1;
	types->members.at[last].type = made;
	t->size = types->members.at[last].offset;
	return true;
}

static bool open_ends(struct type_table *types, uint32_t n_types)
{
	for (uint32_t i = 0; i < n_types; i++) {
		if (types->types.at[i].size >= ENDLESS &&
		    types_is_record(types, i) &&
		    types->types.at[i].kind != TYPE_UNION && !open_end(types, i))
			return false;
	}
	return true;
}

bool declared_complete(struct type_table *types, struct err *err)
{
	struct places p = {
		.byte = TYPE_NONE, .n_types = (uint32_t)types->types.len,
	};

	return (complete(types, &p) && open_ends(types, p.n_types)) ||
	       err_nomem(err, "types");
}
