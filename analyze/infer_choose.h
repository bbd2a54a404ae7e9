/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which type a block has that a pointer of a known kind refers to.
 *
 * The size decides: a type must fit the usable size exactly. What the classes
 * around the pointer are about decides among those that fit:
 *
 *   element    the pointee is one of their arguments: T[n], n by size
 *   derived    one type that begins with the pointee is about the same
 *   exact      the pointee fits, and nothing that begins with it does
 *   derived    nothing but one type that begins with the pointee fits
 *   holder     of a pointer into the block: one type has the pointee there
 *
 * When several are possible nobody knows, and nothing is said. The answer
 * depends on the kind of pointer and the size alone, so it is kept.
 */
#ifndef ANALYZE_INFER_CHOOSE_H
#define ANALYZE_INFER_CHOOSE_H

#include "analyze/heap.h"
#include "analyze/pointer_fields.h"
#include "analyze/type_contains.h"

struct choice {
	uint32_t type;		/* TYPE_NONE: nothing fits, or too much */
	uint8_t evidence;	/* enum evidence, or EVIDENCE_NONE: exact */
	uint8_t confidence;	/* percent */
	bool is_array;		/* as many as the block has room for */
	bool rivals;		/* other types begin with the pointee */
	bool fitting;		/* ... and some could be the block */
};

/* A type that begins with the pointee. */
struct candidate {
	uint32_t type;
	bool is_class;		/* derived from it, not a holder of it */
};

struct chooser {
	const struct heap *heap;
	struct pointer_cache fields;
	struct beginnings beginnings;
	struct holders holders;
	VEC(struct candidate) candidates;
	struct map by_start;	/* kind, owner, size -> 1 + index in kept */
	struct map by_inside;	/* type, offset, owner and size -> the same */
	VEC(struct choice) kept;
	struct map text_tails;	/* offset of the text -> id + 1, 0: several */
};

/** Release with chooser_free(). */
bool chooser_init(struct chooser *chooser, const struct heap *heap,
		  struct err *err) MUST_CHECK;
void chooser_free(struct chooser *chooser);

/** A pointer of @kind refers to the start of block @node. False when memory
 * is exhausted. */
bool choose_start(struct chooser *chooser, uint32_t node, uint32_t kind,
		  struct choice *ret) MUST_CHECK;

/** Block @node begins with an object of class @type, and is larger. */
bool choose_holder(struct chooser *chooser, uint32_t node, uint32_t type,
		   struct choice *ret) MUST_CHECK;

/** A pointer to @target refers to byte @offset of block @node. */
bool choose_inside(struct chooser *chooser, uint32_t node, uint32_t target,
		   uint64_t offset, struct choice *ret) MUST_CHECK;

/** A pointer to text refers to byte @offset of a block: a header before it. */
void choose_text_tail(const struct chooser *chooser, uint64_t offset,
		      struct choice *ret);

#endif
