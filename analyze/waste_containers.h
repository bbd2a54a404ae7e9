/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The containers of a heap: which block belongs to which of them, and how
 * much of it they use.
 *
 * Every node whose type is believed and has containers in it
 * (container_fields.h) is read, in the order of the file. A container counts
 * when its words agree with each other and with the block that its pointer
 * refers to; a block that two of them claim belongs to the first.
 *
 * Cost: one read of the nodes that have containers; 4 bytes a block and 24 a
 * container that owns a block.
 */
#ifndef ANALYZE_WASTE_CONTAINERS_H
#define ANALYZE_WASTE_CONTAINERS_H

#include "analyze/container_fields.h"
#include "analyze/heap.h"

struct container {
	uint32_t block, owner;	/* nodes */
	uint32_t offset;	/* of the pointer, in an element of the owner */
	uint32_t used, room;	/* elements */
	uint32_t field;		/* index in the owner's container_fields */
};

struct containers {
	VEC(struct container) at;	/* by owner, then place in it */
	uint32_t *of_block;	/* [n_blocks] 1 + index in at; 0: none */
	struct container_maps maps;
};

/** Release with containers_free(). */
bool containers_build(const struct heap *heap, struct containers *ret,
		      struct err *err) MUST_CHECK;

void containers_free(struct containers *containers);

/** The container that owns @block, or NULL. */
static inline const struct container *
container_of_block(const struct containers *c, uint32_t block)
{
	uint32_t i = c->of_block[block];

	return i ? &c->at.at[i - 1] : NULL;
}

/** What the words of @container mean. */
const struct container_field *
container_field(const struct heap *heap, const struct containers *containers,
		const struct container *container);

/** The type of @node where it is believed, else TYPE_NONE. Sums bear a few
 * wrong types better than references do: less confidence is enough here. */
uint32_t believed_type(const struct heap *heap, uint32_t node);

#endif
