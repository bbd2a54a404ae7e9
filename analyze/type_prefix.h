/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Records that begin like another one, member by member.
 *
 * C has no base classes. Instead of a first member of the header's type many
 * programs repeat the header's members, by a macro perhaps, in each struct
 * that has one, and cast: `struct object { struct object *next; char tag; }`
 * and `struct text { struct object *next; char tag; int length; ... }`. The C
 * standard blesses it for unions (C11 6.5.2.3, common initial sequence).
 */
#ifndef ANALYZE_TYPE_PREFIX_H
#define ANALYZE_TYPE_PREFIX_H

#include "base/err.h"
#include "formats/types.h"

/**
 * For each type the longest other record whose members are the first of its
 * own: same names, places, and types but for typedefs. TYPE_NONE where there is
 * none. A header has a pointer among its members, since all who begin with two
 * numbers are not relatives; and, but for C, two members or more. @ret: [types], owned by the caller, to be freed.
 * O(members).
 */
bool type_prefixes(const struct type_table *types, uint32_t **ret,
		   struct err *err) MUST_CHECK;

/** True when record @outer begins with record @inner: as a first member or
 * base, however deep, or member by member. */
bool type_begins_with(const struct type_table *types, uint32_t outer,
		      uint32_t inner);

/** Of the first @n members of record @id, which has as many: a hash, and
 * whether those of another one are the same. */
uint64_t type_prefix_hash(const struct type_table *types, uint32_t id,
			  uint32_t n);
bool type_prefix_same(const struct type_table *types, uint32_t one,
		      uint32_t other, uint32_t n);

#endif
