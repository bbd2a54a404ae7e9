/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Synthetic glibc heaps of every release class, in an image in memory.
 *
 * Written apart from analyze/: offsets are stated again, from the structures
 * in the sources of the releases, and chunks are laid out by rules, not by
 * reading code that reads them. A heap has a main arena (sometimes cut by a
 * foreign sbrk), a thread's arena of two heaps, chunks in bins, fastbins and
 * tcaches, tcaches without a thread, and mmapped chunks among look-alikes.
 * Everything follows from release and seed. Exhausted memory ends the test.
 */
#ifndef TESTS_MAKE_GLIBC_H
#define TESTS_MAKE_GLIBC_H

#include "formats/image.h"

enum made_kind {
	MADE_LIVE,
	MADE_BINNED,
	MADE_FAST,
	MADE_CACHED,		/* in a tcache */
	MADE_TOP,
	MADE_CACHE,		/* a tcache: malloc's own */
	MADE_MMAPPED,		/* live */
};

struct made_chunk {
	uint64_t chunk;		/* address of its header */
	uint64_t size;		/* with header */
	uint64_t usable;	/* bytes from chunk + 16 on */
	enum made_kind kind;
	uint32_t arena;		/* 0 main, 1 thread's */
};

struct made_region {
	uint64_t start, size;
	uint8_t *bytes;		/* [size], owned */
	const char *path;
};

enum { MADE_REGIONS = 8, MADE_RELEASES = 9 };

struct made_heap {
	struct image image;
	VEC(struct made_chunk) chunks;
	struct made_region regions[MADE_REGIONS];
	size_t n_regions;
	uint64_t main_arena;
	uint64_t second_segment; /* of the main heap, behind a gap; or 0 */
	const char *version;	/* that a walker should report */
};

/** Make a heap of release class @release < MADE_RELEASES. */
void make_glibc(uint32_t release, uint64_t seed, struct made_heap *ret);

void made_heap_free(struct made_heap *heap);

/** Change memory: @addr must lie in a region, 8 bytes from its end. */
void made_write(struct made_heap *heap, uint64_t addr, uint64_t value);
uint64_t made_read(const struct made_heap *heap, uint64_t addr);

/** The memory at @addr, or NULL. */
struct made_region *made_region_of(const struct made_heap *heap,
				   uint64_t addr);

#endif
