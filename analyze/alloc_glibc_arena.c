/* SPDX-License-Identifier: MIT */
/*
 * Arenas and where their memory lies.
 *
 * The main arena grows with sbrk() from mp_.sbrk_base on; other users of
 * sbrk() leave gaps in it, and once sbrk() failed it takes mmapped regions,
 * to which nothing points. A thread's arena is a chain of heaps, each aligned
 * to its greatest size, so that the newest follows from the top chunk.
 */
#include "analyze/alloc_glibc_segment.h"

#include <stdlib.h>

#include "base/map.h"

enum {
	HEAP_MAX = 64 << 20,	/* bytes; four huge pages when malloc uses them */
	MAX_HEAPS = 1 << 20,
	SBRK_GAP_MAX = 256 << 20, /* bytes that somebody else got from sbrk */
	HEAP_PREV = 8, HEAP_SIZE = 16, HEAP_RW_SIZE = 24, /* heap_info */
};

struct arena_walk {
	struct glibc_walk *walk;
	const struct glibc_copy *copy;
	uint32_t number;	/* of the copy */
	uint64_t arena, top, system_mem;
	bool noncontiguous;
	struct glibc_sums sums;
	uint64_t bytes;		/* in segments walked */
	bool top_seen;
};

static struct glibc_segment segment_of(struct arena_walk *a)
{
	return (struct glibc_segment){
		.copy = a->copy, .copy_number = a->number, .arena = a->arena,
		.thread = a->arena != a->copy->main_arena,
		.top = a->top, .sums = &a->sums,
	};
}

/* The rings of the bins must hold exactly the free chunks that we met. */
static void check_bins(struct arena_walk *a)
{
	uint64_t pair = a->arena + a->copy->facts.arena->bins, fd, bk;
	struct glibc_sums *sums = &a->sums;

	for (uint64_t i = 0; i < GLIBC_BINS; i++, pair += 16) {
		if (!glibc_word(a->walk, pair, &fd) ||
		    !glibc_word(a->walk, pair + 8, &bk))
			return;
		sums->members += hash_u64(pair - 16);
		sums->fd += hash_u64(fd);
		sums->bk += hash_u64(bk);
	}
	if (sums->members != sums->fd || sums->members != sums->bk)
		glibc_note(a->walk, a->arena,
			   "arenas whose bins differ from their free chunks");
}

static bool arena_open(struct glibc_walk *walk, uint32_t number,
		       uint64_t arena, struct arena_walk *ret)
{
	const struct glibc_copy *copy = &walk->found->copies[number];
	uint64_t bins = arena + copy->facts.arena->bins, head;

	*ret = (struct arena_walk){
		.walk = walk, .copy = copy, .number = number, .arena = arena,
	};
	if (!glibc_word(walk, arena, &head) ||
	    !glibc_word(walk, bins - 16, &ret->top) ||
	    !glibc_word(walk, bins + GLIBC_SYSTEM_MEM, &ret->system_mem)) {
		glibc_note(walk, arena, "arenas that are not in the file");
		return false;
	}
	ret->noncontiguous = (head >> 32 & GLIBC_NONCONTIGUOUS) != 0;
	return true;
}

/* Walk one segment of the main heap; *@end is where it ends. */
static bool main_segment(struct arena_walk *a, uint64_t start, uint64_t limit,
			 enum glibc_end *how, uint64_t *end, struct err *err)
{
	struct glibc_segment seg = segment_of(a);

	seg.start = seg.extent_start = start;
	seg.limit = limit;
	if (!glibc_walk_segment(a->walk, &seg, how, end, err))
		return false;
	a->bytes += *end - start;
	a->top_seen |= *how == END_TOP;
	return true;
}

/* Memory of sbrk(), as far as the mappings tell. */
static bool is_break(const struct arena_walk *a, const struct extent *run)
{
	const struct image *image = a->walk->image;
	bool named = false;

	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (strcmp(m->path, "[heap]") != 0)
			continue;
		if (m->start >= run->start && m->start < run->end)
			return true;
		named = true;
	}
	return !named || !a->noncontiguous;
}

/*
 * The first segment that begins in [@from, @to), or 0. That is the lowest
 * place from which chunks lead to an end. If the segment is damaged, it is one
 * from which they lead to a free chunk that a list names; only where there is
 * neither, one from which they go on for a while.
 */
static uint64_t find_segment(struct arena_walk *a,
			     const struct glibc_segment *seg, uint64_t from,
			     uint64_t to)
{
	uint64_t whole = glibc_resync(a->walk, seg, from, to, TRUST_END);
	uint64_t hurt = glibc_resync(a->walk, seg, from, whole ? whole : to,
				     TRUST_LISTED);

	if (hurt != 0 && (whole == 0 || hurt < whole))
		return hurt;
	if (whole != 0 || a->top_seen)
		return whole;
	return glibc_resync(a->walk, seg, from, to, TRUST_START);
}

/*
 * Segments one after the other in memory that sbrk() gave. Between them lies
 * what others took; where a segment begins behind it is not written anywhere.
 */
static bool walk_break(struct arena_walk *a, uint64_t start,
		       const struct extent *run, struct err *err)
{
	struct glibc_segment seg = segment_of(a);
	enum glibc_end how;
	uint64_t end, to;

	while (start != 0) {
		if (!main_segment(a, start, run->end, &how, &end, err))
			return false;
		if (how != END_FENCE || a->bytes >= a->system_mem ||
		    !is_break(a, run))
			return true;
		seg.limit = run->end;
		to = run->end - end > SBRK_GAP_MAX ? end + SBRK_GAP_MAX :
						     run->end;
		if (!a->top_seen && a->top > end && a->top < to)
			to = a->top + 1;
		start = find_segment(a, &seg, end, to);
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void glibc_sort_extents(struct glibc_walk *walk)
{
	if (walk->list->extents.len > 1)
		qsort(walk->list->extents.at, walk->list->extents.len,
		      sizeof(struct extent), by_start);
}

/* Can a region of the main heap begin at @page? */
static bool begins_region(struct arena_walk *a, const struct extent *run,
			  uint64_t page)
{
	struct glibc_segment seg = segment_of(a);
	uint64_t word;

	if (!window_u64(&a->walk->order, page + 8, &word) ||
	    (word & CHUNK_FLAGS) != CHUNK_PREV_USED)
		return false;
	seg.start = page;
	seg.limit = run->end;
	return glibc_arrives(a->walk, &seg, page);
}

/* Regions in one run of mappings; @taken are the extents before the search. */
static bool search_run(struct arena_walk *a, const struct extent *run,
		       const glibc_extents *taken, struct err *err)
{
	uint64_t at = (run->start + PAGE_SIZE_X86 - 1) &
		      ~(uint64_t)(PAGE_SIZE_X86 - 1), end;
	enum glibc_end how;

	while (at < run->end && (a->bytes < a->system_mem || !a->top_seen)) {
		const struct extent *in = glibc_extent(taken, at);

		if (in) {
			at = (in->end + PAGE_SIZE_X86 - 1) &
			     ~(uint64_t)(PAGE_SIZE_X86 - 1);
			continue;
		}
		if (!begins_region(a, run, at)) {
			at += PAGE_SIZE_X86;
			continue;
		}
		if (!main_segment(a, at, run->end, &how, &end, err))
			return false;
		at = end > at ? (end + PAGE_SIZE_X86 - 1) &
				~(uint64_t)(PAGE_SIZE_X86 - 1) :
				at + PAGE_SIZE_X86;
	}
	return true;
}

/* Regions that the main heap got from mmap(): any page may begin one. */
static bool search_regions(struct arena_walk *a, struct err *err)
{
	const struct glibc_space *space = &a->walk->space;
	glibc_extents taken = {0};
	bool ok = true;

	glibc_sort_extents(a->walk);
	if (!vec_reserve(&taken, a->walk->list->extents.len + 1))
		return err_nomem(err, "extents");
	for (size_t i = 0; i < a->walk->list->extents.len; i++)
		taken.at[taken.len++] = a->walk->list->extents.at[i];
	for (size_t i = 0; ok && i < space->anon.len; i++)
		ok = search_run(a, &space->anon.at[i], &taken, err);
	vec_free(&taken);
	return ok;
}

/* Where the main heap begins, or 0. */
static uint64_t main_start(struct arena_walk *a)
{
	const struct extent *run = glibc_extent(&a->walk->space.anon, a->top);
	struct glibc_segment seg = segment_of(a);

	if (a->copy->mp != 0)
		return (a->copy->par.sbrk_base + GLIBC_ALIGN - 1) &
		       ~(uint64_t)(GLIBC_ALIGN - 1);
	if (!run)
		return 0;
	seg.start = run->start;
	seg.limit = run->end;
	return find_segment(a, &seg, run->start, a->top + 1);
}

static bool walk_main(struct arena_walk *a, struct err *err)
{
	struct glibc_walk *walk = a->walk;
	uint64_t start = main_start(a);
	const struct extent *run = glibc_extent(&walk->space.anon, start);

	if (a->top == a->copy->bins - 16)	/* never grown */
		return true;
	if (run && !walk_break(a, start, run, err))
		return false;
	if ((!a->top_seen || (a->noncontiguous && a->bytes < a->system_mem)) &&
	    !search_regions(a, err))
		return false;
	if (!a->top_seen)
		glibc_note(walk, a->top, "main heaps without their end");
	if (a->noncontiguous && a->bytes < a->system_mem)
		diag_add_at(walk->diag, a->arena, a->system_mem - a->bytes,
			    "bytes of the main heap that were not found");
	check_bins(a);
	return true;
}

/* A heap_info as it stands in memory. */
struct heap {
	uint64_t start, arena, prev, size, rw_size;
};

static bool heap_read(struct arena_walk *a, uint64_t start, uint64_t max,
		      struct heap *ret)
{
	uint64_t info = a->copy->facts.heap_info;

	*ret = (struct heap){ .start = start };
	return glibc_word(a->walk, start, &ret->arena) &&
	       glibc_word(a->walk, start + HEAP_PREV, &ret->prev) &&
	       glibc_word(a->walk, start + HEAP_SIZE, &ret->size) &&
	       glibc_word(a->walk, start + HEAP_RW_SIZE, &ret->rw_size) &&
	       ret->arena == a->arena && ret->size > info &&
	       ret->size <= max && ret->size % PAGE_SIZE_X86 == 0 &&
	       ret->prev % max == 0;
}

static bool walk_heap(struct arena_walk *a, const struct heap *heap,
		      struct err *err)
{
	const struct glibc_arena_layout *layout = a->copy->facts.arena;
	const struct extent *run = glibc_extent(&a->walk->space.anon,
						heap->start);
	struct glibc_segment seg = segment_of(a);
	uint64_t first = heap->start + a->copy->facts.heap_info, end, rw;
	enum glibc_end how;

	if (first == a->arena)
		first += layout->size;
	seg.start = (first + GLIBC_ALIGN - 1) & ~(uint64_t)(GLIBC_ALIGN - 1);
	seg.extent_start = heap->start;
	seg.limit = heap->start + heap->size;
	if (!run || seg.start >= seg.limit ||
	    !glibc_spend(a->walk, heap->size / GLIBC_ALIGN))
		return true;
	if (!glibc_walk_segment(a->walk, &seg, &how, &end, err))
		return false;
	a->bytes += heap->size;
	a->top_seen |= how == END_TOP;
	/* Once used, then trimmed: still malloc's, and it holds nothing. */
	rw = heap->start + heap->rw_size;
	if (rw > run->end)
		rw = run->end;
	return rw <= seg.limit || heap->rw_size > HEAP_MAX ||
	       vec_push(&a->walk->list->extents,
			((struct extent){ seg.limit, rw })) ||
	       err_nomem(err, "extents");
}

/* The chain of heaps from the newest to the one that holds the arena. */
static bool walk_chain(struct arena_walk *a, uint64_t max, struct err *err)
{
	uint64_t first = a->arena - a->copy->facts.heap_info;
	uint64_t start = a->top & ~(max - 1);
	struct heap heap;

	for (int i = 0; i < MAX_HEAPS; i++) {
		if (!heap_read(a, start, max, &heap))
			break;
		if (!walk_heap(a, &heap, err))
			return false;
		if (start == first)
			return true;
		/* No arena has more heaps than bytes were asked for. */
		if (a->bytes > a->system_mem)
			break;
		start = heap.prev;
	}
	glibc_note(a->walk, start, "damaged heaps of arenas");
	if (start != first && heap_read(a, first, max, &heap))
		return walk_heap(a, &heap, err);
	return true;
}

/* With heaps of up to @max bytes, does the top chunk lead to the arena? */
static bool chain_is_whole(struct arena_walk *a, uint64_t max)
{
	uint64_t first = a->arena - a->copy->facts.heap_info;
	uint64_t start = a->top & ~(max - 1);
	struct heap heap;

	if (!heap_read(a, start, max, &heap) || a->top - start >= heap.size)
		return false;
	for (int i = 0; i < MAX_HEAPS && start != first; i++) {
		start = heap.prev;
		if (!heap_read(a, start, max, &heap))
			return false;
	}
	return start == first;
}

static bool walk_thread_arena(struct arena_walk *a, struct err *err)
{
	uint64_t huge = a->copy->par.hp_pagesize, max = HEAP_MAX;

	if (huge > 0 && huge <= HEAP_MAX / 4 && !chain_is_whole(a, max))
		max = 4 * huge;
	if (!walk_chain(a, max, err))
		return false;
	if (!a->top_seen)
		glibc_note(a->walk, a->top, "arenas without their top chunk");
	else if (a->bytes != a->system_mem)
		glibc_note(a->walk, a->arena,
			   "arenas whose heaps do not add up");
	check_bins(a);
	return true;
}

bool glibc_walk_arenas(struct glibc_walk *walk, uint32_t number,
		       struct err *err)
{
	struct glibc_copy *copy = &walk->found->copies[number];
	uint64_t at = copy->main_arena;
	struct arena_walk a;

	for (uint64_t i = 1; i < copy->arenas; i++) {
		if (!glibc_next_arena(walk, copy, at, &at))
			break;
		if (arena_open(walk, number, at, &a) &&
		    !walk_thread_arena(&a, err))
			return false;
	}
	if (!copy->ring_closed)
		glibc_note(walk, at, "damaged rings of arenas");
	walk->list->arenas += copy->arenas;
	return !arena_open(walk, number, copy->main_arena, &a) ||
	       walk_main(&a, err);
}
