/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What free memory lies where: the arenas page by page.
 *
 * An arena here is a stretch of addresses that one allocator owns. Each of
 * its pages has live blocks on it or none; a row of characters shows which,
 * as the maps of old defragmenters did. Free bytes on a page that has a live
 * block cannot go back to the kernel; whole pages inside a free chunk can
 * (malloc_trim() of glibc gives them back), but free() gives back only what
 * lies behind the last live block. So the blocks near the end of an arena
 * that have much free memory below them keep a heap from shrinking. Small
 * chunks that lie side by side in fastbins or caches fill pages, too, but
 * nobody has joined them yet; malloc_trim() joins those of fastbins.
 *
 * Source: glibc malloc/malloc.c, mtrim() and systrim(), 2.26 to 2.41.
 *
 * Cost: one sweep over pages, blocks and free chunks.
 */
#ifndef ANALYZE_WASTE_ARENAS_H
#define ANALYZE_WASTE_ARENAS_H

#include "analyze/heap.h"
#include "analyze/waste_rows.h"

enum {
	ARENA_CELLS = 64,	/* characters of a map, at most */
	FREE_CLASSES = 48,	/* free chunks by power of two */
};

struct waste_arena {
	uint32_t allocator;	/* in heap.allocators */
	uint64_t start, size;
	uint64_t live, free;	/* bytes of blocks and of free chunks */
	uint64_t blocks, chunks;
	uint64_t largest;	/* bytes of the largest free chunk */
	uint64_t top;		/* of the free chunk at the very end, or 0 */
	/* '.': no live block, '#': at most 1/8 free, '+': between. */
	char map[ARENA_CELLS + 1];
};

/* What lies between free memory and the end of an arena. */
struct waste_pin {
	uint64_t bytes;		/* resident, in whole free pages below them */
	uint64_t blocks;	/* live blocks above it, up to the end */
	uint32_t node;		/* the lowest of them */
};

struct free_class {
	uint64_t chunks, bytes;
};

/* Pages of one allocator; bytes that are resident. */
struct waste_pages {
	uint64_t returnable;	/* whole pages inside free chunks */
	uint64_t pieces;	/* other free bytes on pages that no live block
				 * is on */
	uint64_t mixed;		/* free bytes beside live blocks */
};

struct waste_arenas {
	VEC(struct waste_arena) at;	/* by free bytes, largest first */
	VEC(struct waste_pin) pins;	/* by bytes, largest first */
	VEC(struct waste_pages) pages;	/* as heap.allocators */
	struct waste_pages total;
	struct free_class classes[FREE_CLASSES];	/* below 2^i bytes */
	/* Pages that are at least three quarters free, by what lies there: the key
	 * is block_key() of the largest block. */
	struct waste_rows sparse;
	bool resident_known;	/* else every captured page counts */
};

/** Release with waste_arenas_free(). */
bool waste_arenas_build(const struct heap *heap, struct waste_arenas *ret,
			struct err *err) MUST_CHECK;

void waste_arenas_free(struct waste_arenas *arenas);

#endif
