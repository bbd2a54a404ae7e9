/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_scope_parts.h"

#include "formats/dwarf_lists.h"
#include "formats/leb.h"

enum { MAX_HOPS = 8, PATH_SIZE = 4096 };

static uint64_t origin_of(struct reader *r, const struct die *die)
{
	uint64_t key = dwarf_reference(r, die, DW_AT_abstract_origin);

	return key ? key : dwarf_reference(r, die, DW_AT_specification);
}

/*
 * A DIE, and the ones that it completes: the concrete instance of a function,
 * the abstract one, its declaration. origins_next() until it is false.
 */
struct origins {
	struct reader *r;
	struct die at;
	int hops;
};

static struct origins origins_of(struct reader *r, const struct die *die)
{
	return (struct origins){ .r = r, .at = *die };
}

static bool origins_next(struct origins *o)
{
	uint64_t key = o->hops++ < MAX_HOPS ? origin_of(o->r, &o->at) : 0;

	return key && dwarf_die_at(o->r, key, &o->at);
}

/* --- functions --- */

static const char *linkage_of(const struct die *die)
{
	const char *name = die_text(die, DW_AT_linkage_name);

	return name ? name : die_text(die, DW_AT_MIPS_linkage_name);
}

/* @name behind the namespaces and classes that @scope says. */
static uint32_t qualified(struct reader *r, uint32_t scope, const char *name)
{
	uint32_t id;

	r->scope = scope;
	id = dwarf_string(r, name, true);
	r->scope = 0;
	return id;
}

/*
 * Classes that have no name (lambdas) or lie in functions are named by the
 * mangled name alone, and so is what we have not seen declared.
 */
static bool is_better(const char *linkage, uint32_t scope)
{
	return linkage && (strncmp(linkage, "_ZZ", 3) == 0 ||
			   (!scope && strncmp(linkage, "_ZN", 3) == 0));
}

uint32_t scope_name(struct reader *r, const struct die *die)
{
	struct origins o = origins_of(r, die);
	const char *name = NULL, *linkage = NULL;
	uint32_t scope = 0;

	do {
		if (!name)
			name = dwarf_name(&o.at);
		if (!linkage)
			linkage = linkage_of(&o.at);
		if (!scope)
			scope = (uint32_t)map_get(&r->scopes,
						  die_key(&o.at), 0);
	} while (origins_next(&o));
	if (is_better(linkage, scope))
		return types_string(&r->raw, linkage);
	return name ? qualified(r, scope, name) : 0;
}

struct scope_callee scope_callee_of(struct reader *r, const struct die *die)
{
	struct origins o = origins_of(r, die);
	struct scope_callee callee = {0};
	const char *name = NULL, *linkage = NULL;

	do {
		if (!callee.entry)
			(void)die_address(&o.at, DW_AT_low_pc,
					    &callee.entry);
		if (!linkage)
			linkage = linkage_of(&o.at);
		if (!name)
			name = dwarf_name(&o.at);
	} while (origins_next(&o));
	if (linkage || name)
		callee.linkage = types_string(&r->raw, linkage ? linkage
							       : name);
	return callee;
}

uint32_t scope_file(const struct scope_walk *w, uint64_t index)
{
	char path[PATH_SIZE];

	dwarf_lines_file(w->lines, index, path, sizeof(path));
	return path[0] ? types_string(&w->r->raw, path) : 0;
}

/* --- variables --- */

/* Variables with a fixed address, or one in TLS, are in image.vars. */
static bool is_static(struct bytes b)
{
	uint8_t op = bytes_u8(&b);

	switch (op) {
	case DW_OP_addr:
	case DW_OP_const8u:
		(void)bytes_u64(&b);
		break;
	case DW_OP_const4u:
		(void)bytes_u32(&b);
		break;
	case DW_OP_addrx:
	case DW_OP_constx:
	case DW_OP_GNU_addr_index:
	case DW_OP_GNU_const_index:
		(void)leb_u64(&b);
		break;
	default:
		return false;
	}
	if (b.broken)
		return false;
	if (bytes_left(&b) == 0)
		return op == DW_OP_addr || op == DW_OP_addrx ||
		       op == DW_OP_GNU_addr_index;
	op = bytes_u8(&b);
	return op == DW_OP_form_tls_address || op == DW_OP_GNU_push_tls_address;
}

/* What the concrete DIE leaves out, its origins say. */
static void inherit(struct scope_walk *w, const struct die *die, struct scope_var *v,
		    uint32_t *type)
{
	struct origins o = origins_of(w->r, die);
	uint64_t file = 0, line = 0;
	bool has_file = false;

	do {
		const char *name = v->name ? NULL : dwarf_name(&o.at);

		if (name)
			v->name = dwarf_string(w->r, name, false);
		if (*type == TYPE_NONE)
			*type = dwarf_type_of(w->r, &o.at, DW_AT_type);
		if (!line)
			die_number(&o.at, DW_AT_decl_line, &line);
		if (!has_file)
			has_file = die_number(&o.at, DW_AT_decl_file,
						&file);
	} while (origins_next(&o));
	v->line = line <= UINT32_MAX ? (uint32_t)line : 0;
	v->file = has_file ? scope_file(w, file) : 0;
}

/* False for what is no variable of a frame. */
static bool find_place(const struct scope_walk *w, const struct die *die,
		       struct scope_var *v, bool *is_list)
{
	*is_list = false;
	if (die_has(die, DW_AT_location)) {
		if (!dwarf_location_at(die, DW_AT_location, w->scope->addr,
				       &v->expr, is_list))
			v->expr = bytes_of(NULL, 0);
		return v->expr.size == 0 || !is_static(v->expr);
	}
	if (die_flag(die, DW_AT_declaration) ||
	    die_flag(die, DW_AT_external))
		return false;
	v->has_value = die_expression(die, DW_AT_const_value,
					&v->expr) ||
		       die_number(die, DW_AT_const_value, &v->value);
	return true;
}

bool scope_add_var(struct scope_walk *w, const struct die *die, bool is_parameter)
{
	struct scopes *s = w->scopes;
	struct scope_function *f = &s->functions.at[s->functions.len - 1];
	struct scope_var v = {
		.flags = is_parameter ? LOCAL_PARAMETER : 0,
		.type = w->r->wanted.len,
	};
	uint32_t type = TYPE_NONE;
	bool is_list;

	if (f->n_vars >= SCOPE_MAX_VARS || !find_place(w, die, &v, &is_list))
		return true;
	inherit(w, die, &v, &type);
	if (!v.name)
		return true;
	if (is_parameter || is_list)
		v.line = 0;
	f->n_vars++;
	return vec_push(&w->r->wanted, type) && vec_push(&s->vars, v);
}

/* --- calls --- */

static void callee_of_call(struct scope_walk *w, const struct die *die)
{
	struct scope *scope = w->scope;
	uint64_t key = dwarf_reference(w->r, die, DW_AT_call_origin);
	struct die origin;

	if (!key)
		key = dwarf_reference(w->r, die, DW_AT_abstract_origin);
	if (key && dwarf_die_at(w->r, key, &origin))
		scope->callee = scope_callee_of(w->r, &origin);
	else if (!die_expression(die, DW_AT_call_target, &scope->callee_at))
		(void)die_expression(die, DW_AT_GNU_call_site_target,
				     &scope->callee_at);
}

static bool add_parameter(struct scope_walk *w, const struct die *die)
{
	struct scope_parameter p = { .key = 0 };

	if (w->scope->n_parameters >= SCOPE_MAX_PARAMETERS ||
	    (!die_expression(die, DW_AT_call_value, &p.value) &&
	     !die_expression(die, DW_AT_GNU_call_site_value, &p.value)))
		return true;
	(void)die_expression(die, DW_AT_location, &p.location);
	p.key = dwarf_reference(w->r, die, DW_AT_call_parameter);
	if (!p.key)
		p.key = dwarf_reference(w->r, die, DW_AT_abstract_origin);
	w->scope->n_parameters++;
	return vec_push(&w->scopes->parameters, p);
}

static bool returns_here(struct scope_walk *w, const struct die *die)
{
	uint64_t pc;

	if (!w->after_call || w->scope->n_parameters > 0)
		return false;
	/* GNU's call site of DWARF 4 has it as its address. */
	return (die_address(die, DW_AT_call_return_pc, &pc) ||
		die_address(die, DW_AT_low_pc, &pc)) &&
	       pc == w->scope->addr + 1;
}

bool scope_add_call(struct scope_walk *w, const struct die *die)
{
	struct die child;
	bool more, ok = true;

	if (!returns_here(w, die))
		return true;
	callee_of_call(w, die);
	w->scope->first_parameter = w->scopes->parameters.len;
	for (more = die_first(die, &child); more; more = die_next(&child)) {
		if (die_tag(&child) == DW_TAG_call_site_parameter ||
		    die_tag(&child) == DW_TAG_GNU_call_site_parameter)
			ok &= add_parameter(w, &child);
	}
	return ok;
}
