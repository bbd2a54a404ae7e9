/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The state shared by the files that read types from DWARF.
 *
 * Every type gets its id in the raw table when it is first mentioned, whether
 * as a DIE or as a reference to one, and is filled in when its DIE comes by;
 * so one pass does, forward references and cycles included. const, volatile
 * and references to type units become nameless typedefs, which
 * types_merge() sees through.
 */
#ifndef FORMATS_DWARF_READER_H
#define FORMATS_DWARF_READER_H

#include "formats/dwarf.h"
#include "formats/dwarf_types.h"
#include "formats/types_merge.h"

enum { DWARF_MAX_DEPTH = 128 };

/* A DIE whose children are being read. */
struct die_level {
	Dwarf_Die die;		/* the child being looked at */
	Dwarf_Half tag;		/* of the parent */
	uint32_t id;		/* type that the children complete, or TYPE_NONE */
	struct type type;	/* as far as known, when id is set */
	VEC(struct member) members;
	VEC(struct template_arg) args;
	VEC(uint64_t) counts;	/* elements of each dimension, or UINT64_MAX */
	size_t scope_len;	/* of reader.scope, when the frame is left */
	int owner;		/* frame that gets members, or -1 */
	uint32_t variant;	/* member.bit_offset of a variant's members */
	uint64_t discriminant;	/* variant part: key of that member, or 0 */
	bool in_function, function_named, is_variant;
};

/* A variable whose declaration comes later than its definition. */
struct promise {
	size_t var;		/* in reader.vars */
	uint64_t key;		/* of the declaration */
};

struct reader {
	struct elf_file *elf;		/* borrowed */
	struct dwarf_file *file;	/* NULL: there is no DWARF */
	Dwarf_Debug dbg;
	struct type_table raw;
	struct map ids;		/* key of a DIE -> raw id + 1 */
	struct map signatures;	/* of a type unit -> raw id + 1 */
	struct map scopes;	/* key of a function -> name of its class, or
				 * namespace */
	struct map managers;	/* key of a function -> raw id of its class + 1 */
	struct map declared;	/* key -> index + 1 in unlocated */
	VEC(struct dwarf_variable) vars, unlocated;	/* raw ids */
	VEC(struct promise) promises;
	VEC(uint32_t) wanted;	/* raw ids that dwarf_finish_module() maps */
	VEC(char) scope;	/* qualified name of where we are, no NUL */
	VEC(char) text;		/* scratch for names */
	struct die_level stack[DWARF_MAX_DEPTH];
	int depth;
	bool is_info;		/* .debug_info, not .debug_types */
	bool names_functions;	/* scopes are for definitions, too */
	bool is_c;		/* types are not qualified */
	uint8_t language;
	struct diag *diag;
	bool no_memory;
};

/* dwarf_types.c */
/** @elf and @diag are borrowed. Release with dwarf_reader_close(). */
bool dwarf_reader_open(struct elf_file *elf, struct diag *diag,
		       struct reader **ret, struct err *err) MUST_CHECK;
void dwarf_reader_close(struct reader *r);
/** Take the language of @unit for what follows. */
void dwarf_begin_unit(struct reader *r, Dwarf_Die unit);
/** Read the types and variables of @unit; of a type unit also @signature, and
 * where its type lies in it. */
void dwarf_read_unit(struct reader *r, Dwarf_Die unit,
		     const Dwarf_Sig8 *signature, uint64_t type_offset);
/** Read the one type @die, which is released, by itself. */
void dwarf_read_die(struct reader *r, Dwarf_Die die);
/** The first child of @die; the sibling of @die, which is released. NULL when
 * there is none. */
Dwarf_Die dwarf_first(struct reader *r, Dwarf_Die die);
Dwarf_Die dwarf_next(struct reader *r, Dwarf_Die die);
/** Count damage and release @error. */
void dwarf_drop(struct reader *r, Dwarf_Error error, const char *what);

/* dwarf_attr.c: one attribute of one DIE. Absent ones give 0, NULL, false. */
bool dwarf_flag(struct reader *r, Dwarf_Die die, Dwarf_Half attr);
bool dwarf_number(struct reader *r, Dwarf_Die die, Dwarf_Half attr,
		  uint64_t *ret);
/** The bytes of a block or an expression; borrowed from the section. */
bool dwarf_expression(struct reader *r, Dwarf_Die die, Dwarf_Half attr,
		      struct bytes *ret);
/** An address of the file. */
bool dwarf_address(struct reader *r, Dwarf_Die die, Dwarf_Half attr,
		   uint64_t *ret);
/** Where a list or a table begins: an offset in a section of the form's. */
bool dwarf_offset(struct reader *r, Dwarf_Die die, Dwarf_Half attr,
		  uint64_t *ret);
/** The index of a list in the table of its unit. */
bool dwarf_list_index(struct reader *r, Dwarf_Die die, Dwarf_Half attr,
		      uint64_t *ret);
bool dwarf_has(struct reader *r, Dwarf_Die die, Dwarf_Half attr);
const char *dwarf_text(struct reader *r, Dwarf_Die die, Dwarf_Half attr);
/** Key of the DIE that the attribute refers to; 0 when there is none. */
uint64_t dwarf_reference(struct reader *r, Dwarf_Die die, Dwarf_Half attr);
/** The same as the raw id of a type; TYPE_NONE when there is none. */
uint32_t dwarf_type_of(struct reader *r, Dwarf_Die die, Dwarf_Half attr);
/** Name of a DIE; NULL when it has none. Borrowed from the section. */
const char *dwarf_name(struct reader *r, Dwarf_Die die);
/** Key of a DIE; 0 when libdwarf fails. */
uint64_t dwarf_key(struct reader *r, Dwarf_Die die);
Dwarf_Die dwarf_die_at(struct reader *r, uint64_t key);
/** The type's DIE in the unit that DW_AT_signature names, or NULL. */
Dwarf_Die dwarf_die_of_signature(struct reader *r, Dwarf_Die die);

/** Raw id of the type whose DIE has @key. */
uint32_t dwarf_id(struct reader *r, uint64_t key);
uint32_t dwarf_id_of_signature(struct reader *r, const Dwarf_Sig8 *signature);
/** Complete the raw type @id. */
void dwarf_fill(struct reader *r, uint32_t id, const struct type *type,
		const struct member *members, const struct template_arg *args);

/* dwarf_scope.c: where we are, and names with it. */
struct die_level *dwarf_top(struct reader *r);
/** @name as a string of the raw table, qualified when @qualify. */
uint32_t dwarf_string(struct reader *r, const char *name, bool qualify);
void dwarf_scope_push(struct reader *r, const char *name);
/** Put the name of the function we are in, if any, into the scope. */
void dwarf_scope_function(struct reader *r);
/** Remember the class of a function declared in it. */
void dwarf_scope_note(struct reader *r, Dwarf_Die die);

/* dwarf_record.c: type DIEs. True when @die was one; it sets up @next, the
 * frame for its children, and *@descend when they matter. */
bool dwarf_visit_type(struct reader *r, Dwarf_Die die, Dwarf_Half tag,
		      struct die_level *next, bool *descend);
/** Children of types: members, bases, arguments, dimensions, variants. */
bool dwarf_visit_part(struct reader *r, Dwarf_Die die, Dwarf_Half tag,
		      struct die_level *next, bool *descend);
/** All children were seen: complete the type of @frame. */
void dwarf_finish_type(struct reader *r, struct die_level *frame);

/* dwarf_method.c */
/** A method of the class with raw id @class; TYPE_NONE when it is none. */
void dwarf_method_declared(struct reader *r, Dwarf_Die die, uint32_t class);
void dwarf_method_defined(struct reader *r, Dwarf_Die die);

/* dwarf_var.c */
void dwarf_visit_variable(struct reader *r, Dwarf_Die die);
/** All units were read: names from declarations that came late. */
void dwarf_keep_promises(struct reader *r);
/** Give variables without a location that of their symbol. */
void dwarf_locate_by_symbols(struct reader *r, struct elf_file *symbols);

/* dwarf_finish.c: from raw descriptions to the table of the module, and
 * r->wanted to its ids. */
bool dwarf_finish_module(struct reader *r, struct dwarf_types *ret,
			 struct err *err);

#endif
