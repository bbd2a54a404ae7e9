/* SPDX-License-Identifier: MIT */
#include "analyze/shape_pooled.h"

#include "analyze/shape_slots.h"

/* Where pointers lead whose targets are known. */
struct seen_targets {
	struct bitset *inside, starts;	/* of the types */
};

static bool note_node(const struct infer *infer, struct shape_cache *cache,
		      uint32_t node, uint32_t type, struct seen_targets *t)
{
	const struct raw_refs *raw = infer->raw;
	const struct heap *heap = infer->heap;
	const struct shape *shape = shape_of(cache, type);
	uint32_t count = heap_is_root(heap, node) ? 1 : heap_count(heap, node);

	if (!shape)
		return false;
	for (uint64_t e = raw->row[node]; e < raw->row[node + 1]; e++) {
		uint64_t offset = raw_offset(raw->where[e]), at;
		const struct shape_word *word = offset == UINT64_MAX ? NULL :
			shape_word_at(shape, count, offset, &at);

		if (!word || word->kind != SHAPE_RECORD)
			continue;
		if (raw_is_start(raw->where[e]))
			bitset_add(&t->starts, word->target);
		else
			bitset_add(t->inside, word->target);
	}
	return true;
}

bool find_pooled(const struct infer *infer, struct shape_cache *cache,
		 struct bitset *ret)
{
	const struct heap *heap = infer->heap;
	const struct type_table *types = &heap->image->types;
	struct seen_targets t = { .inside = ret };
	bool ok = bitset_init(ret, types->types.len) &&
		  bitset_init(&t.starts, types->types.len);

	for (uint32_t i = 0; ok && i < heap->n_nodes; i++) {
		uint32_t type = slot_node_type(heap, i);

		if (type != TYPE_NONE &&
		    infer->raw->row[i] < infer->raw->row[i + 1])
			ok = note_node(infer, cache, i, type, &t);
	}
	for (uint32_t i = 0; ok && i < types->types.len; i++) {
		if (bitset_has(&t.starts, i))
			bitset_remove(ret, i);
	}
	bitset_free(&t.starts);
	return ok;
}
