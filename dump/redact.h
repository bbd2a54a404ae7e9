/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Captures of pointers alone: what is left of memory and registers.
 *
 * Of memory that the program could write, these words (aligned, 8 bytes) are
 * kept, and every other one becomes zero:
 *
 *   numbers below 65,536
 *   addresses in a mapping, or right behind one (the end of a vector)
 *   the allocators' own words, see struct heap_spans
 *
 * Memory that it could not write is kept when it belongs to a module. In free
 * chunks only what malloc wrote there is kept: links, and the size at the end.
 *
 * A kept word ends in two zero bytes unless it is an allocator's, so text
 * never runs from one into the next, and at most six bytes of one can be text:
 * if they happen to be an address in the process. For six bytes that is an
 * accident of 1 in millions; where addresses are shorter (a program that is
 * not position independent, with a heap beyond half a GiB) a word of four or
 * five characters that ends there is kept only if a block begins at it.
 *
 * Which words became zero is noted in image->redacted: an analysis must not
 * take a number for a null pointer.
 *
 * Cost: about 2 ns a word; 1 bit for each word of pages that lost some; and
 * 16 bytes for each span.
 */
#ifndef DUMP_REDACT_H
#define DUMP_REDACT_H

#include "formats/snapshot.h"

enum { REDACT_KEPT_BELOW = 1 << 16 };

struct memory_span {
	uint64_t start, end;
};

/* The allocators' memory as far as it holds no live block. By address,
 * without overlap. */
struct heap_spans {
	VEC(struct memory_span) metadata;	/* kept as it is */
	VEC(struct memory_span) free;		/* usable bytes of free chunks */
};

void heap_spans_free(struct heap_spans *spans);

struct redactor;

/**
 * Prepare for @image, whose mappings are known. Takes over @spans (in any
 * order), also on failure; marks the image. Release with redactor_free().
 */
bool redactor_build(struct image *image, struct heap_spans *spans,
		    struct redactor **ret, struct err *err) MUST_CHECK;
void redactor_free(struct redactor *r);

/**
 * Copy @n bytes at @addr of the process (both multiples of 8) to @to, which
 * may be @from. In ascending order of addresses; modules must be known.
 */
bool redact_memory(struct redactor *r, uint64_t addr, const uint8_t *from,
		   uint8_t *to, size_t n, struct err *err) MUST_CHECK;

/**
 * Begin a snapshot, as snapshot_begin(), of @image: in its notes the command
 * line ends with the first word, and registers and siginfo hold pointers
 * alone. The image itself keeps its registers, for its stacks to be unwound.
 * It may be begun again from the start. Without a redactor (NULL) nothing is left out.
 */
bool redacted_begin(struct redactor *r, const struct snapshot_target *target,
		    struct image *image, struct snapshot_writer **ret,
		    struct err *err) MUST_CHECK;

/** Leave out numbers in local variables that have no place in memory. With
 * NULL none. */
void redact_locals(struct redactor *r);

#endif
