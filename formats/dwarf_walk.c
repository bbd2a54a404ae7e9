/* SPDX-License-Identifier: MIT */
/* The walk over the DIEs of a unit; what they mean is in other files. */
#include "formats/dwarf_reader.h"

enum { MAX_ROUNDS = 4 };	/* types in what was passed by, and in that */

void dwarf_damaged(struct reader *r)
{
	diag_add(r->diag, "a unit of debug information: damaged DWARF");
}

/* Inside of functions only what may hold types and statics is entered. */
static bool visit_scope(struct reader *r, const struct die *die, unsigned tag,
			struct die_level *next)
{
	const char *name;

	next->id = TYPE_NONE;
	next->owner = -1;
	next->type.kind = TYPE_VOID;
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		name = dwarf_name(die);
		dwarf_scope_push(r, name ? name : "(anonymous namespace)");
		return true;
	case DW_TAG_subprogram:
		dwarf_lambda_note(r, die, dwarf_top(r));
		if (die_flag(die, DW_AT_declaration)) {
			dwarf_scope_note(r, die);
			dwarf_method_declared(r, die, dwarf_top(r)->id);
			return false;
		}
		dwarf_method_defined(r, die);
		dwarf_coroutine_defined(r, die);
		if (r->names_functions)
			dwarf_scope_note(r, die);
		if (r->flows && r->is_c && r->depth == 1 &&
		    !vec_push(&r->functions, die_key(die)))
			r->no_memory = true;
		next->in_function = true;
		next->function_named = false;
		return true;
	default:
		return true;
	}
}

static void visit_parameter(struct reader *r, const struct die *die)
{
	uint32_t type = dwarf_type_of(r, die, DW_AT_type);

	if (type != TYPE_NONE)
		r->raw.types.at[type].popularity++;
	dwarf_coroutine_see(r, die);
}

/* True when the children of @die are to be read in frame @next. */
static bool visit(struct reader *r, const struct die *die, unsigned tag,
		  struct die_level *next)
{
	bool descend = false;

	if (dwarf_visit_part(r, die, tag, next, &descend))
		return descend;
	switch (tag) {
	case DW_TAG_variable:
	case DW_TAG_member:
		dwarf_visit_variable(r, die);
		return false;
	case DW_TAG_formal_parameter:
		visit_parameter(r, die);
		return false;
	case DW_TAG_inlined_subroutine:
	case DW_TAG_enumerator:
	case DW_TAG_imported_declaration:
	case DW_TAG_imported_module:
	case DW_TAG_label:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
	case DW_TAG_subrange_type:
		return false;
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_common_block:
		return visit_scope(r, die, tag, next);
	default:
		dwarf_visit_type(r, die, tag, next, &descend);
		return descend;
	}
}

/* Enter the children of the DIE in the frame above, prepared by visit(). */
static void enter(struct reader *r, const struct die *die)
{
	struct die_level *next = &r->stack[r->depth];

	next->tag = die_tag(die);
	next->next = die->end;
	r->depth++;
}

/* The children of the innermost frame end at @end. */
static void leave(struct reader *r, size_t end)
{
	struct die_level *f = dwarf_top(r);

	dwarf_finish_type(r, f);
	r->scope = f->scope;
	r->depth--;
	if (r->depth > 0)
		dwarf_top(r)->next = end;
}

/* One DIE: look at it, and at its children before its siblings. */
static void visit_next(struct reader *r, struct die_level *f)
{
	struct die_level *next = &r->stack[r->depth];

	if (r->depth == DWARF_MAX_DEPTH) {
		diag_add(r->diag, "debug information nested deeper than %d",
			 DWARF_MAX_DEPTH);
		f->next = die_after(&f->die);
		return;
	}
	next->scope = r->scope;
	next->in_function = f->in_function;
	next->is_variant = false;
	next->discriminant = 0;
	if (!visit(r, &f->die, die_tag(&f->die), next))
		f->next = f->die.abbrev->has_children ? die_after(&f->die)
						      : f->die.end;
	else if (f->die.abbrev->has_children)
		enter(r, &f->die);
	else {
		/* Without children it is complete at once. */
		enter(r, &f->die);
		leave(r, f->die.end);
	}
}

/* As if what is at @at were the first DIE of a unit. */
static void begin_walk(struct reader *r, size_t at)
{
	struct die_level *root = &r->stack[0];

	r->depth = 1;
	r->scope = 0;
	root->tag = DW_TAG_compile_unit;
	root->id = TYPE_NONE;
	root->owner = -1;
	root->in_function = false;
	root->scope = 0;
	root->next = at;
}

/* The next DIE, or the way back to what is around us. */
static void walk_on(struct reader *r, const struct die_unit *unit)
{
	struct die_level *f = dwarf_top(r);

	switch (die_read(unit, f->next, &f->die)) {
	case DIE_ONE:
		visit_next(r, f);
		break;
	case DIE_NONE:
		leave(r, f->die.end);
		break;
	case DIE_DAMAGED:
		dwarf_damaged(r);
		leave(r, unit->end);
		break;
	}
}

static void set_language(struct reader *r, const struct die_unit *unit)
{
	r->language = unit->language;
	r->is_c = types_language_is_c(r->language);
}

void dwarf_read_die(struct reader *r, const struct die *die)
{
	set_language(r, die->unit);
	begin_walk(r, die->at);
	do {
		walk_on(r, die->unit);
	} while (r->depth > 1 && !r->no_memory);
	r->depth = 0;
}

/* Ids of types in @unit, which nothing else refers to, from 0 on. */
static void use_local_ids(struct reader *r, const struct die_unit *unit)
{
	size_t n = unit->end - unit->header, had = r->local_ids.cap;

	r->local_ids.len = 0;
	if (!vec_reserve(&r->local_ids, n)) {
		r->no_memory = true;
		return;
	}
	if (r->local_ids.cap > had)
		memset(r->local_ids.at + had, 0, (r->local_ids.cap - had) *
		       sizeof(*r->local_ids.at));
	r->local_ids.len = n;
	r->local_key = unit->key;
	r->local_first = (uint32_t)r->raw.types.len;
}

/* The signature of a type unit stands for the type in it. */
static void name_type_unit(struct reader *r, const struct die_unit *unit)
{
	struct type alias = { .kind = TYPE_TYPEDEF, .scope = TYPE_NONE };

	if (unit->kind != DW_UT_type && unit->kind != DW_UT_split_type)
		return;
	alias.target = dwarf_id(r, unit->key + unit->type_at);
	dwarf_fill(r, dwarf_id_of_signature(r, unit->signature), &alias, NULL,
		   NULL);
}

/* Mentioned from raw id @first on, and not described. */
static bool is_some_missing(const struct reader *r, size_t first)
{
	for (size_t i = first; i < r->raw.types.len; i++) {
		if (dwarf_is_missing(r, (uint32_t)i))
			return true;
	}
	return false;
}

/*
 * gcc puts types into functions that are only declared, whose insides are
 * passed by: the frames of coroutines that are methods, for one.
 */
static void read_passed(struct reader *r, const struct die_unit *unit,
			size_t first)
{
	for (int round = 0; round < MAX_ROUNDS &&
	     is_some_missing(r, first); round++) {
		first = r->raw.types.len;
		for (size_t i = 0; i < r->local_ids.len; i++) {
			uint32_t id = r->local_ids.at[i];
			struct die die;

			if (id > r->local_first &&
			    dwarf_is_missing(r, id - 1) &&
			    die_read(unit, unit->header + i, &die) == DIE_ONE)
				dwarf_read_die(r, &die);
		}
	}
}

void dwarf_read_unit(struct reader *r, const struct die_unit *unit)
{
	size_t first = r->raw.types.len;
	struct die die;

	set_language(r, unit);
	if (!die_of_unit(unit, &die))
		return;
	if (r->is_local)
		use_local_ids(r, unit);
	name_type_unit(r, unit);
	if (!die.abbrev->has_children)
		return;
	begin_walk(r, die.end);
	while (r->depth > 0 && !r->no_memory)
		walk_on(r, unit);
	r->depth = 0;
	if (r->is_local && !r->no_memory)
		read_passed(r, unit, first);
}

void dwarf_reader_close(struct reader *r)
{
	if (!r)
		return;
	types_free(&r->raw);
	map_free(&r->ids);
	vec_free(&r->local_ids);
	map_free(&r->signatures);
	map_free(&r->scopes);
	map_free(&r->managers);
	map_free(&r->coroutines);
	map_free(&r->declared);
	map_free(&r->names);
	vec_free(&r->vars);
	vec_free(&r->unlocated);
	vec_free(&r->promises);
	vec_free(&r->closures);
	vec_free(&r->closure_parameters);
	vec_free(&r->wanted);
	vec_free(&r->functions);
	vec_free(&r->text);
	for (int i = 0; i < DWARF_MAX_DEPTH; i++) {
		vec_free(&r->stack[i].members);
		vec_free(&r->stack[i].args);
		vec_free(&r->stack[i].counts);
	}
	free(r);
}

bool dwarf_reader_open(struct dwarf_input *input, struct diag *diag,
		       struct reader **ret, struct err *err)
{
	struct reader *r = calloc(1, sizeof(*r));

	*ret = NULL;
	if (!r)
		return err_nomem(err, "DWARF");
	r->input = input;
	r->diag = diag;
	if (!types_init(&r->raw, err)) {
		dwarf_reader_close(r);
		return false;
	}
	*ret = r;
	return true;
}
