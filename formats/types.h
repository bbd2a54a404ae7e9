/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The type table: what DWARF says about the shape of memory, for a whole
 * image at once.
 *
 * Types are numbered from 0; ids of other types, members and template
 * arguments are indexes into the tables of the same struct. One type is
 * stored once, however many compilation units and modules describe it: two
 * descriptions are the same when kind, qualified name, size and members are.
 * cv-qualifiers are dropped; typedefs are kept as types of their own. Names
 * are as DWARF spells them, qualified by namespaces and classes, without
 * `struct` or `class`. A nameless struct takes the name of its typedef.
 *
 * The table is open: analyze/ adds types that only memory knows (classes from
 * RTTI, later those of Python and Go).
 *
 * Cost: 56 bytes a type and about 60 in indexes, 24 a member, 24 a template
 * argument, and the names.
 */
#ifndef FORMATS_TYPES_H
#define FORMATS_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

#define TYPE_NONE UINT32_MAX

enum { TYPE_LANGUAGE_RUST = 0x1c };	/* DW_LANG_Rust */

enum type_kind {
	TYPE_VOID,
	TYPE_BOOL,
	TYPE_CHAR,		/* signed or unsigned char: may be text */
	TYPE_INT,
	TYPE_FLOAT,
	TYPE_ENUM,
	TYPE_POINTER,		/* target TYPE_NONE: void * */
	TYPE_REFERENCE,		/* C++ & and && */
	TYPE_MEMBER_POINTER,	/* int C::* and void (C::*)() */
	TYPE_FUNCTION,		/* what a code pointer points at */
	TYPE_ARRAY,		/* count elements of target */
	TYPE_STRUCT,
	TYPE_CLASS,
	TYPE_UNION,
	TYPE_TYPEDEF,
};

enum type_flags {
	TYPE_UNSIGNED = 1,
	TYPE_DECLARATION = 2,	/* the definition was not found */
	TYPE_POLYMORPHIC = 4,	/* has a vtable pointer, its own or a base's */
	TYPE_VARIANT = 8,	/* Rust enum: members belong to variants */
	TYPE_NO_COUNT = 16,	/* array without a bound: int tail[] */
	TYPE_RUNTIME = 32,	/* added by analyze/, not from DWARF */
};

enum member_flags {
	MEMBER_BASE = 1,	/* a base class */
	MEMBER_VIRTUAL = 2,	/* virtual base: the offset is not a constant */
	MEMBER_BITFIELD = 4,
	MEMBER_VPTR = 8,	/* the vtable pointer */
	MEMBER_VARIANT = 16,	/* active only for its discriminant value */
	MEMBER_DISCRIMINANT = 32,
};

struct type {
	uint32_t name;		/* in strings; 0 is nameless */
	uint8_t kind;		/* enum type_kind */
	uint8_t language;	/* low byte of DW_LANG_*, 0 unknown */
	uint16_t flags;		/* enum type_flags */
	uint64_t size;		/* bytes */
	uint64_t count;		/* TYPE_ARRAY: elements */
	uint32_t target;	/* pointee, element, aliased type, base of enum,
				 * what a function returns */
	uint32_t scope;		/* enclosing class, or TYPE_NONE */
	uint32_t first_member, n_members;
	uint32_t first_arg, n_args;	/* TYPE_FUNCTION: its parameters */
	uint32_t module;	/* where it was first seen, or UINT32_MAX */
	uint32_t popularity;	/* pointers, variables, parameters of it seen */
};

struct member {
	uint32_t name;		/* 0: an unnamed struct or union, or a base */
	uint32_t type;
	uint64_t offset;	/* bytes from the start */
	uint16_t flags;		/* enum member_flags */
	uint16_t bit_size;	/* MEMBER_BITFIELD */
	/*
	 * From offset; for MEMBER_VARIANT: which argument of the type has the
	 * discriminant's value as is_value, VARIANT_OTHERWISE when all others.
	 */
	uint32_t bit_offset;
};

#define VARIANT_OTHERWISE UINT32_MAX

struct template_arg {
	uint32_t name;
	uint32_t type;		/* of the value, or the type argument itself */
	uint64_t value;		/* of a value argument */
	/* a type argument has is_value 0 */
	uint32_t is_value;
};

/* Of a Rust vtable's type: the argument that is the type it belongs to. */
#define ARG_SELF "Self"

struct type_table {
	VEC(struct type) types;
	VEC(struct member) members;
	VEC(struct template_arg) args;
	VEC(char) strings;	/* NUL-terminated; offset 0 is "" */
	VEC(uint64_t) hashes;	/* [types.len] of the description */
	struct map by_hash;	/* hash of the description -> id + 1 */
	struct map by_name;	/* hash of the name -> newest id + 1 */
	VEC(uint32_t) same_name;	/* [types.len] next id of the same name hash */
	struct map string_ids;	/* hash -> offset of an equal or clashing string */
};

/** Make an empty table: string 0 is "". */
bool types_init(struct type_table *table, struct err *err) MUST_CHECK;
void types_free(struct type_table *table);

/** The offset of @text in the strings, added when it is new; 0 on no memory. */
uint32_t types_string(struct type_table *table, const char *text);

/**
 * Add @type with its members and arguments (both copied; ids in them refer to
 * the table) and return its id. When the same description is there already,
 * return that id. TYPE_NONE when memory is exhausted.
 */
uint32_t types_add(struct type_table *table, const struct type *type,
		   const struct member *members,
		   const struct template_arg *args);

/** Id of the pointer to @target, made when there is none. */
uint32_t types_pointer_to(struct type_table *table, uint32_t target);

static inline const char *types_text(const struct type_table *table,
				     uint32_t string)
{
	return string < table->strings.len ? table->strings.at + string : "";
}

/**
 * Visit the types called @name (as stored): start with *@i = TYPE_NONE.
 * Returns the next id or TYPE_NONE.
 */
uint32_t types_find(const struct type_table *table, const char *name,
		    uint32_t *i);

/** Follow typedefs to the type itself; TYPE_NONE stays. Bounded. */
uint32_t types_strip(const struct type_table *table, uint32_t id);

/** The member of record @id called @name, or NULL. O(members). */
const struct member *types_member_called(const struct type_table *table,
					 uint32_t id, const char *name);

/** Does the name of type @id begin with @start? */
bool types_name_begins(const struct type_table *table, uint32_t id,
		       const char *start);

/** The array that is the last member of record @id, or NULL: int tail[]. */
const struct type *types_tail(const struct type_table *table, uint32_t id);

/** True for struct, class and union. */
bool types_is_record(const struct type_table *table, uint32_t id);

/**
 * The name for people: "Account", "char *", "int [16]", "void (*)()". Written
 * into @buf (always terminated) and returned. "void" for TYPE_NONE.
 */
const char *types_name(const struct type_table *table, uint32_t id, char *buf,
		       size_t size);

/**
 * Check every index in the table; a table that fails must not be used. For
 * tables that were read from a file.
 */
bool types_check(const struct type_table *table, struct err *err) MUST_CHECK;

/* A scalar inside a type, however deeply nested: what a leaf walk yields. */
struct leaf {
	uint64_t offset;	/* from the start of the outermost type */
	uint32_t type;		/* stripped: scalar, pointer, or record if empty */
	uint32_t member;	/* innermost member, or UINT32_MAX */
	uint32_t owner;		/* innermost record that holds it */
	uint16_t flags;		/* of the members on the way, or-ed */
	bool in_union;
	/* What it lies in, outermost first. Valid during the visit. */
	const struct leaf_step *chain;
	unsigned n_chain;
};

/* A record on the way to a leaf, or an array (@record is TYPE_NONE). */
struct leaf_step {
	uint32_t record;
	uint32_t member;	/* the one that was entered, in the table */
	uint64_t base;		/* where the record begins */
};

/** Is @language, the low byte of a DW_LANG_*, a C? */
bool types_language_is_c(uint8_t language);

/**
 * Flatten @id: call @visit for each scalar leaf, in offset order within one
 * record; arrays inside are expanded. A virtual base is one leaf without a
 * type, of no known offset. Stops when @visit returns false, and after @limit
 * leaves. No recursion deeper than 64 nested records.
 */
void types_leaves(const struct type_table *table, uint32_t id, uint64_t limit,
		  bool (*visit)(void *ctx, const struct leaf *leaf), void *ctx);

/**
 * Path of fields to byte @offset of @id: "history[3].next". "" when the
 * offset is in padding or past the end.
 */
const char *types_field_at(const struct type_table *table, uint32_t id,
			   uint64_t offset, char *buf, size_t size);

enum alternative_answer {
	ALTERNATIVE_GONE,
	ALTERNATIVE_THERE,
	ALTERNATIVE_UNKNOWN,	/* nobody says which: a union of C */
};

/* Says which variant of a Rust enum is there, and which member of a union. */
struct variant_choice {
	/* Is the member of the last of the @n steps of @chain there? It is
	 * one of an enum or of a union; the others are what it lies in. */
	enum alternative_answer (*is_there)(void *ctx,
					    const struct leaf_step *chain,
					    unsigned n);
	void *ctx;
};

/** The same, through the variants that are there: "body.Text.0". The path ends
 * at an enum or a union of which none has something at @offset; of a union
 * whose members are not told apart it takes the first. */
const char *types_live_field_at(const struct type_table *table, uint32_t id,
				uint64_t offset,
				const struct variant_choice *choice, char *buf,
				size_t size);

#endif
