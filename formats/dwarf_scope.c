/* SPDX-License-Identifier: MIT */
/* Qualified names: namespaces, classes, functions around a DIE. */
#include "formats/dwarf_name.h"
#include "formats/dwarf_reader.h"

enum { MAX_HOPS = 8 };

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

static uint32_t make_string(struct reader *r, const char *name, uint32_t scope)
{
	const char *around = types_text(&r->raw, scope);
	size_t n = strlen(around);
	uint32_t id;

	r->text.len = 0;
	if (!vec_reserve(&r->text, n + 1)) {
		r->no_memory = true;
		return 0;
	}
	memcpy(r->text.at, around, n);
	r->text.len = n;
	if (!append_name(r, name))
		return 0;
	id = types_string(&r->raw, r->text.at);
	if (id == 0)
		r->no_memory = true;
	return id;
}

/* Names are known by their place: most are asked for many times. */
uint32_t dwarf_string(struct reader *r, const char *name, bool qualify)
{
	uint32_t scope = qualify ? r->scope : 0, id;
	uint64_t key = (uint64_t)(uintptr_t)name, *slot;

	if (!name || !*name)
		return 0;
	key = (key << 8 | r->language) ^ hash_u64(scope);
	slot = map_slot(&r->names, key, NULL);
	if (slot && *slot)
		return (uint32_t)*slot;
	id = make_string(r, name, scope);
	if (slot)
		*slot = id;
	else
		r->no_memory = true;
	return id;
}

void dwarf_scope_push(struct reader *r, const char *name)
{
	uint32_t string = dwarf_string(r, name, true);

	if (string != 0)
		r->scope = string;
}

/*
 * The name of a function may stand in the DIE that declares it; there the
 * class is known, too.
 */
static void push_function(struct reader *r, const struct die *die)
{
	struct die at = *die;

	for (int hop = 0; hop < MAX_HOPS; hop++) {
		const char *name = dwarf_name(&at);
		uint32_t class = (uint32_t)map_get(&r->scopes, die_key(&at), 0);
		uint64_t key;

		if (name) {
			if (class && !r->scope)
				r->scope = class;
			dwarf_scope_push(r, name);
			break;
		}
		key = dwarf_reference(r, &at, DW_AT_specification);
		if (!key)
			key = dwarf_reference(r, &at, DW_AT_abstract_origin);
		if (!key || !dwarf_die_at(r, key, &at))
			break;
	}
}

void dwarf_scope_function(struct reader *r)
{
	for (int i = 1; i < r->depth; i++) {
		struct die_level *f = &r->stack[i];

		if (f->tag != DW_TAG_subprogram || f->function_named)
			continue;
		f->function_named = true;
		push_function(r, &r->stack[i - 1].die);
		/* What is inside of it, up to the frame that is being set up,
		 * comes back to it. */
		for (int k = i + 1; k <= r->depth && k < DWARF_MAX_DEPTH; k++)
			r->stack[k].scope = r->scope;
	}
}

void dwarf_scope_note(struct reader *r, const struct die *die)
{
	if (r->scope && !map_set(&r->scopes, die_key(die), r->scope))
		r->no_memory = true;
}
