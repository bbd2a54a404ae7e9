/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The pointers inside a type, and what the classes around each of them tell
 * about its target.
 *
 * A container's code is generic: the node of std::map<K, V> is reached over
 * pointers to _Rb_tree_node_base, whose declaration knows neither K nor V.
 * But the classes in which the pointer lies do. So each pointer carries a
 * context: the template arguments of all of them.
 *
 * Made on demand and kept, since a heap has many blocks of few types.
 */
#ifndef ANALYZE_POINTER_FIELDS_H
#define ANALYZE_POINTER_FIELDS_H

#include "analyze/code_fields.h"
#include "analyze/raw_ranges.h"
#include "analyze/rust_pointers.h"
#include "analyze/variants.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "formats/types.h"

/* A pointee, and the types that the classes around the pointer are about. */
struct pointer_kind {
	uint32_t target;	/* stripped pointee; never TYPE_NONE */
	uint32_t n_context;
	/* [n_context] stripped, ascending; with POINTER_BEHIND: what a pointer
	 * among the arguments points at, an instance of a template */
	const uint32_t *context;
	const uint8_t *distance;	/* [n_context] classes in between */
};

#define POINTER_BEHIND (UINT32_C(1) << 31)

struct pointer_field {
	uint64_t offset;	/* bytes from the start, a multiple of 8 */
	uint32_t target;	/* stripped pointee; never TYPE_NONE */
	uint32_t kind;		/* for pointer_kind_at() */
	/* When it is in use: NULL is always. Those of one alternative of a
	 * type share the pointer. */
	const struct conditions *when;
	struct rust_pointer rust;
	/* In a union without a known discriminant: the record that has the
	 * innermost such union, and where it begins; or TYPE_NONE. */
	uint32_t record, record_at;
};

struct pointer_fields {
	uint64_t stride;	/* bytes of one element */
	size_t n, n_code, n_union, n_ranges;
	const struct pointer_field *at;	/* [n] by offset */
	/* [n_union] by offset: those in unions without a known discriminant */
	const struct pointer_field *in_union;
	const struct code_field *code;	/* [n_code] */
	const struct raw_range *ranges;	/* [n_ranges] in no union */
};

struct pointer_cache {
	const struct type_table *types;	/* borrowed */
	struct map by_type;		/* type -> struct pointer_fields * */
	struct map by_kind;		/* hash -> 1 + index in kinds */
	VEC(struct pointer_kind) kinds;	/* no two of them equal */
	struct arena arena;
};

/**
 * The pointers of @type, or NULL when memory is exhausted. Several may stand
 * at one offset, in use under different conditions. Those beyond 2^18 leaves
 * of one element are left out. Borrowed from the cache.
 */
const struct pointer_fields *pointer_fields_of(struct pointer_cache *cache,
					       uint32_t type);

static inline const struct pointer_kind *
pointer_kind_at(const struct pointer_cache *cache, uint32_t kind)
{
	return &cache->kinds.at[kind];
}

/**
 * The kind of a pointer to @target that comes out of an array of pointers,
 * which a pointer of @kind refers to. UINT32_MAX when memory is exhausted.
 */
uint32_t pointer_kind_of_element(struct pointer_cache *cache, uint32_t kind,
				 uint32_t target);

/** True when @type is an argument of a class around a pointer of @kind. */
bool pointer_kind_is_about(const struct pointer_kind *kind, uint32_t type);

/** The same, or an argument is a pointer to it. *@distance: how many classes
 * lie between. */
bool pointer_kind_mentions(const struct pointer_kind *kind, uint32_t type,
			   uint8_t *distance);

/** The first pointer at @offset among @at[@n], or NULL. O(log n). */
const struct pointer_field *pointer_field_in(const struct pointer_field *at,
					     size_t n, uint64_t offset);

/** The first pointer at @offset of an element, or NULL. */
static inline const struct pointer_field *
pointer_field_at(const struct pointer_fields *fields, uint64_t offset)
{
	return pointer_field_in(fields->at, fields->n, offset);
}

void pointer_cache_free(struct pointer_cache *cache);

#endif
