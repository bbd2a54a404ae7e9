/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What people call a frame and the values of its locals.
 */
#ifndef ANALYZE_FRAME_TEXT_H
#define ANALYZE_FRAME_TEXT_H

#include "analyze/heap.h"

/** "ns::f", demangled, without parameters; "??" unknown. May be in @buf. */
const char *frame_function(const struct frame *frame, char *buf, size_t size);

/**
 * The value of @local as text: a number, an address, "true", the text behind
 * a pointer to characters that are not on the heap; "{...}" of records and
 * arrays, "(optimised out)". In @buf.
 *
 * @param target	Gets the block that it refers to, or NODE_NONE; may be
 *			NULL.
 */
const char *local_value(const struct heap *heap, const struct local *local,
			char *buf, size_t size, uint32_t *target);

/** Of each local the node that it is, or NODE_NONE. */
struct local_nodes {
	uint32_t *at;		/* [image.locals] */
};

/** Release with local_nodes_free(). O(roots + locals). */
bool local_nodes_build(const struct heap *heap, struct local_nodes *ret,
		       struct err *err) MUST_CHECK;

void local_nodes_free(struct local_nodes *nodes);

#endif
