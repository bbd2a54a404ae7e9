/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Heaps made by hand: memory that a test writes word by word, blocks in it,
 * types, and references.
 *
 * Exhausted memory and writes outside of what was added end the program.
 */
#ifndef TESTS_AID_HEAP_H
#define TESTS_AID_HEAP_H

#include "analyze/heap.h"

/** An image without anything in it; release with image_close(). */
void made_image(struct image *image);

/** Captured zeros in a mapping of their own; by ascending address. */
void made_memory(struct image *image, uint64_t start, uint64_t end,
		 uint32_t perms, const char *path);

/** The same without the mapping: more pages of the last one, or a hole. */
void made_range(struct image *image, uint64_t start, uint64_t end,
		enum presence presence);

void made_bytes(struct image *image, uint64_t addr, const void *from,
		size_t n);
void made_word(struct image *image, uint64_t addr, uint64_t word);

/** An ELF file mapped at [@start, @end), without sections. Its index. */
uint32_t made_module(struct image *image, const char *path, uint64_t start,
		     uint64_t end);

struct made_member {
	const char *name;
	uint32_t type;
	uint64_t offset;
	uint16_t flags;		/* enum member_flags */
};

uint32_t made_scalar(struct image *image, enum type_kind kind,
		     const char *name, uint64_t size);
uint32_t made_struct(struct image *image, const char *name, uint64_t size,
		     const struct made_member *members, uint32_t n);
uint32_t made_array(struct image *image, uint32_t element, uint64_t count);
uint32_t made_pointer(struct image *image, uint32_t target);

/** Let @type point, by @offset, at @target: for types that form circles. */
void made_retarget(struct image *image, uint32_t type, uint32_t member,
		   uint32_t target);

/**
 * A heap of @n blocks by address, untyped, of an allocator "made" that hands
 * out usable sizes as glibc does. No roots and no references; release with
 * heap_free(). @image is borrowed.
 */
void made_heap(struct image *image, const struct chunk *blocks, size_t n,
	       struct heap *ret);

/** Append a root; all of them before made_refs(). Borrows the name. */
uint32_t made_root(struct heap *heap, const struct root *root);

/** Take @refs as the references of @heap, and reverse them. */
void made_refs(struct heap *heap, struct graph refs);

/** Usable bytes of a request, as the allocator "made" gives them. */
uint64_t made_usable(uint64_t size);

#endif
