/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_scopes.h"

#include "formats/dwarf_lists.h"
#include "formats/dwarf_scope_parts.h"
#include "formats/dwarf_units.h"

/* Units and types that are read because others refer to them, in a round. */
enum { MAX_MORE = 4096 };

/* One unit, and the part of the addresses that lie in it. */
struct unit_work {
	struct scopes *scopes;
	struct reader *r;
	const struct die_unit *unit, *skeleton;	/* mostly the same */
	struct dwarf_lines lines;
	struct dwarf_line *line;	/* [n] */
	const size_t *which;	/* [n] indexes of scopes, ascending */
	uint64_t *addrs;	/* [n] theirs */
	const bool *after_call;	/* by index of the scope */
	uint64_t *function;	/* [n] key of the function, 0 unknown */
	size_t n, n_found;
	uint64_t key;		/* of the function that is looked at */
};

/* --- functions that hold the addresses --- */

static void take_function(void *ctx, size_t i)
{
	struct unit_work *w = ctx;

	if (w->function[i] == 0)
		w->n_found++;
	/* One that lies in another one is the better answer. */
	w->function[i] = w->key;
}

static bool may_hold_functions(unsigned tag, bool everywhere)
{
	switch (tag) {
	case DW_TAG_compile_unit:
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	case DW_TAG_subprogram:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_lexical_block:
		return everywhere;
	default:
		return false;
	}
}

/* Functions stand in units and namespaces mostly; @everywhere: look harder. */
static void find_functions(struct unit_work *w, bool everywhere)
{
	const struct dwarf_search search = {
		.addrs = w->addrs, .n = w->n, .hit = take_function, .ctx = w,
	};
	size_t at = w->unit->first;
	struct die die;

	while (at < w->unit->end &&
	       die_read(w->unit, at, &die) != DIE_DAMAGED) {
		at = die.end;
		if (!die.unit)
			continue;	/* the end of siblings */
		w->key = die_key(&die);
		if (die_tag(&die) == DW_TAG_subprogram)
			dwarf_cover(&die, &search);
		if (!may_hold_functions(die_tag(&die), everywhere))
			at = die_after(&die);
	}
}

/* --- from the function inwards --- */

static bool begin_function(struct scope_walk *w, const struct die *die, unsigned tag)
{
	struct scopes *s = w->scopes;
	struct scope *scope = w->scope;
	struct scope_function f = {
		.name = scope_name(w->r, die),
		.is_inlined = tag == DW_TAG_inlined_subroutine,
		.first_var = s->vars.len,
	};
	uint64_t file = 0, line = 0;

	if (f.is_inlined && scope->n_functions > 0) {
		struct scope_function *caller =
			&s->functions.at[s->functions.len - 1];

		if (die_number(die, DW_AT_call_file, &file))
			caller->file = scope_file(w, file);
		die_number(die, DW_AT_call_line, &line);
		caller->line = line <= UINT32_MAX ? (uint32_t)line : 0;
	} else {
		scope->first_function = s->functions.len;
		scope->n_functions = 0;
		scope->self = scope_callee_of(w->r, die);
		if (!dwarf_location_at(die, DW_AT_frame_base, scope->addr,
				       &scope->frame_base, NULL))
			scope->frame_base = bytes_of(NULL, 0);
	}
	scope->n_functions++;
	return vec_push(&s->functions, f);
}

/*
 * Read what is in scope at this level; *@next is the DIE of the next one,
 * 0 when this is the innermost.
 */
static bool read_level(struct scope_walk *w, const struct die *die, uint64_t *next)
{
	struct die child;
	bool more, ok = true;

	*next = 0;
	for (more = die_first(die, &child); more; more = die_next(&child)) {
		switch (die_tag(&child)) {
		case DW_TAG_formal_parameter:
		case DW_TAG_variable:
			ok &= scope_add_var(w, &child, die_tag(&child) ==
					    DW_TAG_formal_parameter);
			break;
		case DW_TAG_call_site:
		case DW_TAG_GNU_call_site:
			ok &= scope_add_call(w, &child);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_inlined_subroutine:
			if (*next == 0 && dwarf_covers(&child, w->scope->addr))
				*next = die_key(&child);
			break;
		default:
			break;
		}
	}
	return ok;
}

/* What is declared behind the line where its function is holds no value yet. */
static void mark_unset(struct scope_walk *w, const struct scope_function *f)
{
	for (size_t i = 0; i < f->n_vars; i++) {
		struct scope_var *v = &w->scopes->vars.at[f->first_var + i];

		if (f->line > 0 && v->line > f->line && v->file == f->file)
			v->flags |= LOCAL_UNSET;
	}
}

static void finish_scope(struct scope_walk *w, const struct dwarf_line *line)
{
	struct scope_function *at =
		w->scopes->functions.at + w->scope->first_function;
	size_t n = w->scope->n_functions;

	if (n == 0)
		return;
	at[n - 1].line = line->line;
	if (line->line > 0)
		at[n - 1].file = scope_file(w, line->file);
	for (size_t i = 0; i < n; i++)
		mark_unset(w, &at[i]);
	for (size_t i = 0; i < n / 2; i++) {
		struct scope_function swap = at[i];

		at[i] = at[n - 1 - i];
		at[n - 1 - i] = swap;
	}
}

static bool read_scope(struct unit_work *u, size_t i, struct err *err)
{
	struct scopes *s = u->scopes;
	struct scope_walk w = {
		.scopes = s, .r = u->r, .lines = &u->lines,
		.scope = &s->at.at[u->which[i]],
		.after_call = u->after_call[u->which[i]],
	};
	uint64_t key = u->function[i];
	bool ok = true;

	w.scope->unit = u->unit;
	for (int depth = 0; ok && key && depth < DWARF_MAX_DEPTH; depth++) {
		struct die die;

		if (!dwarf_die_at(u->r, key, &die))
			break;
		if (die_tag(&die) == DW_TAG_subprogram ||
		    die_tag(&die) == DW_TAG_inlined_subroutine)
			ok = begin_function(&w, &die, die_tag(&die));
		ok = ok && read_level(&w, &die, &key);
	}
	finish_scope(&w, &u->line[i]);
	return ok || err_nomem(err, "scopes");
}

/* --- units --- */

static bool read_unit(struct unit_work *w, struct map *read, struct err *err)
{
	if (!map_set(read, w->unit->key, 1))
		return err_nomem(err, "scopes");
	dwarf_read_unit(w->r, w->unit);
	for (size_t i = 0; i < w->n; i++)
		w->addrs[i] = w->scopes->at.at[w->which[i]].addr;
	find_functions(w, false);
	if (w->n_found < w->n)
		find_functions(w, true);
	dwarf_lines_open(w->skeleton, &w->lines);
	if (!dwarf_lines_find(&w->lines, w->addrs, w->n, w->line))
		return err_nomem(err, "lines");
	for (size_t i = 0; i < w->n; i++) {
		if (!read_scope(w, i, err))
			return false;
	}
	return true;
}

/* All scopes whose unit is that of scope @first. */
static bool work_on_unit(struct scopes *s, struct die_unit *const *units,
			 size_t first,
			 const bool *after_call, struct map *read,
			 struct err *err)
{
	size_t n = s->at.len - first, *which = calloc(n, sizeof(*which));
	struct unit_work w = {
		.scopes = s, .r = s->reader, .which = which,
		.unit = dwarf_input_split(s->reader->input, units[first]),
		.skeleton = units[first],
		.after_call = after_call,
		.addrs = calloc(n, sizeof(*w.addrs)),
		.function = calloc(n, sizeof(*w.function)),
		.line = calloc(n, sizeof(*w.line)),
	};
	bool ok = which && w.addrs && w.function && w.line;

	for (size_t i = first; ok && i < s->at.len; i++) {
		if (units[i] == units[first])
			which[w.n++] = i;
	}
	if (!w.unit)
		w.unit = w.skeleton;
	ok = ok ? read_unit(&w, read, err) : err_nomem(err, "scopes");
	free(which);
	free(w.addrs);
	free(w.function);
	free(w.line);
	return ok;
}

/* True when no address before @i has the unit of @i. */
static bool is_first(struct die_unit *const *units, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (units[k] == units[i])
			return false;
	}
	return true;
}

bool scopes_build(struct reader *r, const uint64_t *addrs,
		  const bool *after_call, size_t n, struct scopes *ret,
		  struct err *err)
{
	struct die_unit **units = calloc(n + 1, sizeof(*units));
	struct map read = {0};
	bool ok = true;

	*ret = (struct scopes){ .reader = r };
	if (!units || !vec_reserve(&ret->at, n)) {
		free(units);
		return err_nomem(err, "scopes");
	}
	r->names_functions = true;
	for (size_t i = 0; i < n; i++)
		ret->at.at[ret->at.len++] = (struct scope){ .addr = addrs[i] };
	dwarf_units_find(r->input, addrs, n, units);
	for (size_t i = 0; ok && i < n; i++) {
		if (units[i] && is_first(units, i) &&
		    dwarf_input_begin(r->input, units[i]))
			ok = work_on_unit(ret, units, i, after_call, &read,
					  err);
	}
	if (ok)
		dwarf_units_complete(r, &read, MAX_MORE);
	free(units);
	map_free(&read);
	return ok;
}

void scopes_free(struct scopes *scopes)
{
	vec_free(&scopes->at);
	vec_free(&scopes->functions);
	vec_free(&scopes->vars);
	vec_free(&scopes->parameters);
}
