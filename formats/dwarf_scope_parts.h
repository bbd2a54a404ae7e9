/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The parts of a scope: variables, calls, names of functions. Between
 * dwarf_scopes.c, which finds the DIEs, and dwarf_scope_parts.c, which reads
 * them.
 */
#ifndef FORMATS_DWARF_SCOPE_PARTS_H
#define FORMATS_DWARF_SCOPE_PARTS_H

#include "formats/dwarf_lines.h"
#include "formats/dwarf_scopes.h"

/* The address that is being looked up. */
struct scope_walk {
	struct scopes *scopes;
	struct reader *r;
	const struct dwarf_lines *lines;
	struct scope *scope;		/* being filled */
	bool after_call;
};

/** The name of a function or inlined call: qualified, or mangled. */
uint32_t scope_name(struct reader *r, const struct die *die);

/** Whom @die (a function, or what a call refers to) means. */
struct scope_callee scope_callee_of(struct reader *r, const struct die *die);

/** Path of file @index, in reader.raw; 0 when it is unknown. */
uint32_t scope_file(const struct scope_walk *w, uint64_t index);

/** Add the parameter or variable @die, unless it is static or nameless. */
bool scope_add_var(struct scope_walk *w, const struct die *die, bool is_parameter);

/** Note the call @die, if it is the one that returns to our address. */
bool scope_add_call(struct scope_walk *w, const struct die *die);

#endif
