/* SPDX-License-Identifier: MIT */
#include "cli/metadata_spans.h"

#include "analyze/thread_blocks.h"
#include "analyze/walk_all.h"

enum {
	/* Headers, tcaches and arenas are smaller; a gap of more is room that
	 * an alignment left, or that malloc gave back. */
	GAP_MAX = 4096,
	HEADER = 16,		/* bytes before a block */
	TCB_FIRST = 0x40, TCB_LAST = 0x1000,	/* as thread_blocks.c searches */
};

struct builder {
	const struct heap *heap;
	uint32_t block;		/* the first that may still come */
	size_t chunk;		/* free one, likewise */
	struct heap_spans *ret;
};

static bool add(struct heap_spans *ret, uint64_t start, uint64_t end)
{
	return start >= end ||
	       vec_push(&ret->metadata, ((struct memory_span){ start, end }));
}

/** The next block or free chunk before @end; false when there is none. */
static bool next_chunk(struct builder *b, uint64_t end, struct chunk *ret,
		       bool *is_free)
{
	const struct heap *heap = b->heap;
	uint64_t block = b->block < heap->n_blocks ? heap->addr[b->block] :
						     UINT64_MAX;
	uint64_t chunk = b->chunk < heap->n_free ? heap->free[b->chunk].addr :
						   UINT64_MAX;

	*is_free = chunk < block;
	if ((*is_free ? chunk : block) >= end)
		return false;
	if (*is_free)
		*ret = heap->free[b->chunk++];
	else
		*ret = (struct chunk){ block, heap_size(heap, b->block++) };
	return true;
}

/** Metadata of [@start, @end), which no block has, but @before one. */
static bool add_gap(struct builder *b, uint64_t start, uint64_t end,
		    bool before)
{
	if (start < end && end - start > GAP_MAX)
		return !before || add(b->ret, end - HEADER, end);
	return add(b->ret, start, end);
}

static bool add_extent(struct builder *b, const struct owned_extent *e)
{
	uint64_t at = e->start;
	struct chunk c;
	bool is_free;

	while (next_chunk(b, e->end, &c, &is_free)) {
		uint64_t end = c.size < UINT64_MAX - c.addr ? c.addr + c.size :
							      UINT64_MAX;

		if (c.addr < at)
			continue;
		if (!add_gap(b, at, c.addr, true))
			return false;
		if (is_free && !vec_push(&b->ret->free,
					 ((struct memory_span){ c.addr, end })))
			return false;
		at = end;
	}
	return add_gap(b, at, e->end, false);
}

/** What a walk does not understand stays as ordinary memory. */
static bool add_heap(const struct heap *heap, struct heap_spans *ret)
{
	struct builder b = { .heap = heap, .ret = ret };

	for (size_t i = 0; i < heap->extents.len; i++) {
		const struct owned_extent *e = &heap->extents.at[i];

		if (heap->allocators.at[e->allocator].understood &&
		    !add_extent(&b, e))
			return false;
	}
	for (size_t i = 0; i < heap->allocator_metadata.len; i++) {
		const struct extent *e = &heap->allocator_metadata.at[i];

		if (!add(ret, e->start, e->end))
			return false;
	}
	return true;
}

/** The word behind the one that says where a thread's stack begins. */
static bool add_thread(struct window *w, const struct thread_block *block,
		       struct heap_spans *ret)
{
	uint64_t start, size;

	for (uint64_t at = block->tcb + TCB_FIRST; at < block->tcb + TCB_LAST;
	     at += 8) {
		if (!window_u64(w, at, &start) || !window_u64(w, at + 8, &size))
			return true;
		if (start == block->start && size == block->end - block->start)
			return add(ret, at, at + 16);
	}
	return true;
}

static bool add_threads(const struct image *image, struct heap_spans *ret,
			struct err *err)
{
	struct thread_blocks blocks;
	struct window w = window_of(image);
	bool ok = thread_blocks_find(image, &blocks, err);

	for (size_t i = 0; ok && i < blocks.at.len; i++)
		ok = add_thread(&w, &blocks.at.at[i], ret) ||
		     err_nomem(err, "thread stacks");
	window_close(&w);
	thread_blocks_free(&blocks);
	return ok;
}

bool metadata_spans(struct image *image, struct heap_spans *ret,
		    struct err *err)
{
	struct heap heap = { .image = image };
	bool ok;

	*ret = (struct heap_spans){0};
	ok = walk_all(&heap, err) &&
	     (add_heap(&heap, ret) || err_nomem(err, "metadata of heaps")) &&
	     add_threads(image, ret, err);
	heap_free(&heap);
	if (!ok)
		heap_spans_free(ret);
	return ok;
}
