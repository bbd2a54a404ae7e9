/* SPDX-License-Identifier: MIT */
#include "analyze/infer.h"

#include "analyze/infer_state.h"

/* What is left of a claim that another one of its rank contradicts. */
enum { DISPUTED = 50 };

bool infer_fits(const struct heap *heap, uint32_t node, uint64_t size,
		bool loose)
{
	const struct allocator *a =
		heap->allocators.at[heap->owner[node]].allocator;
	uint64_t usable = heap->size[node], want;

	if (size == 0 || size > usable)
		return false;
	want = a->usable ? a->usable(size) : size;
	if (want == usable || (loose && want + 16 == usable))
		return true;
	/* A mapping of its own is whole pages. */
	return size >= 128 * 1024 && usable - size < PAGE_SIZE_X86;
}

/* The record that begins with @inner, directly or deeper, is @outer. */
static bool begins_with(const struct type_table *types, uint32_t outer,
			uint32_t inner)
{
	for (int depth = 0; depth < 16; depth++) {
		const struct type *t;

		outer = types_strip(types, outer);
		if (outer == inner)
			return true;
		if (!types_is_record(types, outer))
			return false;
		t = &types->types.at[outer];
		if (t->n_members == 0 ||
		    types->members.at[t->first_member].offset != 0)
			return false;
		outer = types->members.at[t->first_member].type;
	}
	return false;
}

static void settle(struct heap *heap, const struct claim *c)
{
	heap->type[c->node] = c->type;
	heap->count[c->node] = c->count;
	heap->evidence[c->node] = c->evidence;
	heap->confidence[c->node] = c->confidence;
	heap->why_node[c->node] = c->why_node;
	heap->why_offset[c->node] = c->why_offset;
}

bool infer_claim(struct infer *infer, const struct claim *claim)
{
	struct heap *heap = infer->heap;
	const struct type_table *types = &heap->image->types;
	uint32_t old = heap->type[claim->node];

	if (old == claim->type)
		return true;
	if (old != TYPE_NONE) {
		if (heap->evidence[claim->node] == EVIDENCE_VTABLE ||
		    claim->confidence < heap->confidence[claim->node] ||
		    begins_with(types, old, claim->type))
			return true;
		if (claim->confidence == heap->confidence[claim->node] &&
		    !begins_with(types, claim->type, old)) {
			heap->confidence[claim->node] = DISPUTED;
			return true;
		}
	}
	settle(heap, claim);
	return vec_push(&infer->queue, claim->node);
}

bool infer_types(struct heap *heap, const struct raw_refs *raw,
		 struct err *err)
{
	struct infer infer = {
		.heap = heap, .raw = raw, .window = window_of(heap->image),
	};
	bool ok = infer_vtables(&infer, err) && infer_fields(&infer, err);

	window_close(&infer.window);
	vec_free(&infer.queue);
	return ok;
}
