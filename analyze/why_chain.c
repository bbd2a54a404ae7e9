/* SPDX-License-Identifier: MIT */
#include "analyze/why_chain.h"

static bool is_end(const struct heap *heap, const struct why_step *step)
{
	return step->why == NODE_NONE || step->why == step->node ||
	       heap_is_root(heap, step->why);
}

static bool are_alike(const struct heap *heap, const struct why_step *a,
		      const struct why_step *b)
{
	return !is_end(heap, a) && !is_end(heap, b) &&
	       heap->type[a->why] == heap->type[b->why] &&
	       heap->type[a->node] == heap->type[b->node] &&
	       heap->evidence[a->node] == heap->evidence[b->node];
}

void why_chain_find(const struct heap *heap, uint32_t node,
		    struct why_chain *ret)
{
	ret->n = 0;
	ret->cut = false;
	if (heap_is_root(heap, node) || heap->type[node] == TYPE_NONE)
		return;
	/* Damaged results could form a ring. */
	for (uint32_t left = heap->n_blocks; left > 0; left--) {
		struct why_step step = {
			.node = node, .why = heap->why_node[node],
			.offset = heap->why_offset[node],
		};

		if (ret->n > 0 && are_alike(heap, &ret->at[ret->n - 1], &step)) {
			ret->at[ret->n - 1].more++;
		} else if (ret->n == WHY_MAX) {
			ret->cut = true;
			return;
		} else {
			ret->at[ret->n++] = step;
		}
		if (is_end(heap, &step))
			return;
		node = step.why;
	}
	ret->cut = true;
}
