/* SPDX-License-Identifier: MIT */
#include "analyze/waste_arenas.h"

#include <stdlib.h>

#include "analyze/block_key.h"
#include "analyze/resident.h"
#include "base/progress.h"
#include "base/sorted.h"

enum {
	PAGE = PAGE_SIZE_X86,
	/* Of a free chunk in a bin malloc keeps size, four links, nothing
	 * else; its address is behind the size. */
	FREE_HEAD = 32,
	HEADER = 16,		/* at most, between two chunks side by side */
	PIN_BLOCKS = 64,	/* looked at from the end of an arena */
	PIN_LEAST = 128 << 10,	/* M_TRIM_THRESHOLD: less is not given back */
	PINS_EACH = 4,		/* of one arena */
};

struct sweep {
	const struct heap *heap;
	struct waste_arenas *ret;
	struct resident resident;	/* for pages */
	struct resident chunks;		/* for free chunks */
	uint32_t block;		/* the first that ends behind the page */
	size_t free;		/* the same of free chunks */
};

/* What lies on one page. */
struct page_use {
	uint64_t live, free;	/* bytes */
	uint32_t largest;	/* node, or NODE_NONE */
};

static uint64_t shared(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t low = a > b ? a : b, high = a_end < b_end ? a_end : b_end;

	return low < high ? high - low : 0;
}

static struct page_use look_at_page(struct sweep *s, uint64_t start,
				    uint64_t end)
{
	const struct heap *h = s->heap;
	struct page_use use = { .largest = NODE_NONE };
	uint64_t most = 0;

	while (s->block < h->n_blocks &&
	       h->addr[s->block] + heap_size(h, s->block) <= start)
		s->block++;
	while (s->free < h->n_free &&
	       h->free[s->free].addr + h->free[s->free].size <= start)
		s->free++;
	for (uint32_t i = s->block; i < h->n_blocks && h->addr[i] < end; i++) {
		uint64_t n = shared(h->addr[i], h->addr[i] + heap_size(h, i),
				    start, end);

		use.live += n;
		if (n > most) {
			most = n;
			use.largest = i;
		}
	}
	for (size_t i = s->free; i < h->n_free && h->free[i].addr < end; i++)
		use.free += shared(h->free[i].addr,
				   h->free[i].addr + h->free[i].size, start,
				   end);
	return use;
}

/* A page with live blocks: its free bytes must stay. */
static bool count_mixed(struct sweep *s, uint32_t allocator,
			const struct page_use *use)
{
	struct waste_row row = { .count = 1, .bytes = use->free,
				 .most = use->free, .sample = use->largest,
				 .holder = NODE_NONE };

	s->ret->pages.at[allocator].mixed += use->free;
	if (use->free < PAGE - PAGE / 4)
		return true;
	row.key[0] = block_key(s->heap, use->largest, false);
	return waste_rows_add(&s->ret->sparse, &row);
}

/* @n pages that are alike, from @addr on. */
static bool count_page(struct sweep *s, uint32_t allocator, uint64_t addr,
		       uint64_t n, const struct page_use *use)
{
	if (use->free == 0)
		return true;
	if (use->live > 0)
		return !resident_page(&s->resident, addr) ||
		       count_mixed(s, allocator, use);
	if (n > 1)
		s->ret->pages.at[allocator].pieces +=
			resident_bytes(&s->resident, addr, addr + n * PAGE);
	else if (resident_page(&s->resident, addr))
		s->ret->pages.at[allocator].pieces += use->free;
	return true;
}

/* Headers of blocks are as good as live. */
static char cell_of(uint64_t live, uint64_t free_bytes, uint64_t size)
{
	if (live == 0)
		return '.';
	return free_bytes <= size / 8 ? '#' : '+';
}

/*
 * Whole pages from @start on that are nothing but inside of one block or of
 * one free chunk, which look_at_page() has come to: @use of all of them.
 */
static uint64_t whole_pages(const struct sweep *s, uint64_t start,
			    uint64_t most, struct page_use *use)
{
	const struct heap *h = s->heap;
	uint64_t n;

	if (use->live == PAGE && h->addr[s->block] <= start) {
		n = (h->addr[s->block] + heap_size(h, s->block) - start) / PAGE;
		n = n < most ? n : most;
		use->live = n ? n * PAGE : use->live;
		return n ? n : 1;
	}
	if (use->live == 0 && use->free == PAGE &&
	    h->free[s->free].addr <= start) {
		n = (h->free[s->free].addr + h->free[s->free].size - start) /
		    PAGE;
		n = n < most ? n : most;
		use->free = n ? n * PAGE : use->free;
		return n ? n : 1;
	}
	return 1;
}

static bool sweep_pages(struct sweep *s, const struct owned_extent *e,
			struct waste_arena *arena)
{
	uint64_t first = e->start & ~(uint64_t)(PAGE - 1);
	uint64_t pages = (e->end - first + PAGE - 1) / PAGE;
	uint64_t step = (pages + ARENA_CELLS - 1) / ARENA_CELLS;
	uint64_t live = 0, free_bytes = 0, size = 0;
	size_t cell = 0;

	for (uint64_t i = 0, n; i < pages; i += n) {
		uint64_t start = first + i * PAGE, end = start + PAGE;
		uint64_t left = step - i % step;
		struct page_use use;

		start = start > e->start ? start : e->start;
		end = end < e->end ? end : e->end;
		use = look_at_page(s, start, end);
		n = whole_pages(s, start, left, &use);
		end = n > 1 ? start + n * PAGE : end;
		live += use.live;
		free_bytes += use.free;
		size += end - start;
		if (!count_page(s, e->allocator, first + i * PAGE, n, &use))
			return false;
		if ((i + n) % step && i + n < pages)
			continue;
		arena->map[cell++] = cell_of(live, free_bytes, size);
		live = free_bytes = size = 0;
	}
	return true;
}

static void count_chunk(struct sweep *s, struct waste_arena *arena,
			const struct chunk *c, uint64_t end)
{
	unsigned class = c->size ? 64 - (unsigned)__builtin_clzll(c->size) : 0;

	class = class < FREE_CLASSES ? class : FREE_CLASSES - 1;
	s->ret->classes[class].chunks++;
	s->ret->classes[class].bytes += c->size;
	arena->free += c->size;
	arena->chunks++;
	if (c->size > arena->largest)
		arena->largest = c->size;
	/* The last word of a chunk is the next one's. */
	if (c->addr + c->size + 8 >= end)
		arena->top = c->size;
	if (c->size > FREE_HEAD)
		s->ret->pages.at[arena->allocator].returnable +=
			resident_bytes(&s->chunks, c->addr + FREE_HEAD,
				       c->addr + c->size);
}

/* The first free chunk at @addr or behind. */
static size_t free_from(const struct heap *h, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, h->n_free, h->free[i].addr < addr);
	return i;
}

/* Resident whole pages of the free chunks between @start and @end, where
 * chunks side by side count as joined. */
static uint64_t free_between(const struct heap *h, struct resident *resident,
			     uint64_t start, uint64_t end)
{
	size_t i = free_from(h, start);
	uint64_t bytes = 0;

	*resident = resident_of(h->image);
	while (i < h->n_free && h->free[i].addr < end) {
		uint64_t from = h->free[i].addr + FREE_HEAD;
		uint64_t to = h->free[i].addr + h->free[i].size;

		for (i++; i < h->n_free && h->free[i].addr < end &&
		     h->free[i].addr - to <= HEADER; i++)
			to = h->free[i].addr + h->free[i].size;
		if (to > from)
			bytes += resident_bytes(resident, from, to);
	}
	return bytes;
}

/* Walk down from the end: which few blocks have much free memory below? */
static bool find_pins(struct sweep *s, const struct owned_extent *e)
{
	const struct heap *h = s->heap;
	uint32_t end = block_index_from(&h->index, e->end);
	struct resident resident;
	int found = 0;

	for (uint32_t i = 0; i < PIN_BLOCKS && i < end && found < PINS_EACH;
	     i++) {
		uint32_t node = end - 1 - i;
		uint64_t below = e->start;
		struct waste_pin pin = { .blocks = i + 1, .node = node };

		if (h->addr[node] < e->start)
			break;
		if (node > 0 && h->addr[node - 1] >= e->start)
			below = h->addr[node - 1] + heap_size(h, node - 1);
		if (h->addr[node] - below < PIN_LEAST)
			continue;
		pin.bytes = free_between(h, &resident, below, h->addr[node]);
		if (pin.bytes < PIN_LEAST)
			continue;
		if (!vec_push(&s->ret->pins, pin))
			return false;
		found++;
	}
	return true;
}

static bool sweep_extent(struct sweep *s, const struct owned_extent *e,
			 size_t *chunk, struct err *err)
{
	const struct heap *h = s->heap;
	struct waste_arena arena = {
		.allocator = e->allocator, .start = e->start,
		.size = e->end - e->start,
	};

	for (; *chunk < h->n_free && h->free[*chunk].addr < e->end; ++*chunk) {
		if (h->free[*chunk].addr >= e->start)
			count_chunk(s, &arena, &h->free[*chunk], e->end);
	}
	for (uint32_t i = block_index_from(&h->index, e->start);
	     i < h->n_blocks && h->addr[i] < e->end; i++) {
		arena.live += heap_size(h, i);
		arena.blocks++;
	}
	if (!sweep_pages(s, e, &arena) || !find_pins(s, e) ||
	    !vec_push(&s->ret->at, arena))
		return err_nomem(err, "arenas");
	progress_add(arena.blocks);
	return !progress_cancelled() ||
	       err_set(err, ERR_CANCELLED, "cancelled");
}

static int by_free(const void *a, const void *b)
{
	const struct waste_arena *x = a, *y = b;

	if (x->free != y->free)
		return x->free < y->free ? 1 : -1;
	return (x->start > y->start) - (x->start < y->start);
}

static int by_bytes(const void *a, const void *b)
{
	const struct waste_pin *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->node > y->node) - (x->node < y->node);
}

static void conclude(struct waste_arenas *ret)
{
	if (ret->at.len > 0)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at), by_free);
	if (ret->pins.len > 0)
		qsort(ret->pins.at, ret->pins.len, sizeof(*ret->pins.at),
		      by_bytes);
	waste_rows_sort(&ret->sparse);
	for (size_t i = 0; i < ret->pages.len; i++) {
		struct waste_pages *p = &ret->pages.at[i];

		/* So far all free bytes on pages without a live block. */
		p->pieces -= p->pieces < p->returnable ? p->pieces :
							 p->returnable;
		ret->total.pieces += p->pieces;
		ret->total.returnable += ret->pages.at[i].returnable;
		ret->total.mixed += ret->pages.at[i].mixed;
	}
}

bool waste_arenas_build(const struct heap *heap, struct waste_arenas *ret,
			struct err *err)
{
	struct sweep s = {
		.heap = heap, .ret = ret,
		.resident = resident_of(heap->image),
		.chunks = resident_of(heap->image),
	};
	size_t chunk = 0;
	bool ok = true;

	*ret = (struct waste_arenas){ .resident_known = s.resident.by_runs };
	for (size_t i = 0; ok && i < heap->allocators.len; i++)
		ok = vec_push(&ret->pages, (struct waste_pages){0}) ||
		     err_nomem(err, "arenas");
	progress_begin("mapping arenas", heap->n_blocks);
	for (size_t i = 0; ok && i < heap->extents.len; i++) {
		const struct owned_extent *e = &heap->extents.at[i];

		if (heap->allocators.at[e->allocator].understood)
			ok = sweep_extent(&s, e, &chunk, err);
	}
	progress_end();
	if (ok)
		conclude(ret);
	else
		waste_arenas_free(ret);
	return ok;
}

void waste_arenas_free(struct waste_arenas *arenas)
{
	vec_free(&arenas->at);
	vec_free(&arenas->pins);
	vec_free(&arenas->pages);
	waste_rows_free(&arenas->sparse);
	*arenas = (struct waste_arenas){0};
}
