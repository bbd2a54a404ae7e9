/* SPDX-License-Identifier: MIT */
/* Variables that live as long as the program or its threads. */
#include "formats/dwarf_reader.h"
#include "formats/leb.h"

enum { MAX_HOPS = 8 };

enum place { PLACE_NONE, PLACE_FIXED, PLACE_TLS, PLACE_OTHER };

/*
 * Expressions of one address, or of one constant that is made a TLS address
 * (DWARF 5, section 2.5.1.3; GNU's own operator before that).
 */
static enum place evaluate(const struct die *die, struct bytes b,
			   uint64_t *addr)
{
	uint8_t op = bytes_u8(&b);

	switch (op) {
	case DW_OP_addr:
	case DW_OP_const8u:
		*addr = bytes_u64(&b);
		break;
	case DW_OP_const4u:
		*addr = bytes_u32(&b);
		break;
	case DW_OP_addrx:
	case DW_OP_constx:
	case DW_OP_GNU_addr_index:
	case DW_OP_GNU_const_index:
		if (!die_indexed_address(die->unit, leb_u64(&b), addr))
			return PLACE_OTHER;
		break;
	default:
		return PLACE_OTHER;
	}
	if (b.broken)
		return PLACE_OTHER;
	if (bytes_left(&b) == 0)
		return op == DW_OP_addr || op == DW_OP_addrx ||
		       op == DW_OP_GNU_addr_index ? PLACE_FIXED : PLACE_OTHER;
	op = bytes_u8(&b);
	if (op == DW_OP_form_tls_address || op == DW_OP_GNU_push_tls_address)
		return PLACE_TLS;
	if (op == DW_OP_plus_uconst) {
		*addr += leb_u64(&b);
		return b.broken || bytes_left(&b) ? PLACE_OTHER : PLACE_FIXED;
	}
	return PLACE_OTHER;
}

/* PLACE_OTHER also where there are several places, in a list. */
static enum place locate(const struct die *die, uint64_t *addr)
{
	struct bytes b;

	if (!die_has(die, DW_AT_location))
		return PLACE_NONE;
	if (!die_expression(die, DW_AT_location, &b) || b.size == 0)
		return PLACE_OTHER;
	return evaluate(die, b, addr);
}

static uint64_t origin_of(struct reader *r, const struct die *die)
{
	uint64_t key = dwarf_reference(r, die, DW_AT_specification);

	return key ? key : dwarf_reference(r, die, DW_AT_abstract_origin);
}

/*
 * What a variable's own DIE does not say stands where it was declared: at
 * once in r->declared, or in a DIE that we have to look at.
 */
static void inherit(struct reader *r, const struct die *die, struct dwarf_variable *v)
{
	uint64_t key = origin_of(r, die);

	for (int hop = 0; key && hop < MAX_HOPS; hop++) {
		uint64_t seen = map_get(&r->declared, key, 0);
		struct die other;

		if (seen) {
			const struct dwarf_variable *d =
				&r->unlocated.at[seen - 1];

			if (!v->name)
				v->name = d->name;
			if (v->type == TYPE_NONE)
				v->type = d->type;
			if (!v->linkage)
				v->linkage = d->linkage;
			return;
		}
		if (!dwarf_die_at(r, key, &other))
			return;
		if (!v->name)
			v->name = dwarf_string(r, dwarf_name(&other), true);
		if (v->type == TYPE_NONE)
			v->type = dwarf_type_of(r, &other, DW_AT_type);
		key = v->name && v->type != TYPE_NONE ? 0
						      : origin_of(r, &other);
	}
}

/* For the variable that is added next. */
static void await_declaration(struct reader *r, const struct die *die)
{
	struct promise promise = {
		.var = r->vars.len, .key = origin_of(r, die),
	};

	if (promise.key && !map_find(&r->declared, promise.key) &&
	    !vec_push(&r->promises, promise))
		r->no_memory = true;
}

void dwarf_keep_promises(struct reader *r)
{
	for (size_t i = 0; i < r->promises.len; i++) {
		const struct promise *p = &r->promises.at[i];
		uint64_t seen = map_get(&r->declared, p->key, 0);
		const struct dwarf_variable *d;

		if (!seen || p->var >= r->vars.len)
			continue;
		d = &r->unlocated.at[seen - 1];
		r->vars.at[p->var].name = d->name;
		r->vars.at[p->var].type = d->type;
	}
}

static void name_variable(struct reader *r, const struct die *die, bool in_function,
			  struct dwarf_variable *v)
{
	if (in_function)
		dwarf_scope_function(r);
	v->name = dwarf_string(r, dwarf_name(die), true);
	if (!r->is_c)
		v->linkage = dwarf_string(r, die_text(die,
						DW_AT_linkage_name), false);
	if (!v->name || v->type == TYPE_NONE)
		inherit(r, die, v);
}

/* Remember what has a name and a type but no place. */
static void note_declaration(struct reader *r, const struct die *die,
			     const struct dwarf_variable *v)
{
	if (!v->name)
		return;
	if (!vec_push(&r->unlocated, *v) ||
	    !map_set(&r->declared, die_key(die), r->unlocated.len))
		r->no_memory = true;
}

void dwarf_visit_variable(struct reader *r, const struct die *die)
{
	bool in_function = dwarf_top(r)->in_function;
	struct dwarf_variable v = {
		.type = dwarf_type_of(r, die, DW_AT_type),
	};
	enum place place = locate(die, &v.addr);

	if (v.type != TYPE_NONE)
		r->raw.types.at[v.type].popularity++;
	dwarf_coroutine_see(r, die);
	switch (place) {
	case PLACE_FIXED:
	case PLACE_TLS:
		/* The linker puts what it threw away at address 0. */
		if (place == PLACE_FIXED && v.addr == 0)
			return;
		if (place == PLACE_TLS)
			v.flags |= VAR_TLS;
		if (in_function)
			v.flags |= VAR_FUNCTION_STATIC;
		name_variable(r, die, in_function, &v);
		if (v.name && !in_function)
			await_declaration(r, die);
		if (v.name && !vec_push(&r->vars, v))
			r->no_memory = true;
		return;
	case PLACE_NONE:
		if (in_function)
			return;
		name_variable(r, die, false, &v);
		note_declaration(r, die, &v);
		return;
	case PLACE_OTHER:
		return;
	}
}
