/* SPDX-License-Identifier: MIT */
#include "analyze/type_rows.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/progress.h"
#include "base/vec.h"

enum { TICK = 1 << 16 };

struct builder {
	VEC(struct type_row) rows;
	VEC(uint32_t) covered;	/* [rows] tree position up to which it counts */
	struct map by_key;	/* key -> row */
};

static bool find_row(struct builder *b, uint64_t key, size_t *ret)
{
	struct type_row row = { .key = key };
	bool added;
	uint64_t *slot = map_slot(&b->by_key, key, &added);

	if (!slot)
		return false;
	if (added) {
		*slot = b->rows.len;
		if (!vec_push(&b->rows, row) || !vec_push(&b->covered, 0))
			return false;
	}
	*ret = *slot;
	return true;
}

/*
 * In preorder a subtree is a range: a block counts when it lies behind the
 * range of the last block of its row that counted.
 */
static bool add_block(struct builder *b, const struct heap *heap,
		      const struct dominators *dom, uint32_t position)
{
	uint32_t node = dom->order[position];
	struct type_row *row;
	size_t i;

	if (node >= heap->n_blocks)
		return true;
	if (!find_row(b, block_key(heap, node, false), &i))
		return false;
	row = &b->rows.at[i];
	row->count++;
	row->bytes += heap_size(heap, node);
	if (heap->state[node] == STATE_LEAKED) {
		row->leaked_count++;
		row->leaked_bytes += heap_size(heap, node);
	}
	if (position >= b->covered.at[i]) {
		row->retained += dom->retained[node];
		b->covered.at[i] = dom->end[position];
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const struct type_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

bool type_rows_build(const struct heap *heap, const struct dominators *dom,
		     struct type_rows *ret, struct err *err)
{
	struct builder b = {0};
	bool ok = true;

	*ret = (struct type_rows){0};
	for (uint32_t p = 0; ok && p < dom->n_order; p++) {
		ok = add_block(&b, heap, dom, p);
		if (p % TICK == 0)
			progress_add(TICK);
		if (p % TICK == 0 && progress_cancelled())
			ok = err_set(err, ERR_CANCELLED, "cancelled");
	}
	map_free(&b.by_key);
	vec_free(&b.covered);
	if (!ok) {
		vec_free(&b.rows);
		return err_nomem(err, "the table of types");
	}
	if (b.rows.len > 0)
		qsort(b.rows.at, b.rows.len, sizeof(*b.rows.at), by_bytes);
	ret->at = b.rows.at;
	ret->len = b.rows.len;
	return true;
}

void type_rows_free(struct type_rows *rows)
{
	free(rows->at);
	*rows = (struct type_rows){0};
}
