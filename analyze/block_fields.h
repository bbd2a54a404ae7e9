/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The inside of one block: its fields with names, types and values.
 */
#ifndef ANALYZE_BLOCK_FIELDS_H
#define ANALYZE_BLOCK_FIELDS_H

#include "analyze/heap.h"
#include "base/arena.h"
#include "base/vec.h"

struct block_field {
	uint64_t offset;
	uint64_t size;		/* bytes; of the whole text for characters */
	const char *name;	/* "history[3].next", "" in an untyped block */
	const char *type;	/* "Account *", "" in an untyped block */
	const char *value;	/* not escaped: may hold any bytes of the heap */
	uint32_t target;	/* block that it refers to, or NODE_NONE */
};

struct block_fields {
	VEC(struct block_field) at;	/* by offset */
	bool cut;		/* there are more than were asked for */
	struct arena arena;
};

/**
 * The first @limit fields of block @node: scalars of its type, characters in
 * a row as one text; in an untyped block its words. Release with
 * block_fields_free(). O(limit).
 */
bool block_fields_build(const struct heap *heap, uint32_t node, size_t limit,
			struct block_fields *ret, struct err *err) MUST_CHECK;

void block_fields_free(struct block_fields *fields);

#endif
