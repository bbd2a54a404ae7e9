/* SPDX-License-Identifier: MIT */
#include "analyze/walk_all.h"

#include <stdlib.h>

#include "base/bulk.h"
#include "base/progress.h"

/* What one allocator reported, by address. */
struct chunk_list {
	VEC(struct chunk) chunks;
	size_t next;		/* the first that is not merged */
	uint8_t owner;
};

struct chunk_lists {
	VEC(struct chunk_list) of;
};

struct gathered {
	struct chunk_lists blocks, free;
};

static int by_addr(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;

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
static void sort_chunks(struct chunk *at, size_t n)
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

/* Take @at[@n] over from whoever listed them. */
static bool add_list(struct chunk_lists *lists, struct chunk *at, size_t n,
		     size_t cap, uint8_t owner)
{
	struct chunk_list list = {
		.chunks = { at, n, cap }, .owner = owner,
	};

	sort_chunks(at, n);
	if (vec_push(&lists->of, list))
		return true;
	vec_free(&list.chunks);
	return false;
}

static bool add_lists(struct gathered *all, struct allocation_list *list,
		      uint8_t owner, struct err *err)
{
	bool ok = add_list(&all->blocks, list->blocks.at, list->blocks.len,
			   list->blocks.cap, owner);

	list->blocks.at = NULL;
	if (ok) {
		ok = add_list(&all->free, list->free.at, list->free.len,
			      list->free.cap, owner);
		list->free.at = NULL;
	}
	return ok || err_nomem(err, "blocks");
}

static void free_lists(struct chunk_lists *lists)
{
	for (size_t i = 0; i < lists->of.len; i++)
		vec_free(&lists->of.at[i].chunks);
	vec_free(&lists->of);
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
	ok = add_lists(all, &list, (uint8_t)id, err) &&
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
		allocator_finding_free(&found);
		return false;
	}
	if (!found.found) {
		allocator_finding_free(&found);
		return true;
	}
	summary.version = found.version ? found.version : "";
	summary.tested = found.tested;
	summary.mapped_bytes = found.mapped_bytes;
	ok = vec_push(&heap->allocators, summary) ||
	     err_nomem(err, "allocators");
	ok = ok && add_metadata(heap, &found, err) &&
	     walk_one(heap, &found, all, err);
	allocator_finding_free(&found);
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

static size_t count_chunks(const struct chunk_lists *lists)
{
	size_t n = 0;

	for (size_t i = 0; i < lists->of.len; i++)
		n += lists->of.at[i].chunks.len;
	return n;
}

/* The list whose next chunk comes first, or NULL at the end. */
static struct chunk_list *first_list(const struct chunk_lists *lists)
{
	struct chunk_list *first = NULL;

	for (size_t i = 0; i < lists->of.len; i++) {
		struct chunk_list *l = &lists->of.at[i];

		if (l->next < l->chunks.len &&
		    (!first || by_addr(&l->chunks.at[l->next],
				       &first->chunks.at[first->next]) < 0))
			first = l;
	}
	return first;
}

/*
 * The next chunk of all by address that begins where the last one ended, at
 * *@end, or later; those that overlap it are left out, and counted as @what.
 * False at the end.
 */
static bool next_chunk(struct heap *heap, const struct chunk_lists *lists,
		       const char *what, uint64_t *end, struct chunk *ret,
		       uint8_t *owner)
{
	struct chunk_list *l;

	while ((l = first_list(lists))) {
		/* One of no bytes has its address to itself all the same. */
		uint64_t bytes;

		*ret = l->chunks.at[l->next++];
		*owner = l->owner;
		bytes = ret->size ? ret->size : 1;
		if (ret->addr >= *end && bytes <= UINT64_MAX - ret->addr) {
			*end = ret->addr + bytes;
			return true;
		}
		diag_add_at(&heap->diag, ret->addr, 1, "%s", what);
	}
	return false;
}

/* The columns that are not known yet; pages of them cost nothing before they
 * are written to. */
static bool make_columns(struct heap *heap, struct err *err)
{
	size_t n = heap->n_blocks;

	heap->type = bulk_alloc(n + 1, sizeof(*heap->type));
	heap->why_node = bulk_alloc(n + 1, sizeof(*heap->why_node));
	heap->why_offset = bulk_alloc(n + 1, sizeof(*heap->why_offset));
	heap->evidence = bulk_alloc(n + 1, 1);
	heap->confidence = bulk_alloc(n + 1, 1);
	heap->state = bulk_alloc(n + 1, 1);
	heap->content = bulk_alloc(n + 1, 1);
	if (!heap->type || !heap->why_node ||
	    !heap->why_offset || !heap->evidence || !heap->confidence ||
	    !heap->state || !heap->content)
		return err_nomem(err, "the table of blocks");
	for (size_t i = 0; i < n; i++) {
		heap->type[i] = TYPE_NONE;
		heap->why_node[i] = NODE_NONE;
	}
	return true;
}

static bool store_blocks(struct heap *heap, struct chunk_lists *lists,
			 struct err *err)
{
	size_t n = count_chunks(lists), kept = 0;
	uint64_t end = 0;
	struct chunk c;
	uint8_t owner;

	if (n >= NODE_NONE)
		return err_set(err, ERR_LIMIT,
			       "%zu blocks are more than the %u that can be numbered",
			       n, NODE_NONE - 1);
	heap->addr = bulk_alloc(n + 1, sizeof(*heap->addr));
	heap->owner = bulk_alloc(n + 1, 1);
	if (!block_sizes_init(&heap->sizes, n) || !heap->addr || !heap->owner)
		return err_nomem(err, "the table of blocks");
	while (next_chunk(heap, lists,
			  "blocks that overlap others were left out", &end, &c,
			  &owner)) {
		heap->addr[kept] = c.addr;
		if (!block_set_size(&heap->sizes, (uint32_t)kept, c.size))
			return err_nomem(err, "the table of blocks");
		heap->owner[kept++] = owner;
	}
	heap->n_blocks = (uint32_t)kept;
	free_lists(lists);
	return make_columns(heap, err) &&
	       block_index_build(heap->addr, &heap->sizes, heap->n_blocks,
				 &heap->index, err);
}

static bool store_free(struct heap *heap, const struct chunk_lists *lists,
		       struct err *err)
{
	size_t n = count_chunks(lists);
	uint64_t end = 0;
	struct chunk c;
	uint8_t owner;

	heap->free = bulk_alloc(n + 1, sizeof(*heap->free));
	heap->free_owner = bulk_alloc(n + 1, 1);
	if (!heap->free || !heap->free_owner)
		return err_nomem(err, "the table of free chunks");
	while (next_chunk(heap, lists,
			  "free chunks that overlap others were left out",
			  &end, &c, &owner)) {
		heap->free[heap->n_free] = c;
		heap->free_owner[heap->n_free++] = owner;
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
	ok = store_blocks(heap, &all.blocks, err) &&
	     store_free(heap, &all.free, err);
out:
	progress_end();
	free_lists(&all.blocks);
	free_lists(&all.free);
	return ok;
}
