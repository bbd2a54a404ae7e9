/* SPDX-License-Identifier: MIT */
#include "analyze/walk_all.h"

#include <stdlib.h>

#include "base/progress.h"
#include "base/bulk.h"

/* A block or free chunk with the allocator that reported it. */
struct owned_chunk {
	uint64_t addr, size;
	uint8_t owner;
};

struct gathered {
	VEC(struct owned_chunk) blocks, free;
};

static int by_addr(const void *a, const void *b)
{
	const struct owned_chunk *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

static int by_start(const void *a, const void *b)
{
	const struct owned_extent *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Allocators answer nearly in order: look before sorting. */
static void sort_chunks(struct owned_chunk *at, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (at[i - 1].addr > at[i].addr) {
			qsort(at, n, sizeof(*at), by_addr);
			return;
		}
	}
}

static bool add_extents(struct heap *heap, const struct extent *at, size_t n,
			uint32_t allocator, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct owned_extent extent = {
			.start = at[i].start, .end = at[i].end,
			.allocator = allocator,
		};

		if (extent.start < extent.end &&
		    !vec_push(&heap->extents, extent))
			return err_nomem(err, "extents");
	}
	return true;
}

static bool add_state(struct heap *heap, const struct allocation_list *list,
		      struct err *err)
{
	for (size_t i = 0; i < list->state.len; i++) {
		if (!vec_push(&heap->allocator_state, list->state.at[i]))
			return err_nomem(err, "the state of allocators");
	}
	return true;
}

static bool add_metadata(struct heap *heap,
			 const struct allocator_finding *found, struct err *err)
{
	for (size_t i = 0; i < found->metadata.len; i++) {
		if (!vec_push(&heap->allocator_metadata,
			      found->metadata.at[i]))
			return err_nomem(err, "the state of allocators");
	}
	return true;
}

static void free_finding(struct allocator_finding *found)
{
	vec_free(&found->extents);
	vec_free(&found->metadata);
}

static bool add_list(struct gathered *all, const struct allocation_list *list,
		     uint8_t owner, struct err *err)
{
	if (!vec_reserve(&all->blocks, all->blocks.len + list->blocks.len) ||
	    !vec_reserve(&all->free, all->free.len + list->free.len))
		return err_nomem(err, "blocks");
	for (size_t i = 0; i < list->blocks.len; i++) {
		const struct chunk *c = &list->blocks.at[i];

		all->blocks.at[all->blocks.len++] =
			(struct owned_chunk){ c->addr, c->size, owner };
	}
	for (size_t i = 0; i < list->free.len; i++) {
		const struct chunk *c = &list->free.at[i];

		all->free.at[all->free.len++] =
			(struct owned_chunk){ c->addr, c->size, owner };
	}
	return true;
}

static void summarize(const struct allocation_list *list,
		      struct allocator_summary *ret)
{
	ret->understood = true;
	ret->arenas = list->arenas;
	ret->live_blocks = list->blocks.len;
	ret->free_chunks = list->free.len;
	ret->overhead_bytes = list->overhead_bytes;
	for (size_t i = 0; i < list->blocks.len; i++)
		ret->live_bytes += list->blocks.at[i].size;
	for (size_t i = 0; i < list->free.len; i++)
		ret->free_bytes += list->free.at[i].size;
	ret->mapped_bytes = 0;
	for (size_t i = 0; i < list->extents.len; i++)
		ret->mapped_bytes += list->extents.at[i].end -
				     list->extents.at[i].start;
}

/* Walk one allocator that was found; its summary is the last one of heap. */
static bool walk_one(struct heap *heap, const struct allocator_finding *found,
		     struct gathered *all, struct err *err)
{
	uint32_t id = (uint32_t)(heap->allocators.len - 1);
	struct allocator_summary *summary = &heap->allocators.at[id];
	struct allocation_list list = {0};
	struct err failure = {0};
	bool ok;

	if (!summary->allocator->walk)
		return add_extents(heap, found->extents.at, found->extents.len,
				   id, err);
	if (!summary->allocator->walk(heap->image, found, &list, &heap->diag,
				      &failure)) {
		allocation_list_free(&list);
		if (failure.code == ERR_NOMEM || failure.code == ERR_CANCELLED)
			return err_set(err, failure.code, "%s",
				       failure.message);
		diag_add(&heap->diag, "%s heap could not be walked: %s",
			 summary->allocator->name, failure.message);
		return add_extents(heap, found->extents.at, found->extents.len,
				   id, err);
	}
	summarize(&list, summary);
	ok = add_list(all, &list, (uint8_t)id, err) &&
	     add_state(heap, &list, err) &&
	     add_extents(heap, list.extents.at, list.extents.len, id, err);
	allocation_list_free(&list);
	return ok;
}

static bool probe_one(struct heap *heap, const struct allocator *allocator,
		      struct gathered *all, struct err *err)
{
	struct allocator_finding found = {0};
	struct allocator_summary summary = { .allocator = allocator };
	bool ok;

	if (!allocator->probe(heap->image, &heap->arena, &found, err)) {
		free_finding(&found);
		return false;
	}
	if (!found.found) {
		free_finding(&found);
		return true;
	}
	summary.version = found.version ? found.version : "";
	summary.tested = found.tested;
	summary.mapped_bytes = found.mapped_bytes;
	ok = vec_push(&heap->allocators, summary) ||
	     err_nomem(err, "allocators");
	ok = ok && add_metadata(heap, &found, err) &&
	     walk_one(heap, &found, all, err);
	free_finding(&found);
	return ok;
}

/* Sorted extents without overlap: the first claim to an address stands. */
static void settle_extents(struct heap *heap)
{
	struct owned_extent *at = heap->extents.at;
	size_t n = 0;

	if (heap->extents.len > 0)
		qsort(at, heap->extents.len, sizeof(*at), by_start);
	for (size_t i = 0; i < heap->extents.len; i++) {
		struct owned_extent e = at[i];

		if (n > 0 && e.start < at[n - 1].end) {
			if (e.allocator != at[n - 1].allocator)
				diag_add_at(&heap->diag, e.start, 1,
					    "two allocators claim one address");
			e.start = at[n - 1].end;
		}
		if (e.start >= e.end)
			continue;
		if (n > 0 && at[n - 1].end == e.start &&
		    at[n - 1].allocator == e.allocator)
			at[n - 1].end = e.end;
		else
			at[n++] = e;
	}
	heap->extents.len = n;
}

/* Keep chunks that begin where the last one ended or later. */
static size_t drop_overlaps(struct heap *heap, struct owned_chunk *at, size_t n,
			    const char *what)
{
	uint64_t end = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		/* One of no bytes has its address to itself all the same. */
		uint64_t bytes = at[i].size ? at[i].size : 1;

		if (at[i].addr < end || bytes > UINT64_MAX - at[i].addr) {
			diag_add_at(&heap->diag, at[i].addr, 1, "%s", what);
			continue;
		}
		end = at[i].addr + bytes;
		at[kept++] = at[i];
	}
	return kept;
}

static bool make_columns(struct heap *heap, struct err *err)
{
	size_t n = heap->n_blocks;

	heap->addr = bulk_alloc(n + 1, sizeof(*heap->addr));
	heap->size = bulk_alloc(n + 1, sizeof(*heap->size));
	heap->type = bulk_alloc(n + 1, sizeof(*heap->type));
	heap->count = bulk_alloc(n + 1, sizeof(*heap->count));
	heap->why_node = bulk_alloc(n + 1, sizeof(*heap->why_node));
	heap->why_offset = bulk_alloc(n + 1, sizeof(*heap->why_offset));
	heap->evidence = bulk_alloc(n + 1, 1);
	heap->confidence = bulk_alloc(n + 1, 1);
	heap->state = bulk_alloc(n + 1, 1);
	heap->content = bulk_alloc(n + 1, 1);
	heap->owner = bulk_alloc(n + 1, 1);
	if (!heap->addr || !heap->size || !heap->type || !heap->count ||
	    !heap->why_node || !heap->why_offset || !heap->evidence ||
	    !heap->confidence || !heap->state || !heap->content || !heap->owner)
		return err_nomem(err, "the table of blocks");
	for (size_t i = 0; i < n; i++) {
		heap->type[i] = TYPE_NONE;
		heap->why_node[i] = NODE_NONE;
	}
	return true;
}

static bool store_blocks(struct heap *heap, const struct owned_chunk *at,
			 size_t n, struct err *err)
{
	if (n >= NODE_NONE)
		return err_set(err, ERR_LIMIT,
			       "%zu blocks are more than the %u that can be numbered",
			       n, NODE_NONE - 1);
	heap->n_blocks = (uint32_t)n;
	if (!make_columns(heap, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		heap->addr[i] = at[i].addr;
		heap->size[i] = at[i].size;
		heap->owner[i] = at[i].owner;
	}
	return block_index_build(heap->addr, heap->size, heap->n_blocks,
				 &heap->index, err);
}

static bool store_free(struct heap *heap, const struct owned_chunk *at,
		       size_t n, struct err *err)
{
	heap->n_free = n;
	heap->free = bulk_alloc(n + 1, sizeof(*heap->free));
	heap->free_owner = bulk_alloc(n + 1, 1);
	if (!heap->free || !heap->free_owner)
		return err_nomem(err, "the table of free chunks");
	for (size_t i = 0; i < n; i++) {
		heap->free[i] = (struct chunk){ at[i].addr, at[i].size };
		heap->free_owner[i] = at[i].owner;
	}
	return true;
}

bool walk_all(struct heap *heap, struct err *err)
{
	struct gathered all = {0};
	bool ok = true;

	progress_begin("walking the allocators", 0);
	for (size_t i = 0; ok && allocators[i]; i++)
		ok = probe_one(heap, allocators[i], &all, err);
	if (!ok)
		goto out;
	settle_extents(heap);
	sort_chunks(all.blocks.at, all.blocks.len);
	sort_chunks(all.free.at, all.free.len);
	all.blocks.len = drop_overlaps(heap, all.blocks.at, all.blocks.len,
				       "blocks that overlap others were left out");
	all.free.len = drop_overlaps(heap, all.free.at, all.free.len,
				     "free chunks that overlap others were left out");
	ok = store_blocks(heap, all.blocks.at, all.blocks.len, err) &&
	     store_free(heap, all.free.at, all.free.len, err);
out:
	progress_end();
	vec_free(&all.blocks);
	vec_free(&all.free);
	return ok;
}
