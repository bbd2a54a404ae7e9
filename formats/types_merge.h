/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Joining type tables: many descriptions of one type become one.
 *
 * A reader of DWARF appends what each compilation unit says to a raw table,
 * as it comes, with types_append(); types_merge() then adds a raw table, or
 * that of a module, to another one:
 *
 * - Records, enums, scalars and functions are the same when kind, name, size
 *   and members are. Members are compared by name, place and the *name* of
 *   their type, so that recursive types need no special case and a member of
 *   type `struct x *` is the same whether or not the unit defines x. Nameless
 *   types are compared by content, four levels deep.
 * - Pointers, references, arrays and typedefs are the same when they are of
 *   one kind and name and their targets became one type.
 * - A declaration becomes the definition of its name: of the same table
 *   first, else one that is known, else one that is merged later.
 *
 * Cost: a few passes over types and members; 20 bytes a type for the call.
 */
#ifndef FORMATS_TYPES_MERGE_H
#define FORMATS_TYPES_MERGE_H

#include "formats/types.h"

/**
 * Append @type without looking for an equal one; ids in it may be of types
 * that are appended later. A nameless typedef stands for its target, and a
 * nameless void for TYPE_NONE: neither gets through a merge. Only
 * types_merge() and types_free() understand the table. TYPE_NONE when memory
 * is exhausted or 2^31 types are reached.
 */
uint32_t types_append(struct type_table *table, const struct type *type,
		      const struct member *members,
		      const struct template_arg *args);

/** Describe type @id, which was appended as a blank. False when memory is
 * exhausted. */
bool types_complete(struct type_table *table, uint32_t id,
		    const struct type *type, const struct member *members,
		    const struct template_arg *args);

/**
 * Add all of @from, whose ids must be valid (types_check()), to @into.
 *
 * @param module	Stored in types that are new.
 * @param ret		[from->types.len] the id of each in @into; owned by
 *			the caller, release with free(). May be NULL.
 */
bool types_merge(struct type_table *into, const struct type_table *from,
		 uint32_t module, uint32_t **ret, struct err *err) MUST_CHECK;

/**
 * Fill the indexes of a table whose types and strings were put there by hand.
 * Equal types stay apart.
 */
bool types_index(struct type_table *table, struct err *err) MUST_CHECK;

/**
 * The hash that tells types apart, see above. @hashes are those of the types
 * of @table so far. For types.c and types_merge.c.
 */
uint64_t types_hash(const struct type_table *table, const struct type *type,
		    const struct member *members,
		    const struct template_arg *args, const uint64_t *hashes);

/** Compute table->hashes of all types, those of derived ones when asked for.
 * False when memory is exhausted. */
bool types_hash_all(struct type_table *table, bool with_derived);

/** True for kinds that are what their target is: pointer, array, typedef. */
bool types_is_derived(const struct type *type);

/** True for a nameless typedef: it is its target (const, volatile). */
bool types_is_alias(const struct type *type);

/** True when @a and @b may be declaration and definition of one thing. */
bool types_same_family(const struct type *a, const struct type *b);

/** The type of @table that equals @type, whose hash is @hash, or TYPE_NONE. */
uint32_t types_equal(const struct type_table *table, const struct type *type,
		     uint64_t hash);

/** A definition (or a declaration) of the name and family of @type. */
uint32_t types_namesake(const struct type_table *table,
			const struct type *type, bool declaration);

/**
 * Put @type with its hash into the table: in place of the declaration @id, or
 * as a new one when @id is TYPE_NONE. Returns its id or TYPE_NONE.
 */
uint32_t types_put(struct type_table *table, uint32_t id,
		   const struct type *type, const struct member *members,
		   const struct template_arg *args, uint64_t hash);

#endif
