/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What each byte of the address space is for, in one forward sweep.
 *
 * Blocks lie over free chunks, these over the extents of allocators, these
 * over thread stacks, these over module data, and all over mappings. A piece
 * is the longest row of bytes in one mapping of which the same layer is on
 * top. Each layer is a list by address with a cursor.
 */
#ifndef ANALYZE_MEMORY_LAYERS_H
#define ANALYZE_MEMORY_LAYERS_H

#include "analyze/memory_report.h"

struct memory_piece {
	uint64_t start, end;
	enum memory_kind kind;
	uint32_t allocator;	/* UINT32_MAX: none */
};

struct memory_layer {
	size_t next, n;		/* items */
	struct memory_piece top;	/* item next - 1 */
	/** Fetch item @i. */
	void (*item)(const struct memory_layer *layer, size_t i,
		     struct memory_piece *ret);
	const void *items;	/* borrowed */
};

enum { N_MEMORY_LAYERS = 5 };

struct memory_layers {
	const struct heap *heap;	/* borrowed */
	struct memory_layer layer[N_MEMORY_LAYERS];
	VEC(struct memory_piece) stacks, data;
	VEC(const char *) module_paths;	/* sorted; borrowed from the image */
};

bool memory_layers_build(const struct heap *heap, struct memory_layers *ret,
			 struct err *err) MUST_CHECK;
void memory_layers_free(struct memory_layers *layers);

/**
 * The piece of @mapping that begins at @start. Calls come in address order.
 */
void memory_layers_next(struct memory_layers *layers,
			const struct mapping *mapping, uint64_t start,
			struct memory_piece *ret);

#endif
