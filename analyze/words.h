/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Walking the words of a piece of memory, and turning words into addresses.
 */
#ifndef ANALYZE_WORDS_H
#define ANALYZE_WORDS_H

#include "formats/image.h"

/**
 * The address that @word means as a pointer, or 0 when it can be none: small
 * numbers and what lies outside the user half of a 47-bit address space. The
 * only place where words become addresses. Tags in the low bits stay: they
 * make an interior pointer, which counts.
 */
static inline uint64_t pointer_decode(uint64_t word)
{
	return word >= 0x1000 && word < UINT64_C(1) << 47 ? word : 0;
}

/** The first address from @addr on that was captured; UINT64_MAX: none. */
uint64_t captured_from(const struct image *image, uint64_t addr);

/* A run of captured words. */
struct word_run {
	uint64_t addr;		/* of the first, a multiple of 8 */
	const uint8_t *at;	/* [n * 8], borrowed until the next run */
	size_t n;
};

/* Iterates over the aligned words of [next, end) that were captured. */
struct word_walk {
	struct window *window;
	uint64_t next, end;
};

/** Walk the words that lie wholly in [@start, @end). */
struct word_walk word_walk_of(struct window *window, uint64_t start,
			      uint64_t end);

/**
 * The next run, or false at the end. Memory that is absent or was never
 * touched is stepped over range by range, so holes cost nothing.
 */
bool word_walk_next(struct word_walk *walk, struct word_run *ret);

static inline uint64_t word_run_at(const struct word_run *run, size_t i)
{
	uint64_t word;

	memcpy(&word, run->at + i * 8, sizeof(word));
	return word;
}

#endif
