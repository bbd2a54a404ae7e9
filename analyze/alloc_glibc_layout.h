/* SPDX-License-Identifier: MIT */
/**
 * @file
 * glibc malloc: where its fields lie, for each class of releases.
 *
 * malloc.c and arena.c changed what a walker sees eleven times between 2.26
 * and 2.44. Each structure has a few layouts; a class is a row that says
 * which of them belong together. Nothing here trusts a version string, since
 * distributions backport: the class is what the memory itself shows.
 *
 * Offsets and sizes are bytes, on 64-bit targets. Sources: malloc/malloc.c
 * and malloc/arena.c of the glibc releases named in the table.
 */
#ifndef ANALYZE_ALLOC_GLIBC_LAYOUT_H
#define ANALYZE_ALLOC_GLIBC_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GLIBC_ABSENT = 0xffff,	/* offset of a field that is not there */
	GLIBC_ALIGN = 16,	/* of chunks */
	GLIBC_MIN_CHUNK = 32,
	GLIBC_BINS = 127,	/* bin_at(1) .. bin_at(127) */
	GLIBC_FASTBINS = 10,
	GLIBC_SMALL_TCACHE = 64, /* bins of one chunk size each */
	GLIBC_MAX_TCACHE = 76,
};

/* Bits of a chunk's size word. */
enum {
	CHUNK_PREV_USED = 1,
	CHUNK_MMAPPED = 2,
	CHUNK_THREAD_ARENA = 4,
	CHUNK_FLAGS = 7,
};

/* struct malloc_state */
struct glibc_arena_layout {
	char name;		/* 'A', 'B' or 'C' */
	uint16_t fastbins;	/* [10] pointers, or GLIBC_ABSENT */
	uint16_t top;
	uint16_t bins;		/* [127] pairs (fd, bk) */
	uint16_t size;
};

enum {
	GLIBC_FLAGS = 4,	/* int; bit 1: not contiguous */
	GLIBC_NONCONTIGUOUS = 2,
	/* From the start of bins, the same in all layouts. */
	GLIBC_NEXT = 0x800,
	GLIBC_SYSTEM_MEM = 0x818,
};

/* struct malloc_par: the single object mp_ */
struct glibc_par_layout {
	uint16_t hp_pagesize;	/* or GLIBC_ABSENT */
	uint16_t thp_pagesize;	/* or GLIBC_ABSENT */
	uint16_t n_mmaps;	/* int, then n_mmaps_max, max_n_mmaps,
				 * no_dyn_threshold, ints as well */
	uint16_t mmapped_mem;	/* then max_mmapped_mem */
	uint16_t sbrk_base;
	uint16_t tcache_bins;	/* then tcache_max_bytes, tcache_count */
	uint16_t size;
};

enum {
	GLIBC_PAR_MMAP_THRESHOLD = 0x10,
	GLIBC_PAR_ARENA_TEST = 0x18,
	GLIBC_PAR_ARENA_MAX = 0x20,
};

/* struct tcache_perthread_struct */
struct glibc_tcache_layout {
	uint16_t bins;
	uint16_t count_size;	/* bytes of one counter: 1 or 2 */
	uint16_t entries;	/* offset of the list heads */
	uint16_t size;
	bool counts_free_slots;	/* else counts entries */
};

/* How lists are linked: plain, or xored with the place (safe linking). */
enum glibc_links { LINKS_UNKNOWN, LINKS_PLAIN, LINKS_MANGLED };

/* The second word of a chunk in a tcache. */
enum glibc_key { KEY_UNKNOWN, KEY_NONE, KEY_OWNER, KEY_RANDOM };

/* Facts about a copy of malloc; a class fixes all, memory shows some. */
struct glibc_facts {
	const struct glibc_arena_layout *arena;	/* NULL here and below: */
	const struct glibc_par_layout *par;	/* not known */
	const struct glibc_tcache_layout *tcache;
	uint16_t heap_info;	/* sizeof, or 0 */
	enum glibc_links links;
	enum glibc_key key;
};

struct glibc_class {
	const char *first, *last;	/* releases */
	struct glibc_facts facts;
	bool tested;		/* our tests ran on a release of the class */
};

extern const struct glibc_arena_layout glibc_arena_layouts[3];
extern const struct glibc_par_layout glibc_par_layouts[3];
extern const struct glibc_tcache_layout glibc_tcache_layouts[3];

/* Oldest first; ends in a row whose first is NULL. */
extern const struct glibc_class glibc_classes[];

/** True when nothing in @facts speaks against @row. */
bool glibc_class_fits(const struct glibc_class *row,
		      const struct glibc_facts *facts);

/** True when some class fits @facts. */
bool glibc_has_class(const struct glibc_facts *facts);

/** Fill in what all classes that fit agree on. */
void glibc_complete(struct glibc_facts *facts);

/** Chunk size (header included) that holds a struct of @size bytes. */
static inline uint64_t glibc_chunk_for(uint64_t size)
{
	return (size + 8 + GLIBC_ALIGN - 1) & ~(uint64_t)(GLIBC_ALIGN - 1);
}

/** Does a chunk of @size bytes belong in tcache bin @bin? */
bool glibc_tcache_size_fits(size_t bin, uint64_t size);

/** Since 2.43 an mmapped chunk's size leaves out the last 16 bytes. */
static inline bool glibc_new_mmap(const struct glibc_arena_layout *arena)
{
	return arena->fastbins == GLIBC_ABSENT;
}

#endif
