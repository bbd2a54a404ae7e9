/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Containers inside a type: where each keeps its array, and the words that
 * tell how much of that array is in use.
 *
 * Known by the names of their members, in the debug information of libstdc++
 * (std::vector, std::string of the C++11 ABI), libc++ (std::vector), and
 * Rust's std (Vec, String, HashMap and HashSet). What stands in unions and in
 * variants of enums is left out: whether it is in use cannot be told here.
 *
 * Maps are made once for each type, before threads start, and then only read.
 */
#ifndef ANALYZE_CONTAINER_FIELDS_H
#define ANALYZE_CONTAINER_FIELDS_H

#include "base/arena.h"
#include "base/err.h"
#include "formats/types.h"

enum container_kind {
	CONTAINER_RANGE,	/* three pointers: begin, end, limit */
	CONTAINER_STRING,	/* one more character than its capacity */
	CONTAINER_VEC,		/* pointer, length, capacity */
	CONTAINER_TABLE,	/* hashbrown: elements in front of the pointer */
};

struct container_field {
	enum container_kind kind;
	uint32_t element;	/* stripped type */
	uint64_t stride;	/* bytes of one element, never 0 */
	uint64_t at;		/* offset of the pointer */
	/* Offsets of the words: end and limit; length and capacity; of a table
	 * items and bucket mask. */
	uint64_t used_at, room_at;
};

struct container_fields {
	uint64_t stride;	/* bytes of the type that they are in */
	size_t n;
	const struct container_field *at;	/* [n] by offset */
};

struct container_maps {
	const struct container_fields **of;	/* [n_types] NULL: none */
	size_t n_types;
	struct arena arena;
};

/** Room for the maps of @types. Release with container_maps_free(). */
bool container_maps_init(const struct type_table *types,
			 struct container_maps *ret, struct err *err)
	MUST_CHECK;

/** Make the map of @type unless it is there. Not thread-safe. */
bool container_maps_add(const struct type_table *types, uint32_t type,
			struct container_maps *maps, struct err *err)
	MUST_CHECK;

void container_maps_free(struct container_maps *maps);

/** The containers in @type, or NULL when it has none. */
static inline const struct container_fields *
container_fields_of(const struct container_maps *maps, uint32_t type)
{
	return type < maps->n_types ? maps->of[type] : NULL;
}

#endif
