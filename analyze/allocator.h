/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Allocators: who hands out the memory of this process, and what of it.
 *
 * One file for each malloc implements `struct allocator`. Nothing may depend
 * on symbols: stripped and static programs are the rule. probe() looks for
 * the allocator; walk() lists what it holds. An allocator that is seen but
 * cannot be walked (walk is NULL, or failed) is reported with its mapped
 * bytes: a silent "0 blocks" would be a lie.
 */
#ifndef ANALYZE_ALLOCATOR_H
#define ANALYZE_ALLOCATOR_H

#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/vec.h"
#include "formats/image.h"

/* A piece of memory as an allocator sees it; usable bytes, no headers. */
struct chunk {
	uint64_t addr, size;
};

/* Address space that an allocator owns: no root, whatever lies in it. */
struct extent {
	uint64_t start, end;
};

/* What a walk of one allocator found. Owned by the caller of walk(). */
struct allocation_list {
	VEC(struct chunk) blocks;	/* live; any order, no overlap */
	VEC(struct chunk) free;		/* free chunks; any order */
	VEC(struct extent) extents;	/* any order, no overlap */
	/* The allocator's own state outside of them: it holds no block. */
	VEC(struct extent) state;
	uint64_t arenas;		/* number of arenas, heaps or zones */
	/* Bytes of the extents in neither: headers, metadata, guard chunks. */
	uint64_t overhead_bytes;
};

/* What a probe says. Strings are literals or lie in the arena given. */
struct allocator_finding {
	bool found;
	const char *version;	/* "2.35-2.41", "5.x", or "" */
	bool tested;		/* a version that our tests ran on */
	uint64_t mapped_bytes;	/* address space that it appears to own */
	VEC(struct extent) extents;	/* that space; may be empty */
	/*
	 * What a probe and a walk of a copy without numbers must see again,
	 * beside pointers and what lies between the chunks of a walk.
	 */
	VEC(struct extent) metadata;
	void *state;		/* from probe() to walk(), in the arena */
};

/** Free what a probe found; zeros are nothing. */
static inline void allocator_finding_free(struct allocator_finding *finding)
{
	vec_free(&finding->extents);
	vec_free(&finding->metadata);
}

struct allocator {
	const char *name;	/* "glibc", "jemalloc" */
	/**
	 * Look for the allocator. ret->found is false when it is not there.
	 * False only when memory is exhausted or the user cancelled.
	 * What is needed in walk() is left in ret->state.
	 */
	bool (*probe)(const struct image *image, struct arena *arena,
		      struct allocator_finding *ret, struct err *err);
	/**
	 * List blocks, free chunks and extents. Damage is counted in @diag
	 * and walked around; false means that nothing could be understood.
	 * NULL: this allocator is recognised, but not understood yet.
	 */
	bool (*walk)(const struct image *image,
		     const struct allocator_finding *finding,
		     struct allocation_list *ret, struct diag *diag,
		     struct err *err);
	/**
	 * Usable bytes of a block that was asked for with @size, for sizes
	 * below this allocator's threshold of direct mappings. NULL when the
	 * allocator is not understood.
	 */
	uint64_t (*usable)(uint64_t size);
};

/* All allocators, in the order of probing; ends in NULL. */
extern const struct allocator *const allocators[];

void allocation_list_free(struct allocation_list *list);

#endif
