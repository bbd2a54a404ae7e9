/* SPDX-License-Identifier: MIT */
/* When all units were seen: what only the whole table can tell. */
#include "formats/dwarf_reader.h"

enum { MAX_CHAIN = 64, MAX_INHERITANCE = 32, MAX_COPIES = 1 << 20 };

static struct type *at(struct reader *r, uint32_t id)
{
	return id < r->raw.types.len ? &r->raw.types.at[id] : NULL;
}

/* Follow const, volatile and references to type units. */
static uint32_t plain(struct reader *r, uint32_t id)
{
	for (int i = 0; i < MAX_CHAIN && id < r->raw.types.len; i++) {
		if (!types_is_alias(&r->raw.types.at[id]))
			return id;
		id = r->raw.types.at[id].target;
	}
	return TYPE_NONE;
}

/* typedef struct { ... } Account; */
static void name_by_typedef(struct reader *r)
{
	for (uint32_t i = 0; i < r->raw.types.len; i++) {
		const struct type *t = &r->raw.types.at[i];
		struct type *target;

		if (t->kind != TYPE_TYPEDEF || !t->name)
			continue;
		target = at(r, plain(r, t->target));
		if (target && !target->name &&
		    (target->kind >= TYPE_STRUCT || target->kind == TYPE_ENUM) &&
		    target->kind != TYPE_TYPEDEF)
			target->name = t->name;
	}
}

/* The product of the dimensions and the element; 0 when it is too large. */
static uint64_t array_size(struct reader *r, const struct type *array)
{
	const struct type *t = array;
	uint64_t n = 1;

	for (int i = 0; t && i < MAX_CHAIN; i++) {
		if (t->kind == TYPE_ARRAY) {
			if (t->flags & TYPE_NO_COUNT ||
			    __builtin_mul_overflow(n, t->count, &n))
				return 0;
		} else if (t->kind != TYPE_TYPEDEF) {
			return __builtin_mul_overflow(n, t->size, &n) ? 0 : n;
		}
		t = at(r, t->target);
	}
	return 0;
}

static void size_types(struct reader *r)
{
	for (uint32_t i = 0; i < r->raw.types.len; i++) {
		struct type *t = &r->raw.types.at[i];

		if (t->kind == TYPE_MEMBER_POINTER) {
			const struct type *to = at(r, plain(r, t->target));

			/* Itanium C++ ABI 2.3: a method is two words. */
			t->size = to && to->kind == TYPE_FUNCTION ? 16 : 8;
		} else if (t->kind == TYPE_ARRAY) {
			t->size = array_size(r, t);
		}
	}
}

static uint32_t strip(const struct type_table *table, uint32_t id)
{
	return types_strip(table, id);
}

/* A class whose base has a vtable pointer has one. */
static bool inherit_vptr(struct type_table *table, uint32_t id)
{
	struct type *t = &table->types.at[id];

	if (t->flags & TYPE_POLYMORPHIC)
		return false;
	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&table->members.at[t->first_member + i];
		uint32_t base = strip(table, m->type);

		if (m->flags & MEMBER_BASE && base != TYPE_NONE &&
		    table->types.at[base].flags & TYPE_POLYMORPHIC) {
			t->flags |= TYPE_POLYMORPHIC;
			return true;
		}
	}
	return false;
}

/* The flag climbs one class a round; a class comes after its base mostly. */
static void spread_vptr(struct type_table *table)
{
	bool changed = true;

	for (int round = 0; changed && round < MAX_INHERITANCE; round++) {
		changed = false;
		for (uint32_t i = 0; i < table->types.len; i++) {
			if (types_is_record(table, i))
				changed |= inherit_vptr(table, i);
		}
	}
}

/* A mention of `struct x *` counts for x. */
static void count_mention(struct type_table *table, uint32_t id, uint32_t n)
{
	uint32_t target = strip(table, id);

	if (target != TYPE_NONE &&
	    table->types.at[target].kind == TYPE_POINTER) {
		target = strip(table, table->types.at[target].target);
		if (target != TYPE_NONE)
			table->types.at[target].popularity += n;
	}
}

static void count_mentions(struct type_table *table)
{
	for (uint32_t i = 0; i < table->types.len; i++) {
		const struct type *t = &table->types.at[i];

		if (t->kind == TYPE_POINTER || t->kind == TYPE_TYPEDEF)
			count_mention(table, i, t->popularity);
	}
	for (size_t i = 0; i < table->members.len; i++)
		count_mention(table, table->members.at[i].type, 1);
}

static uint32_t mapped(const struct reader *r, const uint32_t *map, uint32_t id)
{
	return id < r->raw.types.len ? map[id] : TYPE_NONE;
}

/* Template instances and COMDAT describe one variable many times. */
static int by_place(const void *a, const void *b)
{
	const struct dwarf_variable *x = a, *y = b;
	uint32_t tls_x = x->flags & VAR_TLS, tls_y = y->flags & VAR_TLS;

	if (tls_x != tls_y)
		return tls_x < tls_y ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->type == TYPE_NONE) - (y->type == TYPE_NONE);
}

static bool move_vars(struct reader *r, const uint32_t *map,
		      struct dwarf_types *ret)
{
	if (r->vars.len > 1)
		qsort(r->vars.at, r->vars.len, sizeof(*r->vars.at), by_place);
	for (size_t i = 0; i < r->vars.len; i++) {
		struct dwarf_variable v = r->vars.at[i];
		const struct dwarf_variable *last = ret->vars.len ?
			&ret->vars.at[ret->vars.len - 1] : NULL;

		if (last && last->addr == v.addr &&
		    !((last->flags ^ v.flags) & VAR_TLS))
			continue;
		v.name = types_string(&ret->types,
				      types_text(&r->raw, v.name));
		v.linkage = types_string(&ret->types,
					 types_text(&r->raw, v.linkage));
		v.type = mapped(r, map, v.type);
		if (!vec_push(&ret->vars, v))
			return false;
	}
	return true;
}

bool dwarf_finish_module(struct reader *r, struct dwarf_types *ret,
			 struct err *err)
{
	uint32_t *map = NULL;
	bool ok;

	name_by_typedef(r);
	size_types(r);
	if (r->no_memory)
		return err_nomem(err, "types");
	if (!types_init(&ret->types, err) ||
	    !types_merge(&ret->types, &r->raw, UINT32_MAX, &map, err))
		return false;
	spread_vptr(&ret->types);
	count_mentions(&ret->types);
	for (size_t i = 0; i < r->wanted.len; i++)
		r->wanted.at[i] = mapped(r, map, r->wanted.at[i]);
	ok = move_vars(r, map, ret) || err_nomem(err, "variables");
	free(map);
	return ok;
}
