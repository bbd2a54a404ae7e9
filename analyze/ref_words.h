/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where in its source a reference stands.
 *
 * The graph keeps who refers to whom, not by which word: the word is found
 * again by reading the source, which the few references that somebody looks
 * at can afford.
 */
#ifndef ANALYZE_REF_WORDS_H
#define ANALYZE_REF_WORDS_H

#include "analyze/heap.h"

/* A word that refers to a block. */
struct ref_word {
	uint64_t offset;	/* bytes from the start of the source */
	uint64_t value;
	uint32_t target;
};

/**
 * Call @visit for each word of @source that refers to a block, by offset,
 * until it returns false. Registers have no words here. @window belongs to
 * the caller.
 */
void ref_words(const struct heap *heap, struct window *window, uint32_t source,
	       bool (*visit)(void *ctx, const struct ref_word *word), void *ctx);

/** Offset of the first word of @source that refers to @target; UINT64_MAX
 * when there is none. */
uint64_t ref_offset(const struct heap *heap, struct window *window,
		    uint32_t source, uint32_t target);

/**
 * Name of the place at @offset of @source: "next", "slots[]", "[].key" in an
 * array, "+0x18" where no type says more, "" for a variable that is a
 * pointer. Indexes are left out, so that alike places read alike.
 */
const char *ref_field(const struct heap *heap, uint32_t source,
		      uint64_t offset, char *buf, size_t size);

/** The source called @name and a ref_field() of it: "Node.next", "T[].key",
 * "(pointers)+0x18". */
const char *ref_place(const char *name, const char *field, char *buf,
		      size_t size);

#endif
