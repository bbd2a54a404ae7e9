/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the parts of the glibc walker share.
 *
 * The heap is read once, from its start to its end: each chunk's size leads
 * to the next one, whose header tells whether this one is in use. What is in
 * use goes straight to allocation_list.blocks, which is in address order
 * within each *run* (a stretch of chunks without a hole). Chunks in fastbins
 * and tcaches still look used; they are found by following those lists, and
 * marked by their index in that array. Words that can be links of such lists
 * are kept on the way: to read them one by one afterwards would unpack a
 * compressed file many times over. With safe linking hardly any other word
 * looks like one.
 *
 *   alloc_glibc_find.c	copies of malloc: main_arena and mp_
 *   alloc_glibc_arena.c	arenas, their heaps and segments
 *   alloc_glibc_segment.c	one segment, chunk by chunk
 *   alloc_glibc_resync.c	where to go on behind damage or a gap
 *   alloc_glibc_mmap.c	chunks with a mapping of their own
 *   alloc_glibc_choose.c	which of those that look like it are real
 *   alloc_glibc_free.c	fastbins; runs and marks
 *   alloc_glibc_tcache.c	per-thread caches, of living threads and orphans
 *
 * Cost: about 50 ns a chunk, most of it for getting at the bytes. Beyond the
 * result 0.25 bytes a chunk, and 16 for each possible link: before 2.32 that
 * is any block which begins with a pointer or a zero.
 */
#ifndef ANALYZE_ALLOC_GLIBC_H
#define ANALYZE_ALLOC_GLIBC_H

#include "analyze/alloc_glibc_layout.h"
#include "analyze/allocator.h"
#include "base/bitset.h"

enum { GLIBC_MAX_COPIES = 16, GLIBC_MAX_ARENAS = 1 << 16 };

typedef VEC(struct extent) glibc_extents;
typedef VEC(uint64_t) glibc_addresses;

/* The private writable memory of an image; adjoining mappings are joined. */
struct glibc_space {
	glibc_extents data;	/* of modules, .bss included */
	glibc_extents anon;	/* of no file: heaps, bss, huge pages */
};

/* What of mp_ a walker needs. */
struct glibc_par {
	uint64_t sbrk_base;
	uint64_t mmapped_mem;	/* bytes */
	uint32_t n_mmaps;
	uint64_t hp_pagesize;	/* bytes; 0: no huge pages */
	uint64_t tcache_bins, tcache_count;
};

/* One malloc with its data: a process may hold several libcs. */
struct glibc_copy {
	struct glibc_facts facts;	/* .arena is always known */
	uint64_t main_arena;
	uint64_t bins;		/* address of main_arena.bins */
	uint64_t mp;		/* address of mp_, 0 when not found */
	struct glibc_par par;
	uint64_t arenas;	/* in the ring, main_arena included */
	bool ring_closed;
};

/* What probe() leaves for walk(). */
struct glibc_found {
	struct glibc_copy copies[GLIBC_MAX_COPIES];
	size_t n_copies;
};

/* Blocks first .. first + n - 1 of the list, from chunks of [start, end). */
struct glibc_run {
	uint64_t start, end;
	size_t first, n;
	size_t first_link, n_links;	/* in glibc_walk.links */
	uint32_t copy;
};

/* The first word of a chunk, met on the way, that may link to the next. */
struct glibc_stored_link {
	uint64_t field;		/* its address */
	uint64_t word;
};

struct glibc_walk {
	const struct image *image;
	struct window order;	/* for what is read in order of address */
	struct window random;	/* for what lies here and there */
	struct glibc_space space;
	struct glibc_found *found;	/* borrowed */
	struct allocation_list *list;	/* borrowed; NULL while probing */
	struct diag *diag;		/* borrowed; NULL while probing */
	VEC(struct glibc_run) runs;
	/* Saves lists from reading the heap all over, one word a page. */
	VEC(struct glibc_stored_link) links;
	bool indexed;		/* runs are sorted, marks are there */
	struct bitset freed;	/* blocks that turned out to be free */
	struct bitset own;	/* blocks that are malloc's own: tcaches */
	glibc_addresses damaged; /* chunks whose header is bad */
	glibc_addresses cached;	/* chunks in the caches of one copy */
	const struct glibc_copy *cached_of;	/* that copy, or NULL */
	glibc_addresses anchors; /* listed chunks of one arena, ascending */
	uint64_t anchors_of;	/* that arena, or 0 */
	uint64_t budget;	/* steps left for searches and lists */
	bool gave_up;		/* there were not enough */
};

/** Open the windows and list the memory of @image. */
bool glibc_walk_open(const struct image *image, struct glibc_found *found,
		     struct glibc_walk *ret, struct err *err) MUST_CHECK;
void glibc_walk_close(struct glibc_walk *walk);

/** The extent of @extents that holds @addr, or NULL. O(log n). */
const struct extent *glibc_extent(const glibc_extents *extents, uint64_t addr);

static inline bool glibc_word(struct glibc_walk *walk, uint64_t addr,
			      uint64_t *ret)
{
	return window_u64(&walk->random, addr, ret);
}

/** Count one finding at @place; nothing while probing. */
#define glibc_note(walk, place, ...)					\
	((walk)->diag ? diag_add_at((walk)->diag, (place), 1, __VA_ARGS__) \
		      : (void)0)

/** Spend @n steps; false when a search must give up. */
static inline bool glibc_spend(struct glibc_walk *walk, uint64_t n)
{
	walk->gave_up |= walk->budget < n;
	if (walk->budget < n)
		return false;
	walk->budget -= n;
	return true;
}

/* alloc_glibc_find.c */

/** Find every copy of malloc that was used; fills walk->found. */
bool glibc_find(struct glibc_walk *walk, struct err *err) MUST_CHECK;

/** The arena behind @arena in the ring, or false. */
bool glibc_next_arena(struct glibc_walk *walk, const struct glibc_copy *copy,
		      uint64_t arena, uint64_t *ret);

/* alloc_glibc_arena.c */

/** Walk all arenas of copy number @copy; adds runs, blocks and extents. */
bool glibc_walk_arenas(struct glibc_walk *walk, uint32_t copy,
		       struct err *err) MUST_CHECK;

/** Sort the extents so far: [start, end) that are taken. */
void glibc_sort_extents(struct glibc_walk *walk);

/* alloc_glibc_mmap.c */

/** Find the mmapped chunks of all copies; adds runs, blocks and extents. */
bool glibc_walk_mmaps(struct glibc_walk *walk, struct err *err) MUST_CHECK;

/* alloc_glibc_free.c */

/** Put @addresses in ascending order. */
void glibc_sort(glibc_addresses *addresses);

/** Put runs and blocks in address order; from now on look-ups work. */
bool glibc_index(struct glibc_walk *walk, struct err *err) MUST_CHECK;

/** Index of the block whose chunk starts at @chunk, or SIZE_MAX. */
size_t glibc_block(const struct glibc_walk *walk, uint64_t chunk);

/** Copy number that block @block belongs to. */
uint32_t glibc_block_copy(const struct glibc_walk *walk, size_t block);

/**
 * Size of the used chunk at @chunk, header included: from the index, or while
 * probing from its header if that looks sound. 0: there is none.
 */
uint64_t glibc_used_size(struct glibc_walk *walk, uint64_t chunk);

/* The size of a listed chunk whose own header is damaged. */
#define GLIBC_ANY_SIZE UINT64_MAX

/**
 * Size of the chunk that a list leads to. *@block is its block, or SIZE_MAX:
 * while probing, and where damage kept the walk from finding the chunk. Then
 * the size comes from its header: such a chunk leads on to the rest of the
 * list, which the damage does not concern. 0: there is none.
 */
uint64_t glibc_listed_size(struct glibc_walk *walk, uint64_t chunk,
			   size_t *block);

/** Remember the word at @field when it can be a link of @copy's lists. */
bool glibc_store_link(struct glibc_walk *walk, const struct glibc_copy *copy,
		      uint64_t field, uint64_t word);

/** The link stored at @field, as a pointer; false when unreadable. */
bool glibc_link(struct glibc_walk *walk, uint64_t field, enum glibc_links how,
		uint64_t *ret);

/** Mark what the fastbins of @copy hold as free. */
void glibc_mark_fastbins(struct glibc_walk *walk, struct glibc_copy *copy);

/** Move marked blocks to the free list, drop malloc's own. */
bool glibc_settle(struct glibc_walk *walk, struct err *err) MUST_CHECK;

/* alloc_glibc_tcache.c */

/** While probing: what the caches of some threads show goes to the facts. */
bool glibc_probe_tcaches(struct glibc_walk *walk, struct err *err) MUST_CHECK;

/**
 * Fill walk->cached with the chunks that the caches of @copy's living threads
 * hold; for a search behind damage, before there is an index.
 */
void glibc_gather_cached(struct glibc_walk *walk,
			 const struct glibc_copy *copy);

/** Mark what all tcaches hold as free, and the tcaches as malloc's own. */
bool glibc_mark_tcaches(struct glibc_walk *walk, struct err *err) MUST_CHECK;

#endif
