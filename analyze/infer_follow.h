/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the rules of infer_fields() share: following the pointers of one place
 * that is known to hold elements of one type.
 */
#ifndef ANALYZE_INFER_FOLLOW_H
#define ANALYZE_INFER_FOLLOW_H

#include "analyze/code_subjects.h"
#include "analyze/infer_choose.h"
#include "analyze/infer_state.h"
#include "analyze/rust_vtables.h"
#include "analyze/shapes.h"
#include "analyze/type_relatives.h"

/*
 * A place that is known to hold elements of one type. Some of them may be
 * dead: in a ring all but @n_live from @first on, wrapping around; in a table
 * those whose control byte, at @control + count - 1 - index, says so.
 */
struct place {
	uint32_t node;
	uint32_t type;
	uint32_t kind;		/* of the pointers in an array of pointers */
	uint8_t confidence;
	uint64_t addr;		/* of the node */
	uint64_t start;		/* bytes of the node before the elements */
	uint64_t count;
	uint64_t first, n_live;	/* ring; n_live UINT64_MAX: all */
	uint64_t control;	/* table; address, or 0 */
	bool told;		/* by the tag of a union: what begins with
				 * letters may look like text */
	/* Where the type of this place is no type of its node: 1 + the node
	 * that tells, and the offset of the word in it. Else 0. */
	uint32_t why_node, why_offset;
};

struct follow {
	struct infer *infer;
	struct heap *heap;
	struct chooser chooser;
	struct shape_cache shapes;
	struct size_weights weights;
	struct relatives relatives;
	struct seen_block seen, element;	/* scratch */
	struct map arrays;		/* with a cookie: their types */
	struct rust_vtables vtables;
	struct code_subjects subjects;
	/* Places in blocks of another type, or of none, that wait. */
	VEC(struct place) inside;
	size_t next_inside;
	struct map inside_seen;		/* by address and type */
	/* Arrays of pointers that such places own -> 1 + kind of the owner's
	 * pointer to them. */
	struct map inside_kinds;
	struct tag_state *tags;		/* infer_tags.c */
};

static inline const struct type *follow_type(const struct follow *f,
					     uint32_t id)
{
	return &f->heap->image->types.types.at[id];
}

/*
 * Functions that return bool fail only when memory is exhausted. @claim has
 * its node, why and evidence filled in; @element is the address of the element
 * that has the pointer.
 */

/** Claim, as sure as @from at most. */
bool follow_submit(struct follow *f, const struct place *from,
		   struct claim *claim);

/** A pointer of @kind refers to the start of a block. (infer_claims.c) */
bool follow_pointer(struct follow *f, const struct place *from, uint32_t kind,
		    struct claim *claim);

/** The block is larger than @pointee: a header with a payload, or an array,
 * if it looks like one. (infer_arrays.c) */
bool follow_larger(struct follow *f, const struct place *from,
		   struct claim *claim, uint32_t pointee);

/** How many letters block @node begins with, when it is up to 7 and a NUL, and
 * what it held before them behind; else 0. (infer_claims.c) */
unsigned follow_short_string(struct follow *f, uint32_t node);

/** A pointer to the start of a block is declared to @pointee, which has
 * relatives, and @chosen is what was made of that. When the block cannot be
 * @pointee after all: the relative that it is. (infer_relatives.c) */
bool follow_relatives(struct follow *f, const struct place *from,
		      uint32_t pointee, const struct choice *chosen,
		      struct claim *claim, bool *done);

/** A pointer to pointers: the block is an array of them, if they are some. */
bool follow_pointers(struct follow *f, const struct place *from, uint32_t kind,
		     struct claim *claim);

/** The unsigned number of @size bytes at @addr; false when it is not known. */
bool follow_number(struct follow *f, uint64_t addr, unsigned size,
		   uint64_t *ret);

/** What is known by Rust's classes: @field is not RUST_DECLARED. The pointer
 * refers to byte @at of a block. (infer_rust.c) */
bool follow_rust(struct follow *f, const struct place *from,
		 const struct pointer_field *field, uint64_t element,
		 uint64_t at, struct claim *claim);

/** @place is a block whose type came from @field of the element at @owner:
 * note which of its elements are dead. */
void follow_rust_live(struct follow *f, const struct pointer_field *field,
		      uint64_t owner, struct place *place);

/** Is element @i of @place alive? */
bool follow_is_live(struct follow *f, const struct place *place, uint64_t i);


/** Do three pointers of one type, @field the first of them among @at[@n] and
 * at @addr, stand in order, whole elements apart? (infer_ranges.c) */
bool follow_triple(struct follow *f, const struct pointer_field *at, size_t n,
		   const struct pointer_field *field, uint64_t addr,
		   uint64_t word[3]);

/** A pointer among @at[@n] to the start of a block, which begins a range in it
 * if *@found. (infer_ranges.c) */
bool follow_range(struct follow *f, const struct place *from,
		  const struct pointer_field *at, size_t n,
		  const struct pointer_field *field, struct claim *claim,
		  bool *found);

/** Follow @count of @type at @addr, in the node of @claim, when its turn
 * comes; the block gets no type. (infer_inside.c) */
bool follow_note_place(struct follow *f, const struct place *from,
		       const struct claim *claim, uint64_t addr, uint32_t type,
		       uint64_t count);

/** The same, of places that are known with @confidence, in percent. */
bool follow_note_sure(struct follow *f, const struct place *from,
		      const struct claim *claim, uint64_t addr, uint32_t type,
		      uint64_t count, uint8_t confidence);

/** A void pointer at the start of a block: an array of the elements that its
 * class is about. (infer_ranges.c) */
bool follow_raw_range(struct follow *f, const struct place *from,
		      const struct raw_range *range, uint64_t element,
		      struct claim *claim);

/** An integer with a pointer packed in. (infer_ranges.c) */
bool follow_packed(struct follow *f, const struct place *from,
		   const struct raw_range *range, struct claim *claim);

/** A void pointer into the element that it lies in: room for the first ones.
 * (infer_inside.c) */
bool follow_room_inside(struct follow *f, const struct place *from,
			const struct raw_range *range, uint64_t element,
			uint32_t node);

/** Which of the elements that a void pointer refers to is alive: @used of
 * @room, bytes when it is pointers that tell, else elements. */
bool follow_range_words(struct follow *f, const struct raw_range *range,
			uint64_t element, uint64_t start, uint64_t *used,
			uint64_t *room);

/** A pointer into a block. (infer_inside.c) */
bool follow_inside(struct follow *f, const struct place *from,
		   const struct pointer_fields *fields,
		   const struct pointer_field *field, uint64_t element,
		   struct claim *claim);

/** The next place in the middle of a block that waits, or false. */
bool follow_take_inside(struct follow *f, struct place *ret);

/** Is every pointer of @count of @type at @addr null, or one into the image?
 * (infer_arrays.c) */
bool follow_plausible(struct follow *f, uint64_t addr, uint32_t type,
		      const struct pointer_fields *fields, uint64_t count);

/** A pointer to @element, a record, refers to byte @at of a block: behind the
 * number of elements, as new[] of C++ puts it there, if *@found.
 * (infer_ranges.c) */
bool follow_cookie(struct follow *f, const struct place *from, uint32_t element,
		   uint64_t at, struct claim *claim, bool *found);

/** The values that std::function and its kind hold. (infer_handles.c) */
bool follow_handles(struct follow *f, const struct place *place,
		    const struct pointer_fields *fields);

/** Pointers at @offset that share their bytes: the one whose target looks as
 * it says, if there is just one. (infer_unions.c) */
bool follow_union(struct follow *f, const struct place *from,
		  const struct pointer_fields *fields, uint64_t offset,
		  uint64_t element, struct claim *claim);

/* How well a block is what one pointer of a union says. */
struct union_rating {
	bool possible;
	uint32_t array;		/* it is an array of this, or TYPE_NONE */
	int score;		/* tenths of a kept promise (shapes.h) */
};

bool follow_rate(struct follow *f, const struct pointer_field *field,
		 uint32_t node, struct union_rating *ret);

/** The best of @all[@n] if it is clearly ahead, else -1. */
int follow_clear(const struct union_rating *all, unsigned n);

/** The union holds @field. */
bool follow_alternative(struct follow *f, const struct place *from,
			const struct pointer_field *field,
			const struct union_rating *rating, struct claim *claim);

/** One of @at[@n] refers to a block: by the tag beside the union, as soon as
 * it is known. (infer_tags.c) */
bool follow_by_tag(struct follow *f, const struct place *from,
		   const struct pointer_field *at, unsigned n, uint64_t element,
		   struct claim *claim);

/** Find out what tags mean from all that waits; what no tag tells may be told
 * by the block alone. */
bool follow_tags(struct follow *f);

void follow_tags_free(struct follow *f);

/** May a record begin with letters, as a string with room for short ones
 * inside does? (infer_claims.c) */
bool follow_may_be_text(struct follow *f, uint32_t type);

/** Its own length and then that many letters? (infer_claims.c) */
bool follow_is_counted_text(struct follow *f, uint32_t node);

#endif
