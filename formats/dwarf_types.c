/* SPDX-License-Identifier: MIT */
/* The walk over units and DIEs; what they mean is in the other dwarf_ files. */
#include "formats/dwarf_reader.h"

static bool is_c(uint8_t language)
{
	switch (language) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case 0x2c:	/* DW_LANG_C17: newer than some dwarf.h */
		return true;
	default:
		return false;
	}
}

void dwarf_drop(struct reader *r, Dwarf_Error error, const char *what)
{
	diag_add(r->diag, "%s: %s", what, error ? dwarf_errmsg(error)
						: "damaged DWARF");
	if (error)
		dwarf_dealloc_error(r->dbg, error);
}

/* Inside of functions only what may hold types and statics is entered. */
static bool visit_scope(struct reader *r, Dwarf_Die die, Dwarf_Half tag,
			struct die_level *next)
{
	const char *name;

	next->id = TYPE_NONE;
	next->owner = -1;
	next->type.kind = TYPE_VOID;
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		name = dwarf_name(r, die);
		dwarf_scope_push(r, name ? name : "(anonymous namespace)");
		return true;
	case DW_TAG_subprogram:
		if (dwarf_flag(r, die, DW_AT_declaration)) {
			dwarf_scope_note(r, die);
			dwarf_method_declared(r, die, dwarf_top(r)->id);
			return false;
		}
		dwarf_method_defined(r, die);
		if (r->names_functions)
			dwarf_scope_note(r, die);
		next->in_function = true;
		next->function_named = false;
		return true;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_common_block:
		return true;
	default:
		return false;
	}
}

static void visit_parameter(struct reader *r, Dwarf_Die die)
{
	uint32_t type = dwarf_type_of(r, die, DW_AT_type);

	if (type != TYPE_NONE)
		r->raw.types.at[type].popularity++;
}

/* True when the children of @die are to be read in frame @next. */
static bool visit(struct reader *r, Dwarf_Die die, Dwarf_Half tag,
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

Dwarf_Die dwarf_first(struct reader *r, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Die child = NULL;

	switch (dwarf_child(die, &child, &error)) {
	case DW_DLV_OK:
		return child;
	case DW_DLV_ERROR:
		dwarf_drop(r, error, "a unit of debug information");
		return NULL;
	default:
		return NULL;
	}
}

Dwarf_Die dwarf_next(struct reader *r, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Die next = NULL;

	if (dwarf_siblingof_b(r->dbg, die, r->is_info, &next, &error) ==
	    DW_DLV_ERROR)
		dwarf_drop(r, error, "a unit of debug information");
	dwarf_dealloc_die(die);
	return next;
}

static void step(struct reader *r, struct die_level *f)
{
	f->die = dwarf_next(r, f->die);
}

/* Enter the children of @die in the frame above, prepared by visit(). */
static void enter(struct reader *r, Dwarf_Die die, Dwarf_Half tag)
{
	struct die_level *next = &r->stack[r->depth];

	next->tag = tag;
	next->die = dwarf_first(r, die);
	r->depth++;
}

static void leave(struct reader *r)
{
	struct die_level *f = dwarf_top(r);

	dwarf_finish_type(r, f);
	r->scope.len = f->scope_len;
	r->depth--;
}

/* One DIE: look at it, and at its children before its siblings. */
static void visit_next(struct reader *r, struct die_level *f)
{
	struct die_level *next = &r->stack[r->depth];
	Dwarf_Error error = NULL;
	Dwarf_Half tag = 0;

	if (dwarf_tag(f->die, &tag, &error) != DW_DLV_OK) {
		dwarf_drop(r, error, "a unit of debug information");
		step(r, f);
		return;
	}
	if (r->depth == DWARF_MAX_DEPTH) {
		diag_add(r->diag, "debug information nested deeper than %d",
			 DWARF_MAX_DEPTH);
		step(r, f);
		return;
	}
	next->scope_len = r->scope.len;
	next->in_function = f->in_function;
	next->is_variant = false;
	next->discriminant = 0;
	if (visit(r, f->die, tag, next))
		enter(r, f->die, tag);
	else
		step(r, f);
}

/* As if @first were the first DIE of a unit. */
static struct die_level *begin_walk(struct reader *r, Dwarf_Die first)
{
	struct die_level *root = &r->stack[0];

	r->depth = 1;
	r->scope.len = 0;
	root->tag = DW_TAG_compile_unit;
	root->id = TYPE_NONE;
	root->owner = -1;
	root->in_function = false;
	root->die = first;
	return root;
}

/* The next DIE below the outermost level, or the way back to it. */
static void walk_on(struct reader *r)
{
	struct die_level *f = dwarf_top(r);

	if (f->die) {
		visit_next(r, f);
		return;
	}
	leave(r);
	step(r, dwarf_top(r));
}

static void walk_unit(struct reader *r, Dwarf_Die unit)
{
	struct die_level *root = begin_walk(r, dwarf_first(r, unit));

	while ((r->depth > 1 || root->die) && !r->no_memory)
		walk_on(r);
	r->depth = 0;
}

void dwarf_read_die(struct reader *r, Dwarf_Die die)
{
	struct die_level *root = begin_walk(r, die);

	do {
		walk_on(r);
	} while (r->depth > 1 && !r->no_memory);
	if (root->die)
		dwarf_dealloc_die(root->die);
	r->depth = 0;
}

/* Does the unit say that its content is in another file (split DWARF)? */
static bool is_skeleton(struct reader *r, Dwarf_Die unit)
{
	return dwarf_text(r, unit, DW_AT_dwo_name) ||
	       dwarf_text(r, unit, DW_AT_GNU_dwo_name);
}

void dwarf_begin_unit(struct reader *r, Dwarf_Die unit)
{
	uint64_t language = 0;

	dwarf_number(r, unit, DW_AT_language, &language);
	r->language = (uint8_t)language;
	r->is_c = is_c(r->language);
}

void dwarf_read_unit(struct reader *r, Dwarf_Die unit,
		     const Dwarf_Sig8 *signature, uint64_t type_offset)
{
	Dwarf_Error error = NULL;
	Dwarf_Off start = 0, length = 0;

	dwarf_begin_unit(r, unit);
	if (is_skeleton(r, unit))
		diag_add(r->diag, "units whose types are in .dwo files, which "
			 "are not read");
	if (type_offset &&
	    dwarf_die_CU_offset_range(unit, &start, &length, &error) ==
	    DW_DLV_OK) {
		uint64_t key = (start + type_offset) |
			       (r->is_info ? 0 : UINT64_C(1) << 63);
		struct type alias = {
			.kind = TYPE_TYPEDEF, .scope = TYPE_NONE,
			.target = dwarf_id(r, key),
		};

		dwarf_fill(r, dwarf_id_of_signature(r, signature), &alias,
			   NULL, NULL);
	}
	walk_unit(r, unit);
}

/* All units of .debug_info or of .debug_types. */
static void read_units(struct reader *r, bool is_info)
{
	r->is_info = is_info;
	while (!r->no_memory) {
		Dwarf_Unsigned length, next, type_offset = 0;
		Dwarf_Half version, address, offset, extension, kind = 0;
		Dwarf_Off abbrev;
		Dwarf_Sig8 signature = {{0}};
		Dwarf_Error error = NULL;
		Dwarf_Die unit = NULL;
		int result;

		result = dwarf_next_cu_header_d(r->dbg, is_info, &length,
			&version, &abbrev, &address, &offset, &extension,
			&signature, &type_offset, &next, &kind, &error);
		if (result == DW_DLV_NO_ENTRY)
			return;
		if (result == DW_DLV_ERROR) {
			dwarf_drop(r, error, "a unit header in debug information");
			return;
		}
		if (dwarf_siblingof_b(r->dbg, NULL, is_info, &unit, &error) !=
		    DW_DLV_OK) {
			dwarf_drop(r, error, "a unit of debug information");
			continue;
		}
		if (kind != DW_UT_type && kind != DW_UT_split_type)
			type_offset = 0;
		dwarf_read_unit(r, unit, &signature, type_offset);
		dwarf_dealloc_die(unit);
	}
}

void dwarf_reader_close(struct reader *r)
{
	if (!r)
		return;
	dwarf_file_close(r->file);
	types_free(&r->raw);
	map_free(&r->ids);
	map_free(&r->signatures);
	map_free(&r->scopes);
	map_free(&r->managers);
	map_free(&r->declared);
	vec_free(&r->vars);
	vec_free(&r->unlocated);
	vec_free(&r->promises);
	vec_free(&r->wanted);
	vec_free(&r->scope);
	vec_free(&r->text);
	for (int i = 0; i < DWARF_MAX_DEPTH; i++) {
		vec_free(&r->stack[i].members);
		vec_free(&r->stack[i].args);
		vec_free(&r->stack[i].counts);
	}
	free(r);
}

bool dwarf_reader_open(struct elf_file *elf, struct diag *diag,
		       struct reader **ret, struct err *err)
{
	struct reader *r = calloc(1, sizeof(*r));

	*ret = NULL;
	if (!r)
		return err_nomem(err, "DWARF");
	r->elf = elf;
	r->diag = diag;
	if (!types_init(&r->raw, err) || !dwarf_file_open(elf, &r->file, err)) {
		dwarf_reader_close(r);
		return false;
	}
	if (r->file)
		r->dbg = dwarf_file_debug(r->file);
	*ret = r;
	return true;
}

bool dwarf_types_read(struct elf_file *elf, struct elf_file *symbols,
		      struct dwarf_types *ret, struct diag *diag,
		      struct err *err)
{
	struct reader *r;
	bool ok;

	*ret = (struct dwarf_types){0};
	if (!dwarf_reader_open(elf, diag, &r, err))
		return false;
	if (r->file) {
		read_units(r, false);
		read_units(r, true);
		dwarf_keep_promises(r);
		if (symbols)
			dwarf_locate_by_symbols(r, symbols);
	}
	ok = dwarf_finish_module(r, ret, err);
	if (!ok)
		dwarf_types_free(ret);
	dwarf_reader_close(r);
	return ok;
}

void dwarf_types_free(struct dwarf_types *types)
{
	types_free(&types->types);
	vec_free(&types->vars);
	*types = (struct dwarf_types){0};
}
