/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which words of a type can refer to something.
 *
 * A word map says for each aligned word of a type whether it is a pointer, may
 * be one (an integer as wide as a pointer, bytes, a union), or cannot be one
 * (padding, floating point, small integers). Maps are made once for each type
 * in use, before the threads start, and then only read.
 *
 * Cost: two bytes for each word of a type.
 */
#ifndef ANALYZE_TYPE_WORDS_H
#define ANALYZE_TYPE_WORDS_H

#include "base/arena.h"
#include "base/err.h"
#include "formats/types.h"

enum word_kind {
	WORD_DEAD,		/* holds no reference, whatever it contains */
	WORD_MAYBE,
	WORD_WEAK,		/* a pointer that does not own */
	WORD_POINTER,
};

struct word_map {
	uint64_t stride;	/* bytes of one element */
	uint32_t n;		/* words in one element */
	bool open_ended;	/* a flexible array follows the last member */
	const uint8_t *kind;	/* [n] enum word_kind; NULL: all WORD_MAYBE */
	const bool *own;	/* [n] a pointer to an object of the type, or
				 * to a base class that it begins with; as @kind */
};

struct type_words {
	const struct word_map **maps;	/* [n_types], NULL where not made */
	size_t n_types;
	struct arena arena;
};

/** Room for the maps of @types. Release with type_words_free(). */
bool type_words_init(const struct type_table *types, struct type_words *ret,
		     struct err *err) MUST_CHECK;

/** Make the map of @type, unless it is there. Not thread-safe. */
bool type_words_add(const struct type_table *types, uint32_t type,
		    struct type_words *words, struct err *err) MUST_CHECK;

void type_words_free(struct type_words *words);

/** The map of @type, or NULL when none was made. */
static inline const struct word_map *
type_words_of(const struct type_words *words, uint32_t type)
{
	return type < words->n_types ? words->maps[type] : NULL;
}

#endif
