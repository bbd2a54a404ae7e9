/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Structs of C that begin alike, none of them a header of the others.
 *
 * Nodes of a tree of many kinds are often declared one by one, with the first
 * members repeated and the rest of their own, and cast to whichever kind is
 * the most common: `struct node *parent` then refers to an attribute as well.
 * Relatives have their first three members in common, a pointer among them:
 * same names, places, and types but for typedefs (C11 6.5.2.3, the common
 * initial sequence).
 */
#ifndef ANALYZE_TYPE_RELATIVES_H
#define ANALYZE_TYPE_RELATIVES_H

#include "base/err.h"
#include "formats/types.h"

/* Families, each a ring: next[id] is another struct that begins like @id, or
 * @id itself when there is none. */
struct relatives {
	size_t n_types;
	uint32_t *next;		/* [n_types] */
};

/** Release with relatives_free(). O(types). */
bool relatives_build(const struct type_table *types, struct relatives *ret,
		     struct err *err) MUST_CHECK;

void relatives_free(struct relatives *r);

/** Is there another struct that begins like @id? */
bool relatives_any(const struct relatives *r, uint32_t id);

#endif
