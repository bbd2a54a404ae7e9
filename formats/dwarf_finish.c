/* SPDX-License-Identifier: MIT */
/* When all units were seen: what only the whole table can tell. */
#include "formats/dwarf_reader.h"

enum { MAX_CHAIN = 64, MAX_INHERITANCE = 32 };

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

/* Where types and strings of one table are in another one. */
struct move {
	const struct type_table *from;
	struct type_table *into;
	const uint32_t *map;	/* [from->types.len] */
};

static uint32_t moved_type(const struct move *m, uint32_t id)
{
	return id < m->from->types.len ? m->map[id] : TYPE_NONE;
}

static struct dwarf_variable moved(const struct move *m,
				   const struct dwarf_variable *from)
{
	struct dwarf_variable v = *from;

	v.name = types_string(m->into, types_text(m->from, v.name));
	v.linkage = types_string(m->into, types_text(m->from, v.linkage));
	v.type = moved_type(m, v.type);
	return v;
}

static uint64_t declaration_key(const struct dwarf_variable *v)
{
	return hash_u64((uint64_t)v->name << 32 | v->type) ^ v->linkage;
}

/* What is declared in many units is declared once. */
static bool add_unlocated(struct dwarf_part *part, struct map *seen,
			  const struct dwarf_variable *v)
{
	bool added;

	return map_slot(seen, declaration_key(v), &added) &&
	       (!added || vec_push(&part->unlocated, *v));
}

static bool move_vars(const struct move *m, const struct dwarf_variable *vars,
		      size_t n, struct dwarf_part *ret)
{
	if (!vec_reserve(&ret->vars, ret->vars.len + n))
		return false;
	for (size_t i = 0; i < n; i++)
		ret->vars.at[ret->vars.len++] = moved(m, &vars[i]);
	return true;
}

static bool move_unlocated(const struct move *m,
			   const struct dwarf_variable *vars, size_t n,
			   struct dwarf_part *ret)
{
	struct map seen = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < ret->unlocated.len; i++)
		ok = map_set(&seen, declaration_key(&ret->unlocated.at[i]), 1);
	for (size_t i = 0; ok && i < n; i++) {
		struct dwarf_variable v = moved(m, &vars[i]);

		ok = add_unlocated(ret, &seen, &v);
	}
	map_free(&seen);
	return ok;
}

bool dwarf_finish_part(struct reader *r, struct dwarf_part *ret,
		       struct err *err)
{
	struct move m = { .from = &r->raw, .into = &ret->types };
	uint32_t *map = NULL;
	bool ok;

	memset(ret, 0, sizeof(*ret));
	dwarf_keep_promises(r);
	name_by_typedef(r);
	dwarf_lambda_name(r);
	size_types(r);
	if (r->no_memory)
		return err_nomem(err, "types");
	if (!types_init(&ret->types, err) ||
	    !types_merge(&ret->types, &r->raw, UINT32_MAX, &map, err))
		return false;
	m.map = map;
	for (size_t i = 0; i < r->wanted.len; i++)
		r->wanted.at[i] = moved_type(&m, r->wanted.at[i]);
	ok = (move_vars(&m, r->vars.at, r->vars.len, ret) &&
	      move_unlocated(&m, r->unlocated.at, r->unlocated.len, ret)) ||
	     err_nomem(err, "variables");
	if (r->flows)
		slot_flows_join(&ret->flows, r->flows, map, r->raw.types.len);
	free(map);
	return ok;
}

bool dwarf_join_part(struct dwarf_part *into, const struct dwarf_part *from,
		     struct err *err)
{
	struct move m = { .from = &from->types, .into = &into->types };
	uint32_t *map = NULL;
	bool ok;

	if (!types_merge(&into->types, &from->types, UINT32_MAX, &map, err))
		return false;
	m.map = map;
	ok = (move_vars(&m, from->vars.at, from->vars.len, into) &&
	      move_unlocated(&m, from->unlocated.at, from->unlocated.len,
			     into)) || err_nomem(err, "variables");
	slot_flows_join(&into->flows, &from->flows, map,
			from->types.types.len);
	free(map);
	return ok;
}

static bool keep_vars(const struct dwarf_part *part, struct dwarf_types *ret)
{
	for (size_t i = 0; i < part->vars.len; i++) {
		const struct dwarf_variable *v = &part->vars.at[i];
		const struct dwarf_variable *last = ret->vars.len ?
			&ret->vars.at[ret->vars.len - 1] : NULL;

		if (last && last->addr == v->addr &&
		    !((last->flags ^ v->flags) & VAR_TLS))
			continue;
		if (!vec_push(&ret->vars, *v))
			return false;
	}
	return true;
}

bool dwarf_finish_module(struct dwarf_part *part, struct elf_file *symbols,
			 struct dwarf_types *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	if (symbols && !dwarf_locate_by_symbols(part, symbols))
		return err_nomem(err, "variables");
	ret->types = part->types;
	memset(&part->types, 0, sizeof(part->types));
	spread_vptr(&ret->types);
	count_mentions(&ret->types);
	if (part->vars.len > 1)
		qsort(part->vars.at, part->vars.len, sizeof(*part->vars.at),
		      by_place);
	if (keep_vars(part, ret))
		return true;
	dwarf_types_free(ret);
	return err_nomem(err, "variables");
}

void dwarf_part_free(struct dwarf_part *part)
{
	types_free(&part->types);
	vec_free(&part->vars);
	vec_free(&part->unlocated);
	slot_flows_free(&part->flows);
}
