/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The pointers inside a type, and which types begin with which.
 *
 * Both are made on demand and kept, since a heap has many blocks of few types.
 */
#ifndef ANALYZE_POINTER_FIELDS_H
#define ANALYZE_POINTER_FIELDS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "formats/types.h"

struct pointer_field {
	uint64_t offset;	/* bytes from the start, a multiple of 8 */
	uint32_t target;	/* stripped pointee; never TYPE_NONE */
};

struct pointer_fields {
	uint64_t stride;	/* bytes of one element */
	size_t n;
	const struct pointer_field *at;	/* [n] by offset */
};

struct pointer_cache {
	const struct type_table *types;	/* borrowed */
	struct map by_type;		/* type -> struct pointer_fields * */
	struct arena arena;
};

/**
 * The pointers of @type, or NULL when memory is exhausted. Pointers in unions
 * and variants are left out: nobody knows whether they are in use. So are
 * those beyond 2^18 leaves of one element. Borrowed from the cache.
 */
const struct pointer_fields *pointer_fields_of(struct pointer_cache *cache,
					       uint32_t type);

void pointer_cache_free(struct pointer_cache *cache);

/* Rows of types that hold a given type at their very beginning. */
struct beginnings {
	size_t n_types;
	uint32_t *row;		/* [n_types + 1] */
	uint32_t *outer;	/* ascending within a row */
};

/** Release with beginnings_free(). O(members). */
bool beginnings_build(const struct type_table *types, struct beginnings *ret,
		      struct err *err) MUST_CHECK;

void beginnings_free(struct beginnings *b);

#endif
