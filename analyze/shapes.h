/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Could this block be one of those? Bytes against the members of a type.
 *
 * Each aligned word of a type promises something: a pointer to a record of
 * some size, to text, to code; a floating-point number; small numbers that are
 * no pointer. A block keeps the promise, says nothing (null), or breaks it.
 * Kept promises that are hard to keep by chance count much: a pointer to the
 * start of a block in which just the pointee fits. (The idea of a type's
 * signature in memory: Z. Lin et al., "SigGraph", NDSS 2011.)
 */
#ifndef ANALYZE_SHAPES_H
#define ANALYZE_SHAPES_H

#include "analyze/heap.h"
#include "analyze/raw_refs.h"

enum shape_kind {
	SHAPE_ANY,		/* unions, and what is not known */
	SHAPE_VARIANT,		/* what a Rust enum has at times */
	SHAPE_RECORD,		/* pointer to a record, its target */
	SHAPE_TEXT,		/* char * */
	SHAPE_POINTERS,		/* pointer to pointers */
	SHAPE_NUMBERS,		/* pointer to numbers */
	SHAPE_VOID,		/* pointer to anything */
	SHAPE_CODE,		/* pointer to a function */
	SHAPE_WIDE,		/* an integer as wide as a pointer */
	SHAPE_FLOAT,
	SHAPE_SMALL,		/* smaller numbers, flags */
	SHAPE_BYTES,
	SHAPE_OVERLAID,		/* in a union none of which is a pointer here */
	SHAPE_PAD,
};

struct shape_word {
	uint32_t target;	/* SHAPE_RECORD: stripped */
	uint8_t kind;		/* enum shape_kind */
	bool base;		/* SHAPE_RECORD: others begin with the target */
	uint8_t rust;		/* enum rust_what: see shape_rust.h */
	bool never_null;
	bool tagged;		/* SHAPE_ANY: uintptr_t, a pointer with bits of
				 * its own perhaps */
	bool text;		/* SHAPE_ANY: it may be a pointer to letters */
	bool closed;		/* SHAPE_ANY: all that could be a pointer there
				 * says what it refers to */
	bool letters;		/* in a union perhaps, from the first byte on */
	uint16_t number, room;	/* words beside it */
	uint16_t align;		/* of an element, bytes */
	uint64_t stride;	/* bytes of an element */
};

enum { SHAPE_NO_WORD = UINT16_MAX };

enum { MAX_COUNTS = 8 };

/* An integer in front of an array that may say how long it is. */
struct shape_count {
	uint32_t offset;	/* bytes from the start */
	uint8_t bits, shift;
};

/* The array of any length at the end of a record. */
struct shape_tail {
	const struct type_table *types;
	uint64_t offset, size;	/* of the array, of one element; bytes */
	uint32_t type;		/* of an element */
	uint32_t n;
	const struct shape_word *at;	/* [n] the words of one element */
	bool text;		/* elements are letters */
	uint32_t n_counts;
	struct shape_count count[MAX_COUNTS];
};

/* The words of one element. */
struct shape {
	uint64_t size;		/* bytes */
	uint32_t n;
	const struct shape_word *at;	/* [n] */
	const struct shape_tail *tail;	/* or NULL */
};

struct shape_cache {
	const struct type_table *types;	/* borrowed */
	struct map by_type;	/* type -> struct shape * */
	uint64_t *bases;	/* [n_types] bits: others begin with the type */
	size_t n_types;
	struct arena arena;
};

/** Could contents tell that a block is one of these? Records that are defined
 * and that something points at; polymorphic ones say it themselves. Nobody
 * allocates what has no name, or what compilers make for their own use. */
bool shape_is_record(const struct type_table *types, const struct type *t);

/** The shape of @type, or NULL when memory is exhausted. Types of more
 * than 512 words have their first ones. */
const struct shape *shape_of(struct shape_cache *cache, uint32_t type);

/** What the word at @offset of @count elements with @shape promises, or NULL;
 * *@at is where it is in one element. */
const struct shape_word *shape_word_at(const struct shape *shape,
				       uint32_t count, uint64_t offset,
				       uint64_t *at);

void shape_cache_free(struct shape_cache *cache);

enum word_seen {
	SEEN_ZERO,
	SEEN_START,		/* refers to the start of a block */
	SEEN_INSIDE,
	SEEN_CODE,
	SEEN_DATA,		/* other mapped memory that is no heap */
	SEEN_DEAD,		/* where a heap has no block */
	SEEN_FLOAT,		/* reads as a common number */
	SEEN_SMALL,		/* below 2^32 */
	SEEN_PACKED,		/* two small numbers, one in each half */
	SEEN_OTHER,
};

struct seen_word {
	uint64_t value;
	uint32_t node;		/* SEEN_START, SEEN_INSIDE: the block */
	uint8_t seen;		/* enum word_seen */
};

enum { SHAPE_WORDS = 64 };	/* of a block that are looked at */

/* What the first words of a block hold. */
struct seen_block {
	uint32_t node;
	uint32_t n;
	struct seen_word at[SHAPE_WORDS];
};

/** Read @node through @window; words that are absent are SEEN_OTHER. */
void shape_look(const struct heap *heap, struct window *window, uint32_t node,
		struct seen_block *ret);

/** Element @i of @words words each of what was seen, as a block of its own;
 * false when not all of it was looked at. */
bool shape_element(const struct seen_block *all, uint32_t i, uint32_t words,
		   struct seen_block *ret);

/** How many elements of the array behind the header the least number in front
 * of it speaks of, if it fits the block: no more than that are in use. Else
 * what there is room for. */
uint64_t shape_count_used(const struct heap *heap, const struct shape_tail *tail,
			  const struct seen_block *block);

/** Length of the text at byte @at of what was seen; 0 when there is none. */
uint64_t shape_text_at(const struct seen_block *block, uint64_t at);

/** Bytes of the array of letters with which @type begins: struct host { char
 * name[48]; ... }. 0: it begins with something else. */
uint64_t shape_name_bytes(const struct type_table *types, uint32_t type);

/** Does @type begin with such an array, and the text in @block end in it? */
bool shape_name_fits(const struct type_table *types, uint32_t type,
		     const struct seen_block *block);

/*
 * How telling it is that a pointer leads to a block of the right size: much
 * where few blocks have that size.
 */
struct size_weights {
	struct map by_size;	/* usable size -> tenths of a kept promise */
};

/** O(blocks). Release with size_weights_free(). */
bool size_weights_build(const struct heap *heap, struct size_weights *ret,
			struct err *err) MUST_CHECK;
void size_weights_free(struct size_weights *weights);

/* How well a block keeps what a type promises. */
struct shape_score {
	int sum;		/* in tenths of a kept promise */
	int kept;		/* what of it came from pointers that lead right */
	bool broken;		/* a promise is broken: it is not of that type */
};

/** A word refers to a block where @shape has smaller numbers, or a float. (It
 * does so in a capture without other contents, too.) */
bool shape_is_contradicted(const struct shape *shape,
			   const struct seen_block *block);

/**
 * @type has @shape. In a block that is larger than the type, what its last
 * member says of an array of any length counts, too; else what is behind it
 * says nothing.
 */
struct shape_score shape_compare(const struct heap *heap,
				 const struct size_weights *weights,
				 uint32_t type, const struct shape *shape,
				 const struct seen_block *block);

#endif
