/* SPDX-License-Identifier: MIT */
/*
 * Types that compilers make of functions: closures of lambdas, and frames of
 * coroutines.
 *
 * gcc gives closures no name. They get the one that demanglers write:
 * "main::{lambda(int)#1}", after the function they stand in and the
 * parameters of their call operator; the number tells alike ones of one
 * function apart, in the order of DWARF.
 *
 * A coroutine's frame begins with the address of the function that resumes
 * it. So that function becomes a variable of the frame's type, as it has a
 * parameter "frame_ptr" (gcc) or a variable "__coro_frame" (clang) of it. The
 * frame is called after the function as its author wrote it:
 * "net::fetch::{coroutine#1}".
 */
#include <stdio.h>

#include "formats/dwarf_lists.h"
#include "formats/dwarf_reader.h"

enum { LONGEST_NAME = 1024 };

#define COROUTINE "coroutine"

static bool is_cxx(const struct reader *r)
{
	return !r->is_c && r->language != DW_LANG_Rust &&
	       r->language != DW_LANG_Go;
}

/* --- closures --- */

void dwarf_lambda_note(struct reader *r, const struct die *die,
		       const struct die_level *class)
{
	struct closure closure = {
		.id = class->id, .unit = die->unit->key,
		.first = r->closure_parameters.len,
	};
	const char *name;
	struct die child;
	bool more;

	if (class->id == TYPE_NONE || class->type.name || !is_cxx(r) ||
	    class->type.kind == TYPE_UNION)
		return;
	name = dwarf_name(die);
	if (!name || strcmp(name, "operator()") != 0)
		return;
	for (more = die_first(die, &child); more; more = die_next(&child)) {
		uint32_t type;

		if (die_tag(&child) != DW_TAG_formal_parameter ||
		    die_flag(&child, DW_AT_artificial))
			continue;
		type = dwarf_type_of(r, &child, DW_AT_type);
		if (!vec_push(&r->closure_parameters, type))
			r->no_memory = true;
	}
	closure.n = r->closure_parameters.len - closure.first;
	dwarf_scope_function(r);
	closure.scope = r->scope;
	if (!vec_push(&r->closures, closure))
		r->no_memory = true;
}

/* Without its number; false when it is too long. */
static bool spell(const struct reader *r, const struct closure *c, char *buf,
		  size_t size)
{
	const char *around = types_text(&r->raw, c->scope);
	char type[LONGEST_NAME];
	size_t at = (size_t)snprintf(buf, size, "%s%s{%s", around,
				     *around ? "::" : "",
				     c->is_frame ? COROUTINE "#" : "lambda(");

	if (c->is_frame)
		return at < size;
	for (size_t i = 0; i < c->n && at < size; i++) {
		types_name(&r->raw, r->closure_parameters.at[c->first + i],
			   type, sizeof(type));
		at += (size_t)snprintf(buf + at, size - at, "%s%s",
				       i ? ", " : "", type);
	}
	if (at < size)
		at += (size_t)snprintf(buf + at, size - at, ")#");
	return at < size;
}

/* Several functions may have told of one frame. */
static bool is_named(const struct reader *r, const struct closure *c)
{
	const char *name = types_text(&r->raw, r->raw.types.at[c->id].name);

	return c->is_frame ? strstr(name, "{" COROUTINE "#") != NULL : *name;
}

void dwarf_lambda_name(struct reader *r)
{
	struct map numbers = {0};	/* of names in one unit */

	for (size_t i = 0; i < r->closures.len; i++) {
		const struct closure *c = &r->closures.at[i];
		char buf[LONGEST_NAME], whole[LONGEST_NAME + 16];
		uint64_t *number;

		if (is_named(r, c) || !spell(r, c, buf, sizeof(buf)))
			continue;
		number = map_slot(&numbers, hash_bytes(buf, strlen(buf),
						       c->unit), NULL);
		if (!number)
			break;
		snprintf(whole, sizeof(whole), "%s%llu}", buf,
			 (unsigned long long)++*number);
		r->raw.types.at[c->id].name = types_string(&r->raw, whole);
	}
	map_free(&numbers);
}

/* --- coroutines --- */

/* The innermost function that we are in. */
static const struct die *function_around(struct reader *r)
{
	for (int i = r->depth - 1; i > 0; i--) {
		if (r->stack[i].tag == DW_TAG_subprogram)
			return &r->stack[i - 1].die;
	}
	return NULL;
}

/* A frame's own name tells the mangled one of its function, or nothing. */
static void note_frame(struct reader *r, const struct die *function,
		       uint32_t frame)
{
	struct closure closure = {
		.id = frame, .is_frame = true, .unit = function->unit->key,
	};

	dwarf_scope_function(r);
	closure.scope = r->scope;
	if (!vec_push(&r->closures, closure))
		r->no_memory = true;
}

/* Without code of its own it is one that others are instances of. */
static void add_coroutine(struct reader *r, const struct die *function,
			  uint32_t frame)
{
	struct dwarf_variable v = {
		.type = frame, .flags = VAR_CODE | VAR_COROUTINE,
	};

	if (frame == TYPE_NONE || !function)
		return;
	note_frame(r, function, frame);
	v.name = dwarf_string(r, COROUTINE, false);
	if (!dwarf_entry(function, &v.addr) || v.addr == 0) {
		if (!map_set(&r->coroutines, die_key(function),
			     (uint64_t)frame + 1))
			r->no_memory = true;
	} else if (!vec_push(&r->vars, v)) {
		r->no_memory = true;
	}
}

void dwarf_coroutine_defined(struct reader *r, const struct die *die)
{
	uint64_t key;

	if (r->coroutines.len == 0)
		return;
	key = dwarf_reference(r, die, DW_AT_abstract_origin);
	if (key)
		add_coroutine(r, die, (uint32_t)(map_get(&r->coroutines, key,
							 0) - 1));
}

/* gcc: "void f(f(int)::_Z1fi.Frame *frame_ptr)". */
static void see_parameter(struct reader *r, const struct die *die)
{
	uint64_t key = dwarf_reference(r, die, DW_AT_type);
	const char *name;
	struct die type;

	if (!key || !dwarf_die_at(r, key, &type) ||
	    die_tag(&type) != DW_TAG_pointer_type)
		return;
	key = dwarf_reference(r, &type, DW_AT_type);
	if (!key || !dwarf_die_at(r, key, &type) ||
	    die_tag(&type) != DW_TAG_structure_type)
		return;
	name = dwarf_name(&type);
	if (name && strlen(name) > 6 &&
	    strcmp(name + strlen(name) - 6, ".Frame") == 0)
		add_coroutine(r, function_around(r), dwarf_id(r, key));
}

void dwarf_coroutine_see(struct reader *r, const struct die *die)
{
	const char *name;

	if (!is_cxx(r) || !dwarf_top(r)->in_function)
		return;
	name = dwarf_name(die);
	if (!name)
		return;
	if (die_tag(die) == DW_TAG_formal_parameter) {
		if (strcmp(name, "frame_ptr") == 0)
			see_parameter(r, die);
	} else if (strcmp(name, "__coro_frame") == 0) {
		add_coroutine(r, function_around(r),
			      dwarf_type_of(r, die, DW_AT_type));
	}
}
