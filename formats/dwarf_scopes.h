/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What DWARF says of a place in the code: in which function it is and which
 * ones are inlined around it, their lines, and the parameters and variables
 * in scope there (DWARF 5, 3.3, 3.4, 3.5, 4.1).
 *
 * A scope is the same for every frame at its address: the expressions that
 * hold there are picked from location lists, and evaluated later, frame by
 * frame. All addresses are those of the file; strings and expressions are
 * borrowed from the reader and its sections.
 */
#ifndef FORMATS_DWARF_SCOPES_H
#define FORMATS_DWARF_SCOPES_H

#include "formats/dwarf_reader.h"

enum {
	SCOPE_MAX_VARS = 4096,		/* of one function */
	SCOPE_MAX_PARAMETERS = 64,	/* of one call */
};

/* A parameter or variable. */
struct scope_var {
	uint32_t name;		/* in reader.raw */
	uint32_t flags;		/* enum local_flags */
	size_t type;		/* in reader.wanted */
	bool has_value;		/* DW_AT_const_value: @value or @expr's bytes */
	uint64_t value;
	struct bytes expr;	/* empty: it is lost here */
	/* Of the declaration; 0 when it may be alive before that line is
	 * reached: parameters, and what has a list of places. */
	uint32_t file, line;
};

/* A function, or one inlined in the next. */
struct scope_function {
	uint32_t name;		/* in reader.raw; qualified, or mangled */
	uint32_t file;		/* in reader.raw, 0 unknown */
	uint32_t line;
	bool is_inlined;
	size_t first_var, n_vars;	/* in scopes.vars */
};

/* What a call passes, told by its caller (DWARF 5, 3.4.1). */
struct scope_parameter {
	struct bytes location;	/* of the callee: a register, mostly */
	struct bytes value;	/* evaluated in the frame of the caller */
	uint64_t key;		/* DIE of the parameter, or 0 */
};

/* Whom a function or a call means; equal when one is known and equal. */
struct scope_callee {
	uint64_t entry;		/* address, or 0 */
	uint32_t linkage;	/* name in the symbol table, or 0 */
};

struct scope {
	uint64_t addr;
	const struct die_unit *unit;
	size_t first_function, n_functions;	/* innermost first */
	struct bytes frame_base;
	struct scope_callee self;
	/* The call behind which the address is; of @n_parameters 0 nothing is
	 * known. */
	struct scope_callee callee;
	struct bytes callee_at;	/* expression of its address, or empty */
	size_t first_parameter, n_parameters;
};

struct scopes {
	struct reader *reader;	/* borrowed */
	VEC(struct scope) at;	/* by addr */
	VEC(struct scope_function) functions;
	VEC(struct scope_var) vars;
	VEC(struct scope_parameter) parameters;
};

/**
 * Look up @addrs[@n], ascending: ret->at[i] is about addrs[i], and has no
 * functions where nothing is known. Reads the types of the units it goes
 * through; types of variables become known with dwarf_finish_module().
 *
 * @param after_call	[n]: the address is the last byte of a call
 * @param ret		Owned by the caller; release with scopes_free(), also
 *			after a failure.
 */
bool scopes_build(struct reader *r, const uint64_t *addrs,
		  const bool *after_call, size_t n, struct scopes *ret,
		  struct err *err) MUST_CHECK;

void scopes_free(struct scopes *scopes);

#endif
