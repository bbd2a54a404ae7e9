/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The type table read backwards: which records hold a given one, and where.
 *
 * A pointer to a base class, or to a header that many structs begin with,
 * refers to one of those that begin with it. A pointer into the middle of a
 * block refers to a member: a list_head, a second base.
 */
#ifndef ANALYZE_TYPE_CONTAINS_H
#define ANALYZE_TYPE_CONTAINS_H

#include "base/map.h"
#include "base/vec.h"
#include "formats/types.h"

/* Rows of types that hold a given type at their very beginning, or repeat its
 * members there (type_prefix.h). */
struct beginnings {
	size_t n_types;
	uint32_t *row;		/* [n_types + 1] */
	uint32_t *outer;	/* ascending within a row */
};

/** Release with beginnings_free(). O(members). */
bool beginnings_build(const struct type_table *types, struct beginnings *ret,
		      struct err *err) MUST_CHECK;

void beginnings_free(struct beginnings *b);

/* @outer has a member of the type it stands under, @offset bytes from its
 * start; an element of an array too, up to the 16th. */
struct holder {
	uint32_t outer;
	uint64_t offset;
};

/* Rows of holders, of members at any depth and not at the beginning. */
struct holders {
	size_t n_types;
	uint64_t *row;		/* [n_types + 1] */
	struct holder *at;	/* by (outer, offset) within a row */
};

/** Release with holders_free(). O(members, nested ones counted each time). */
bool holders_build(const struct type_table *types, struct holders *ret,
		   struct err *err) MUST_CHECK;

void holders_free(struct holders *h);

#endif
