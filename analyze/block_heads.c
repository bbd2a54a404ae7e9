/* SPDX-License-Identifier: MIT */
#include "analyze/block_heads.h"

#include "base/bulk.h"

void block_head_read(const struct heap *heap, struct window *window,
		     uint32_t node, struct block_head *ret)
{
	uint64_t words = heap_size(heap, node) / 8;

	*ret = (struct block_head){0};
	for (uint64_t i = 0; i < BLOCK_HEAD_WORDS && i < words; i++) {
		if (!window_u64(window, heap->addr[node] + i * 8,
				&ret->word[i]))
			ret->word[i] = 0;
	}
}

const struct block_head *block_heads_get(struct block_heads *heads,
					 uint32_t node)
{
	const struct heap *heap = heads->heap;

	if (heads->all)
		return &heads->all[node];
	/* What is not in the set takes no memory: it is never touched. */
	heads->all = bulk_alloc(heap->n_blocks, sizeof(*heads->all));
	if (!heads->all)
		return NULL;
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (bitset_has(heads->blocks, i))
			block_head_read(heap, heads->window, i,
					&heads->all[i]);
	}
	return &heads->all[node];
}

void block_heads_free(struct block_heads *heads)
{
	bulk_free(heads->all);
	*heads = (struct block_heads){0};
}
