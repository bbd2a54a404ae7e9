/* SPDX-License-Identifier: MIT */
#include "analyze/duplicate_rows.h"

#include <stdlib.h>

#include "analyze/block_key.h"
#include "analyze/holder_text.h"

enum {
	ASKED = 8,	/* blocks of a group */
	ALONE = 100,	/* part of all that is a row of its own */
};

/* Distinct from the keys of blocks, which have a type or bit 63. */
#define ROOT_KEY (UINT64_C(3) << 62)
#define NOBODY (ROOT_KEY | UINT32_MAX)

/* What it is that holds @node. */
static uint64_t holder_key(const struct heap *heap, uint32_t node)
{
	uint32_t holder = best_referrer(heap, node);

	if (holder == NODE_NONE)
		return NOBODY;
	return heap_is_root(heap, holder) ? ROOT_KEY | holder :
					    block_key(heap, holder, false);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* A number for the set of those who hold @nodes. */
static uint64_t holders_hash(const struct heap *heap, const uint32_t *nodes,
			     size_t n)
{
	uint64_t key[ASKED] = {0};
	size_t len = 0, asked = n < ASKED ? n : ASKED;

	for (size_t i = 0; i < asked; i++)
		key[i] = holder_key(heap, nodes[i * (n / asked)]);
	qsort(key, asked, sizeof(*key), by_value);
	for (size_t i = 0; i < asked; i++) {
		if (len == 0 || key[len - 1] != key[i])
			key[len++] = key[i];
	}
	return hash_bytes(key, len * sizeof(*key), 1);
}

bool duplicate_rows_build(const struct heap *heap,
			  const struct duplicates *duplicates, bool texts,
			  struct waste_rows *ret, struct err *err)
{
	*ret = (struct waste_rows){0};
	for (size_t i = 0; i < duplicates->groups.len; i++) {
		const struct duplicate_group *g = &duplicates->groups.at[i];
		struct waste_row row = {
			.key = { (uint64_t)g->kind, g->key, i },
			.count = 1, .bytes = g->saved, .used = g->count,
			.most = g->saved, .sample = (uint32_t)i,
			.holder = UINT32_MAX,
		};

		if ((g->kind == DUPLICATE_TEXT) != texts)
			continue;
		if (g->saved < duplicates->bytes / ALONE) {
			row.key[0] |= UINT64_C(1) << 32;
			row.key[2] = holders_hash(heap, duplicates->nodes.at +
						  g->first, g->count);
		}
		if (!waste_rows_add(ret, &row)) {
			waste_rows_free(ret);
			return err_nomem(err, "duplicates");
		}
	}
	waste_rows_sort(ret);
	return true;
}
