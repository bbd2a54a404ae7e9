/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the bytes of a block look like, for blocks whose type is not known.
 */
#ifndef ANALYZE_CONTENT_H
#define ANALYZE_CONTENT_H

#include "analyze/heap.h"

/* Collected while the words of a block go by. */
struct content {
	uint64_t n_words, n_zero, n_pointers;
	bool text;		/* the beginning reads as text */
	bool unknown;		/* or was left out of the capture */
};

/** Look at the first words of a block; call once, before content_word(). */
void content_begin(struct content *c, const uint8_t *bytes, size_t n);

/* A pointer in front may read as text by chance: five of its bytes vary. */
static inline void content_word(struct content *c, uint64_t word, bool pointer)
{
	c->text = c->text && !(pointer && c->n_words == 0);
	c->n_words++;
	c->n_zero += word == 0;
	c->n_pointers += pointer;
}

/** In place of content_word(): a word that was left out of the capture. */
static inline void content_left_out(struct content *c)
{
	c->unknown |= c->n_words == 0;
	c->n_words++;
}

enum content_class content_class(const struct content *c);

#endif
