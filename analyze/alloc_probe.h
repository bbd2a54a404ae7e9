/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the probes of the allocators share: where to look, and radix maps.
 *
 * Every allocator keeps the root of its metadata in the writable data of the
 * module that it was linked into. So a probe reads that data alone, megabytes
 * even when the heap has terabytes, and follows each word that points into
 * anonymous memory; the heap itself is never scanned. What a candidate must
 * prove is a round trip: the map names a record for an address, and the
 * record names that address again. Chance does not close that circle, so
 * neither symbols nor strings are needed, and plain programs do not fire.
 *
 * Cost: one pass over the present pages of module data for each probe, plus
 * the metadata of the allocator that is really there.
 */
#ifndef ANALYZE_ALLOC_PROBE_H
#define ANALYZE_ALLOC_PROBE_H

#include "analyze/allocator.h"

typedef VEC(struct extent) probe_extents;

/* The parts of an image that probes look at; by address, no overlap. */
struct probe_space {
	const struct image *image;	/* borrowed */
	struct window window;		/* for records and tables */
	probe_extents data;	/* writable private memory of modules */
	probe_extents anon;	/* writable private memory of no file */
};

bool probe_space_build(const struct image *image, struct probe_space *ret,
		       struct err *err) MUST_CHECK;
void probe_space_free(struct probe_space *space);

/** The first extent that ends behind @addr; extents->len when none does. */
size_t probe_extent_from(const probe_extents *extents, uint64_t addr);

/** The extent of @extents that holds @addr, or NULL. O(log n). */
const struct extent *probe_extent(const probe_extents *extents, uint64_t addr);

static inline bool probe_anon(const struct probe_space *space, uint64_t addr)
{
	return probe_extent(&space->anon, addr) != NULL;
}

/** Read @n (<= 512) words at @addr; false when one of them is absent. */
bool probe_words(struct probe_space *space, uint64_t addr, size_t n,
		 uint64_t *ret);

/** Called with the word at address @at of module data; true stops. */
typedef bool probe_visit(void *ctx, uint64_t at, uint64_t word);

/**
 * Visit each aligned word of module data. Returns false when the user
 * cancelled.
 */
bool probe_data_words(struct probe_space *space, probe_visit *visit, void *ctx,
		      struct err *err) MUST_CHECK;

/** As probe_data_words(), words that point into anonymous memory only. */
bool probe_data_pointers(struct probe_space *space, probe_visit *visit,
			 void *ctx, struct err *err) MUST_CHECK;

/**
 * Add [@start, @end) to what was found, cut to anonymous memory. False when
 * memory is exhausted (in @err).
 */
bool probe_claim(const struct probe_space *space, uint64_t start, uint64_t end,
		 struct allocator_finding *ret, struct err *err) MUST_CHECK;

/**
 * Say that a probe of a copy without numbers must see [@start, @end) again
 * (ret->metadata): words of the allocator's own that are no pointers. False
 * when memory is exhausted (in @err).
 */
bool probe_keep(uint64_t start, uint64_t end, struct allocator_finding *ret,
		struct err *err) MUST_CHECK;

/** Sort and join the extents, and sum up mapped_bytes. */
void probe_settle(struct allocator_finding *ret);

/** True when a symbol or variable of the image has one of @names. */
bool probe_has_symbol(const struct image *image, const char *const *names);

/**
 * Search the read-only memory of the module that @addr belongs to (at most
 * 16 MiB of it). @match looks at @n bytes and returns how many characters
 * from @at on are the text wanted, or 0. Returns a copy in @arena, or "".
 */
const char *probe_module_text(const struct image *image, uint64_t addr,
			      size_t (*match)(const uint8_t *at, size_t n),
			      struct arena *arena);

/**
 * A radix map from addresses to metadata records: arrays of pointers, indexed
 * by bits of the address, root first.
 */
struct radix_shape {
	unsigned shift;		/* a leaf element stands for 2^shift bytes */
	unsigned bits[3];	/* of the index at each level, root first */
	unsigned levels;	/* 1 .. 3 */
	unsigned element;	/* bytes of a leaf element; others have 8 */
	uint64_t mask;		/* of the pointer in a leaf element */
	uint64_t bias;		/* added to an address before it is cut up */
	bool embedded;		/* the root array lies in module data; else a
				 * pointer to it does */
	unsigned min_votes;	/* agreeing records that prove the map */
	/**
	 * Does the record say that it stands for the leaf element of @addr?
	 * Sets *@ret to all address space that the record describes.
	 */
	bool (*owns)(struct probe_space *space, uint64_t record, uint64_t addr,
		     struct extent *ret);
};

/**
 * Find the map. *@root is the address of its root array, or 0 when there is
 * none; *@at is the address in module data that led to it.
 */
bool radix_find(struct probe_space *space, const struct radix_shape *shape,
		uint64_t *root, uint64_t *at, struct err *err) MUST_CHECK;

/** Called for each record that agrees, in address order, with the address of
 * the leaf element that led to it; true stops. */
typedef bool radix_visit(void *ctx, uint64_t element, uint64_t record,
			 struct extent extent);

/** Visit each record of the map at @root once for each row of elements. */
bool radix_walk(struct probe_space *space, const struct radix_shape *shape,
		uint64_t root, radix_visit *visit, void *ctx, struct err *err)
	MUST_CHECK;

#endif
