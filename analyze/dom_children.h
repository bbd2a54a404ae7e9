/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The largest children in a dominator tree.
 */
#ifndef ANALYZE_DOM_CHILDREN_H
#define ANALYZE_DOM_CHILDREN_H

#include "analyze/dominators.h"
#include "base/vec.h"

struct dom_children {
	VEC(uint32_t) id;	/* by retained bytes, largest first, then by id */
	uint64_t left_out;	/* further children, smaller than these */
	uint64_t left_bytes;	/* what those retain */
};

/**
 * The @limit largest children of @id, which the tree must hold. Time
 * O(children * log limit). Release with dom_children_free().
 */
bool dom_children_build(const struct dominators *dom, uint32_t id,
			uint64_t limit, struct dom_children *ret,
			struct err *err) MUST_CHECK;

void dom_children_free(struct dom_children *children);

#endif
