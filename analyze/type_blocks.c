/* SPDX-License-Identifier: MIT */
#include "analyze/type_blocks.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/progress.h"

enum { TICK = 1 << 16 };

/* Row of each block, and how many each row has in counts[row + 1]. */
static bool find_rows(const struct heap *heap, const struct map *by_key,
		      uint32_t *row_of, uint64_t *counts, struct err *err)
{
	uint64_t last_key = 0, row = NODE_NONE;

	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		uint64_t key = block_key(heap, i, false);

		if (i % TICK == 0) {
			progress_add(TICK);
			if (progress_cancelled())
				return err_set(err, ERR_CANCELLED, "cancelled");
		}
		/* Neighbours are often alike. */
		if (i == 0 || key != last_key)
			row = map_get(by_key, key, NODE_NONE);
		last_key = key;
		row_of[i] = (uint32_t)row;
		if (row != NODE_NONE)
			counts[row + 1]++;
	}
	return true;
}

static bool fill(const struct heap *heap, const struct type_rows *types,
		 const struct map *by_key, uint32_t *row_of,
		 struct type_blocks *ret, struct err *err)
{
	uint64_t at = 0;

	if (!find_rows(heap, by_key, row_of, ret->row, err))
		return false;
	/* row[i + 1] becomes the place of row i's next block. */
	for (size_t i = 0; i < types->len; i++) {
		uint64_t n = ret->row[i + 1];

		ret->row[i + 1] = at;
		at += n;
	}
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (row_of[i] != NODE_NONE)
			ret->nodes[ret->row[row_of[i] + 1]++] = i;
	}
	return true;
}

bool type_blocks_build(const struct heap *heap, const struct type_rows *types,
		       struct type_blocks *ret, struct err *err)
{
	struct map by_key = {0};
	uint32_t *row_of = malloc((heap->n_blocks + (size_t)1) *
				  sizeof(*row_of));
	bool ok = true;

	*ret = (struct type_blocks){
		.row = calloc(types->len + 2, sizeof(*ret->row)),
		.nodes = malloc((heap->n_blocks + (size_t)1) *
				sizeof(*ret->nodes)),
	};
	for (size_t i = 0; ok && i < types->len; i++)
		ok = map_set(&by_key, types->at[i].key, i);
	ok = ok && row_of && ret->row && ret->nodes ?
	     fill(heap, types, &by_key, row_of, ret, err) :
	     err_nomem(err, "blocks by type");
	free(row_of);
	map_free(&by_key);
	if (!ok)
		type_blocks_free(ret);
	return ok;
}

void type_blocks_free(struct type_blocks *blocks)
{
	free(blocks->row);
	free(blocks->nodes);
	*blocks = (struct type_blocks){0};
}
