/* SPDX-License-Identifier: MIT */
/*
 * Functions that manage one type of value behind a void pointer.
 *
 * std::function and std::any keep the address of one beside the value. The
 * class it is a method of has the type of the value as its last template
 * argument: _Function_handler<Signature, F>, _Manager_external<T>. So each
 * becomes a variable of that class, at the address of its code.
 */
#include "formats/dwarf_lists.h"
#include "formats/dwarf_reader.h"

static bool is_manager(const char *name)
{
	static const char *const names[] = {
		"_M_manager", "_S_manage", "__handle",
	};

	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

void dwarf_method_declared(struct reader *r, const struct die *die, uint32_t class)
{
	if (class == TYPE_NONE || !is_manager(dwarf_name(die)))
		return;
	if (!map_set(&r->managers, die_key(die), (uint64_t)class + 1))
		r->no_memory = true;
}

void dwarf_method_defined(struct reader *r, const struct die *die)
{
	uint64_t key = dwarf_reference(r, die, DW_AT_specification), class;
	struct dwarf_variable v = { .flags = VAR_CODE };

	if (r->managers.len == 0)
		return;
	if (!key)
		key = dwarf_reference(r, die, DW_AT_abstract_origin);
	class = key ? map_get(&r->managers, key, 0) : 0;
	if (!class)
		return;
	/* What is inlined everywhere is defined without a place, and referred
	 * to by definitions that have one. */
	if (!map_set(&r->managers, die_key(die), class))
		r->no_memory = true;
	v.type = (uint32_t)class - 1;
	v.name = dwarf_string(r, "manager", false);
	if (!dwarf_entry(die, &v.addr) || v.addr == 0)
		return;
	if (!v.name || !vec_push(&r->vars, v))
		r->no_memory = true;
}
