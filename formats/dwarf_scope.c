/* SPDX-License-Identifier: MIT */
/* Qualified names: namespaces, classes, functions around a DIE. */
#include "formats/dwarf_name.h"
#include "formats/dwarf_reader.h"

enum { MAX_HOPS = 8 };

struct die_level *dwarf_top(struct reader *r)
{
	return &r->stack[r->depth - 1];
}

/* Append the tidy spelling of @name to r->text, after "::" if need be. */
static bool append_name(struct reader *r, const char *name)
{
	size_t n = strlen(name), at = r->text.len;

	if (!vec_reserve(&r->text, at + n + 3)) {
		r->no_memory = true;
		return false;
	}
	if (at > 0) {
		memcpy(r->text.at + at, "::", 2);
		at += 2;
	}
	if (r->language == DW_LANG_Rust || r->language == DW_LANG_Go)
		memcpy(r->text.at + at, name, n + 1);
	else
		dwarf_name_tidy(name, r->text.at + at, n + 1);
	r->text.len = at + strlen(r->text.at + at);
	return true;
}

uint32_t dwarf_string(struct reader *r, const char *name, bool qualify)
{
	uint32_t id;

	if (!name || !*name)
		return 0;
	r->text.len = 0;
	if (qualify && r->scope.len > 0) {
		if (!vec_reserve(&r->text, r->scope.len)) {
			r->no_memory = true;
			return 0;
		}
		memcpy(r->text.at, r->scope.at, r->scope.len);
		r->text.len = r->scope.len;
	}
	if (!append_name(r, name))
		return 0;
	id = types_string(&r->raw, r->text.at);
	if (id == 0)
		r->no_memory = true;
	return id;
}

void dwarf_scope_push(struct reader *r, const char *name)
{
	uint32_t string = dwarf_string(r, name, true);
	size_t n = r->text.len;

	if (string == 0)
		return;
	if (!vec_reserve(&r->scope, n)) {
		r->no_memory = true;
		return;
	}
	memcpy(r->scope.at, r->text.at, n);
	r->scope.len = n;
}

/*
 * The name of a function may stand in the DIE that declares it; there the
 * class is known, too.
 */
static void push_function(struct reader *r, Dwarf_Die die)
{
	static const Dwarf_Half links[] = {
		DW_AT_specification, DW_AT_abstract_origin,
	};
	Dwarf_Die other = NULL;

	for (int hop = 0; hop < MAX_HOPS; hop++) {
		Dwarf_Die at = other ? other : die;
		const char *name = dwarf_name(r, at);
		uint64_t class = map_get(&r->scopes, dwarf_key(r, at), 0);
		uint64_t key = 0;

		if (name) {
			if (class && r->scope.len == 0)
				dwarf_scope_push(r, types_text(&r->raw,
							(uint32_t)class));
			dwarf_scope_push(r, name);
			break;
		}
		for (size_t i = 0; i < 2 && !key; i++)
			key = dwarf_reference(r, at, links[i]);
		if (other)
			dwarf_dealloc_die(other);
		other = key ? dwarf_die_at(r, key) : NULL;
		if (!other)
			break;
	}
	if (other)
		dwarf_dealloc_die(other);
}

void dwarf_scope_function(struct reader *r)
{
	for (int i = 1; i < r->depth; i++) {
		struct die_level *f = &r->stack[i];

		if (f->tag != DW_TAG_subprogram || f->function_named)
			continue;
		f->function_named = true;
		push_function(r, r->stack[i - 1].die);
	}
}

void dwarf_scope_note(struct reader *r, Dwarf_Die die)
{
	uint64_t key;

	if (r->scope.len == 0)
		return;
	key = dwarf_key(r, die);
	r->text.len = 0;
	if (!vec_reserve(&r->text, r->scope.len + 1)) {
		r->no_memory = true;
		return;
	}
	memcpy(r->text.at, r->scope.at, r->scope.len);
	r->text.at[r->scope.len] = '\0';
	if (!map_set(&r->scopes, key, types_string(&r->raw, r->text.at)))
		r->no_memory = true;
}
