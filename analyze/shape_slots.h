/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Fields that do not say what they refer to: void *, integers as wide as a
 * pointer, pointers to types that are not defined here; and pointers to a
 * header with which several types begin.
 *
 * What one such field of one type refers to, of one size and with pointers at
 * the same places, forms a cluster (shape_clusters.h).
 */
#ifndef ANALYZE_SHAPE_SLOTS_H
#define ANALYZE_SHAPE_SLOTS_H

#include "analyze/discriminators.h"
#include "analyze/infer_state.h"
#include "analyze/shapes.h"
#include "analyze/type_contains.h"

/* A field that does not say what it refers to, and how it refers to it. */
struct slot {
	uint32_t type;		/* that has the field */
	uint64_t at;		/* bytes from its start */
	uint64_t owner;		/* of an array of pointers, or 0 */
	uint64_t field;		/* all of this, and the size of the block */
	uint32_t module;	/* of that type */
	uint32_t header;	/* that the block begins with, or TYPE_NONE */
	uint32_t inside;	/* bytes from the start of the block */
	uint64_t tag;		/* what members of the header say that it is;
				 * 0: nothing (discriminators.h) */
	bool told;		/* a typed pointer: it could have said
				 * what is there */
};

/** The type of block or root @node, without typedefs; or TYPE_NONE. */
static inline uint32_t slot_node_type(const struct heap *heap, uint32_t node)
{
	return types_strip(&heap->image->types, heap_is_root(heap, node) ?
			   heap_root(heap, node)->type : heap->type[node]);
}

/** @key, and what is behind one field of one type; or begins with one header,
 * wherever the pointer to it stands. */
uint64_t slot_key(uint64_t key, const struct slot *slot);

/**
 * Reference @e, at a known offset, out of @node with @type and its @shape, as
 * a slot. False when it is none; told is known all the same.
 */
bool slot_of(struct infer *infer, const struct beginnings *beginnings,
	     uint32_t node, uint32_t type, const struct shape *shape,
	     uint64_t e, struct slot *ret);

/**
 * Note field, and what tells the kinds of blocks with one header apart; it is
 * part of the key of a cluster then. Block @to is what the slot refers to.
 * False when memory is exhausted.
 */
bool slot_read_tag(struct discriminators *tags, struct block_heads *heads,
		   uint32_t to, struct slot *slot);

#endif
