/* SPDX-License-Identifier: MIT */
#include "analyze/heap.h"

#include <stdlib.h>

#include "analyze/declared.h"
#include "analyze/infer.h"
#include "analyze/overlay.h"
#include "analyze/raw_refs.h"
#include "analyze/refs.h"
#include "analyze/roots.h"
#include "analyze/states.h"
#include "analyze/walk_all.h"
#include "base/bulk.h"

const char *const state_names[N_STATES] = {
	[STATE_REACHABLE] = "reachable",
	[STATE_LEAKED] = "leaked",
	[STATE_STALE] = "stale",
	[STATE_WEAK] = "weak",
};

const char *const evidence_names[N_EVIDENCE] = {
	[EVIDENCE_NONE] = "none",
	[EVIDENCE_SHAPE] = "shape",
	[EVIDENCE_SLOT] = "slot",
	[EVIDENCE_CONTAINER_OF] = "container_of",
	[EVIDENCE_DERIVED] = "derived",
	[EVIDENCE_FIELD] = "field",
	[EVIDENCE_ELEMENT] = "element",
	[EVIDENCE_ROOT] = "root",
	[EVIDENCE_FUNCTOR] = "functor",
	[EVIDENCE_COROUTINE] = "coroutine",
	[EVIDENCE_RUNTIME] = "runtime",
	[EVIDENCE_VTABLE] = "vtable",
};

const char *const content_names[N_CONTENT_CLASSES] = {
	[CONTENT_ZERO] = "zero",
	[CONTENT_TEXT] = "text",
	[CONTENT_POINTERS] = "pointers",
	[CONTENT_NUMBERS] = "numbers",
	[CONTENT_MIXED] = "mixed",
	[CONTENT_UNKNOWN] = "unknown",
};

bool heap_build(struct image *image, struct heap *ret, struct err *err)
{
	struct heap heap = { .image = image };
	struct raw_refs raw = {0};
	bool ok;

	*ret = (struct heap){0};
	overlay_storage(&image->types);
	ok = declared_complete(&image->types, err) && walk_all(&heap, err) && roots_build(&heap, err) &&
	     raw_refs_build(&heap, &raw, err) &&
	     infer_types(&heap, &raw, err) && refs_build(&heap, &raw, err) &&
	     states_build(&heap, err);
	raw_refs_free(&raw);
	if (ok) {
		*ret = heap;
		return true;
	}
	heap_free(&heap);
	return false;
}

void heap_free(struct heap *heap)
{
	bulk_free(heap->addr);
	block_sizes_free(&heap->sizes);
	bulk_free(heap->type);
	bulk_free(heap->why_node);
	bulk_free(heap->why_offset);
	bulk_free(heap->evidence);
	bulk_free(heap->confidence);
	bulk_free(heap->state);
	bulk_free(heap->content);
	bulk_free(heap->owner);
	free(heap->roots);
	bulk_free(heap->free);
	bulk_free(heap->free_owner);
	block_index_free(&heap->index);
	graph_free(&heap->refs);
	graph_free(&heap->referrers);
	vec_free(&heap->allocators);
	vec_free(&heap->extents);
	vec_free(&heap->allocator_state);
	vec_free(&heap->locals);
	vec_free(&heap->allocator_metadata);
	diag_free(&heap->diag);
	arena_free(&heap->arena);
	*heap = (struct heap){0};
}
