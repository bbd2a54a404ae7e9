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
 *
 * A reader belongs to one thread; several may read open units of one input.
 */
#ifndef FORMATS_DWARF_READER_H
#define FORMATS_DWARF_READER_H

#include "formats/dwarf_input.h"
#include "formats/dwarf_types.h"
#include "formats/slot_flows.h"
#include "formats/types_merge.h"

enum { DWARF_MAX_DEPTH = 128 };

/* A DIE whose children are being read. */
struct die_level {
	struct die die;		/* the child being looked at */
	size_t next;		/* where the child after it begins */
	unsigned tag;		/* of the parent */
	uint32_t id;		/* type that the children complete, or TYPE_NONE */
	struct type type;	/* as far as known, when id is set */
	VEC(struct member) members;
	VEC(struct template_arg) args;
	VEC(uint64_t) counts;	/* elements of each dimension, or UINT64_MAX */
	uint32_t scope;		/* reader.scope, when the frame is left */
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

/* A class without a name that can be called, or the frame of a coroutine. */
struct closure {
	uint32_t id;		/* raw */
	bool is_frame;
	uint32_t scope;		/* string: what it stands in */
	uint64_t unit;		/* key */
	size_t first, n;	/* parameters in reader.closure_parameters */
};

struct reader {
	struct dwarf_input *input;	/* borrowed */
	struct type_table raw;
	struct map ids;		/* key of a DIE -> raw id + 1 */
	/* The same for the unit that is read, when none is referred to from
	 * another one: by distance from its header. What is not above
	 * @local_first was left by other units. */
	VEC(uint32_t) local_ids;
	uint32_t local_first;
	uint64_t local_key;	/* of that unit */
	bool is_local;
	struct map signatures;	/* of a type unit -> raw id + 1 */
	struct map scopes;	/* key of a function -> name of its class, or
				 * namespace */
	struct map managers;	/* key of a function -> raw id of its class + 1 */
	struct map coroutines;	/* key of a function -> raw id of a frame + 1 */
	struct map declared;	/* key -> index + 1 in unlocated */
	struct map names;	/* where a name is, and its scope -> string */
	VEC(struct dwarf_variable) vars, unlocated;	/* raw ids */
	VEC(struct promise) promises;
	VEC(struct closure) closures;
	VEC(uint32_t) closure_parameters;	/* raw ids */
	VEC(uint32_t) wanted;	/* raw ids that dwarf_finish_part() maps */
	uint32_t scope;		/* string: qualified name of where we are */
	VEC(char) text;		/* scratch for names */
	struct die_level stack[DWARF_MAX_DEPTH];
	int depth;
	bool names_functions;	/* scopes are for definitions, too */
	bool is_c;		/* types are not qualified */
	uint8_t language;
	const struct slot_flows *flows;	/* borrowed; or NULL */
	VEC(uint64_t) functions;	/* keys of those in C that stand in
					 * units themselves, when there are flows */
	struct diag *diag;
	bool no_memory;
};

/* dwarf_walk.c */
/** @input and @diag are borrowed. Release with dwarf_reader_close(). */
bool dwarf_reader_open(struct dwarf_input *input, struct diag *diag,
		       struct reader **ret, struct err *err) MUST_CHECK;
void dwarf_reader_close(struct reader *r);
/** Read the types and variables of @unit, which must be open. */
void dwarf_read_unit(struct reader *r, const struct die_unit *unit);
/** Read the one type @die by itself. */
void dwarf_read_die(struct reader *r, const struct die *die);
/** Count damage. */
void dwarf_damaged(struct reader *r);

/* dwarf_attr.c: what attributes of DIEs mean in the raw table. */
/** Name of a DIE; NULL when it has none. Borrowed from the section. */
const char *dwarf_name(const struct die *die);
/** Key of the DIE that the attribute refers to; 0 when there is none. */
uint64_t dwarf_reference(struct reader *r, const struct die *die,
			 unsigned attr);
/** The same as the raw id of a type; TYPE_NONE when there is none. */
uint32_t dwarf_type_of(struct reader *r, const struct die *die, unsigned attr);
/** The DIE with @key, whose unit is opened. */
bool dwarf_die_at(struct reader *r, uint64_t key, struct die *ret);
/** The type in the unit that DW_AT_signature names. */
bool dwarf_die_of_signature(struct reader *r, const struct die *die,
			    struct die *ret);

/** Raw id of the type whose DIE has @key. */
uint32_t dwarf_id(struct reader *r, uint64_t key);
uint32_t dwarf_id_of_signature(struct reader *r, uint64_t signature);
/** Was the raw type @id mentioned only? */
static inline bool dwarf_is_missing(const struct reader *r, uint32_t id)
{
	return r->raw.types.at[id].kind == TYPE_VOID &&
	       r->raw.types.at[id].name == 0;
}
/** Complete the raw type @id. */
void dwarf_fill(struct reader *r, uint32_t id, const struct type *type,
		const struct member *members, const struct template_arg *args);

/* dwarf_scope.c: where we are, and names with it. */
static inline struct die_level *dwarf_top(struct reader *r)
{
	return &r->stack[r->depth - 1];
}
/** @name, borrowed from a section, as a string of the raw table; behind the
 * names around us when @qualify. */
uint32_t dwarf_string(struct reader *r, const char *name, bool qualify);
void dwarf_scope_push(struct reader *r, const char *name);
/** Put the name of the function we are in, if any, into the scope. */
void dwarf_scope_function(struct reader *r);
/** Remember the class of a function declared in it. */
void dwarf_scope_note(struct reader *r, const struct die *die);

/* dwarf_record.c: type DIEs. True when @die was one; it sets up @next, the
 * frame for its children, and *@descend when they matter. */
bool dwarf_visit_type(struct reader *r, const struct die *die, unsigned tag,
		      struct die_level *next, bool *descend);
/** Children of types: members, bases, arguments, dimensions, variants. */
bool dwarf_visit_part(struct reader *r, const struct die *die, unsigned tag,
		      struct die_level *next, bool *descend);
/** All children were seen: complete the type of @frame. */
void dwarf_finish_type(struct reader *r, struct die_level *frame);

/* dwarf_method.c */
/** A method of the class with raw id @class; TYPE_NONE when it is none. */
void dwarf_method_declared(struct reader *r, const struct die *die,
			   uint32_t class);
void dwarf_method_defined(struct reader *r, const struct die *die);

/* dwarf_lambda.c */
/** A function in @class: its call operator, maybe. */
void dwarf_lambda_note(struct reader *r, const struct die *die,
		       const struct die_level *class);
/** All units were read: give closures and frames their names. */
void dwarf_lambda_name(struct reader *r);
/** A parameter or variable of a function: one with its frame, maybe. */
void dwarf_coroutine_see(struct reader *r, const struct die *die);
/** A function with code: an instance of one with a frame, maybe. */
void dwarf_coroutine_defined(struct reader *r, const struct die *die);

/* dwarf_var.c */
void dwarf_visit_variable(struct reader *r, const struct die *die);
/** All units were read: names from declarations that came late. */
void dwarf_keep_promises(struct reader *r);

/* dwarf_finish.c: from raw descriptions to the table of the module. */

/* What was read of some units, or of all: equal types are one. */
struct dwarf_part {
	struct type_table types;
	VEC(struct dwarf_variable) vars;
	VEC(struct dwarf_variable) unlocated;	/* declared only */
	struct slot_flows flows;
};

/** Give all that @r has read to @ret, and map r->wanted to ids of it. Release
 * with dwarf_part_free(). */
bool dwarf_finish_part(struct reader *r, struct dwarf_part *ret,
		       struct err *err) MUST_CHECK;
/** Add @from to @into. */
bool dwarf_join_part(struct dwarf_part *into, const struct dwarf_part *from,
		     struct err *err) MUST_CHECK;
/** The whole module is in @part, which is taken. Variables without a location
 * take it from @symbols, which may be NULL. */
bool dwarf_finish_module(struct dwarf_part *part, struct elf_file *symbols,
			 struct dwarf_types *ret, struct err *err) MUST_CHECK;
void dwarf_part_free(struct dwarf_part *part);

/* dwarf_locate.c */
/** Give variables without a location that of their symbol. */
bool dwarf_locate_by_symbols(struct dwarf_part *part,
			     struct elf_file *symbols) MUST_CHECK;

#endif
