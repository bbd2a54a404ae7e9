/* SPDX-License-Identifier: MIT */
/* Variables that live as long as the program or its threads. */
#include <elf.h>

#include "formats/dwarf_reader.h"

enum { MAX_HOPS = 8 };

enum place { PLACE_NONE, PLACE_FIXED, PLACE_TLS, PLACE_OTHER };

static uint64_t uleb(struct bytes *b)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = bytes_u8(b);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

static bool indexed_address(struct reader *r, Dwarf_Die die, uint64_t index,
			    uint64_t *ret)
{
	Dwarf_Error error = NULL;
	Dwarf_Addr addr = 0;

	if (dwarf_debug_addr_index_to_addr(die, index, &addr, &error) !=
	    DW_DLV_OK) {
		if (error)
			dwarf_dealloc_error(r->dbg, error);
		return false;
	}
	*ret = addr;
	return true;
}

/*
 * Expressions of one address, or of one constant that is made a TLS address
 * (DWARF 5, section 2.5.1.3; GNU's own operator before that).
 */
static enum place evaluate(struct reader *r, Dwarf_Die die, struct bytes b,
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
		if (!indexed_address(r, die, uleb(&b), addr))
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
		*addr += uleb(&b);
		return b.broken || bytes_left(&b) ? PLACE_OTHER : PLACE_FIXED;
	}
	return PLACE_OTHER;
}

/* PLACE_OTHER also where there are several places, in a list. */
static enum place locate(struct reader *r, Dwarf_Die die, uint64_t *addr)
{
	Dwarf_Error error = NULL;
	Dwarf_Bool has = 0;
	struct bytes b;

	if (dwarf_hasattr(die, DW_AT_location, &has, &error) != DW_DLV_OK) {
		if (error)
			dwarf_dealloc_error(r->dbg, error);
		return PLACE_OTHER;
	}
	if (!has)
		return PLACE_NONE;
	if (!dwarf_expression(r, die, DW_AT_location, &b) || b.size == 0)
		return PLACE_OTHER;
	return evaluate(r, die, b, addr);
}

static uint64_t origin_of(struct reader *r, Dwarf_Die die)
{
	uint64_t key = dwarf_reference(r, die, DW_AT_specification);

	return key ? key : dwarf_reference(r, die, DW_AT_abstract_origin);
}

/*
 * What a variable's own DIE does not say stands where it was declared: at
 * once in r->declared, or in a DIE that we have to look at.
 */
static void inherit(struct reader *r, Dwarf_Die die, struct dwarf_variable *v)
{
	uint64_t key = origin_of(r, die);

	for (int hop = 0; key && hop < MAX_HOPS; hop++) {
		uint64_t seen = map_get(&r->declared, key, 0);
		Dwarf_Die other;

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
		other = dwarf_die_at(r, key);
		if (!other)
			return;
		if (!v->name)
			v->name = dwarf_string(r, dwarf_name(r, other), true);
		if (v->type == TYPE_NONE)
			v->type = dwarf_type_of(r, other, DW_AT_type);
		key = v->name && v->type != TYPE_NONE ? 0
						      : origin_of(r, other);
		dwarf_dealloc_die(other);
	}
}

/* For the variable that is added next. */
static void await_declaration(struct reader *r, Dwarf_Die die)
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

static void name_variable(struct reader *r, Dwarf_Die die, bool in_function,
			  struct dwarf_variable *v)
{
	if (in_function)
		dwarf_scope_function(r);
	v->name = dwarf_string(r, dwarf_name(r, die), true);
	if (!r->is_c)
		v->linkage = dwarf_string(r, dwarf_text(r, die,
						DW_AT_linkage_name), false);
	if (!v->name || v->type == TYPE_NONE)
		inherit(r, die, v);
}

/* Remember what has a name and a type but no place. */
static void note_declaration(struct reader *r, Dwarf_Die die,
			     const struct dwarf_variable *v)
{
	if (!v->name)
		return;
	if (!vec_push(&r->unlocated, *v) ||
	    !map_set(&r->declared, dwarf_key(r, die), r->unlocated.len))
		r->no_memory = true;
}

void dwarf_visit_variable(struct reader *r, Dwarf_Die die)
{
	bool in_function = dwarf_top(r)->in_function;
	struct dwarf_variable v = {
		.type = dwarf_type_of(r, die, DW_AT_type),
	};
	enum place place = locate(r, die, &v.addr);

	if (v.type != TYPE_NONE)
		r->raw.types.at[v.type].popularity++;
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

/* Symbols of objects by name; a name with two addresses is of no use. */
struct symbols {
	struct elf_file *file;
	struct map by_name;	/* hash of the name -> index + 1 */
	VEC(struct elf_symbol) at;
	bool no_memory;
};

#define AMBIGUOUS UINT64_MAX

/* "cache.lto_priv.3", "cache.llvm.812", "stdout@GLIBC_2.2.5" */
static size_t plain_length(const char *name)
{
	return strcspn(name, ".@");
}

static void add_symbol(void *ctx, const struct elf_symbol *s)
{
	struct symbols *symbols = ctx;
	uint64_t *slot;

	if (s->type != STT_OBJECT && s->type != STT_TLS)
		return;
	slot = map_slot(&symbols->by_name,
			hash_bytes(s->name, plain_length(s->name), 0), NULL);
	if (!slot) {
		symbols->no_memory = true;
	} else if (*slot == 0) {
		*slot = symbols->at.len + 1;
		if (!vec_push(&symbols->at, *s))
			symbols->no_memory = true;
	} else if (*slot != AMBIGUOUS &&
		   symbols->at.at[*slot - 1].value != s->value) {
		*slot = AMBIGUOUS;
	}
}

static const struct elf_symbol *find_symbol(const struct reader *r,
					    const struct symbols *symbols,
					    const struct dwarf_variable *v)
{
	const char *name = types_text(&r->raw, v->linkage ? v->linkage
							  : v->name);
	uint64_t i = map_get(&symbols->by_name,
			     hash_bytes(name, strlen(name), 0), 0);
	const struct elf_symbol *s;

	if (i == 0 || i == AMBIGUOUS)
		return NULL;
	s = &symbols->at.at[i - 1];
	return plain_length(s->name) == strlen(name) &&
	       strncmp(s->name, name, strlen(name)) == 0 ? s : NULL;
}

void dwarf_locate_by_symbols(struct reader *r, struct elf_file *file)
{
	struct symbols symbols = { .file = file };
	struct map taken = {0};		/* addresses of variables */

	if (elf_file_symbols(file, false, add_symbol, &symbols) == 0)
		elf_file_symbols(file, true, add_symbol, &symbols);
	for (size_t i = 0; i < r->vars.len; i++) {
		if (!(r->vars.at[i].flags & VAR_TLS) &&
		    !map_set(&taken, r->vars.at[i].addr, 1))
			r->no_memory = true;
	}
	for (size_t i = 0; i < r->unlocated.len; i++) {
		struct dwarf_variable v = r->unlocated.at[i];
		const struct elf_symbol *s = find_symbol(r, &symbols, &v);
		bool added = true;

		if (!s || v.type == TYPE_NONE)
			continue;
		v.addr = s->value;
		if (s->type == STT_TLS)
			v.flags |= VAR_TLS;
		map_slot(&taken, s->type == STT_TLS ? ~s->value : s->value,
			 &added);
		if (added && !vec_push(&r->vars, v))
			r->no_memory = true;
	}
	r->no_memory |= symbols.no_memory;
	map_free(&taken);
	map_free(&symbols.by_name);
	vec_free(&symbols.at);
}
