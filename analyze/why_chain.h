/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Why a block has its type: which word said so, why the holder of that word
 * has its own type, and so on to the variable that began it.
 *
 * The type of the last node of a long list comes over all nodes before it.
 * Steps of one kind, from holders of one type, are therefore counted, not
 * listed: a list of a million nodes is two steps from its root.
 */
#ifndef ANALYZE_WHY_CHAIN_H
#define ANALYZE_WHY_CHAIN_H

#include "analyze/heap.h"

enum { WHY_MAX = 256 };		/* steps that are listed */

struct why_step {
	uint32_t node;		/* whose type is explained */
	uint32_t why;		/* that has the word: a root, a block, @node
				 * itself (a vtable), or NODE_NONE: contents */
	uint32_t offset;	/* of the word */
	uint32_t more;		/* further steps like it that are left out */
};

struct why_chain {
	struct why_step at[WHY_MAX];
	size_t n;		/* 0: @node has no type */
	bool cut;		/* the chain is longer */
};

/** O(length of the chain). */
void why_chain_find(const struct heap *heap, uint32_t node,
		    struct why_chain *ret);

#endif
