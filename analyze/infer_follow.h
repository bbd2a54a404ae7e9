/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the rules of infer_fields() share: following the pointers of one place
 * that is known to hold elements of one type.
 */
#ifndef ANALYZE_INFER_FOLLOW_H
#define ANALYZE_INFER_FOLLOW_H

#include "analyze/infer_choose.h"
#include "analyze/infer_state.h"
#include "analyze/shapes.h"

struct follow {
	struct infer *infer;
	struct heap *heap;
	struct chooser chooser;
	struct shape_cache shapes;
	struct size_weights weights;
	struct seen_block seen, element;	/* scratch */
	struct map arrays;		/* with a cookie: their types */
};

/* A place that is known to hold elements of one type. */
struct place {
	uint32_t node;
	uint32_t type;
	uint32_t kind;		/* of the pointers in an array of pointers */
	uint8_t confidence;
	uint64_t addr;
	uint64_t count;
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

/** A pointer to pointers: the block is an array of them, if they are some. */
bool follow_pointers(struct follow *f, const struct place *from, uint32_t kind,
		     struct claim *claim);

/** What can be known by Rust's classes: see rust_pointers.h. The pointer
 * refers to the start of a block, or to byte @at of it. (infer_rust.c) */
bool follow_dynamic(struct follow *f, const struct place *from,
		    const struct pointer_field *field, uint64_t element,
		    struct claim *claim);
bool follow_vec(struct follow *f, const struct place *from,
		const struct pointer_field *field, uint64_t element,
		struct claim *claim);
bool follow_table(struct follow *f, const struct place *from,
		  const struct pointer_field *field, uint64_t element,
		  uint64_t at, struct claim *claim);

/** A void pointer at the start of a block: an array of the elements that its
 * class is about. (infer_ranges.c) */
bool follow_raw_range(struct follow *f, const struct place *from,
		      const struct raw_range *range, uint64_t element,
		      struct claim *claim);

/** A pointer to @element, a record, refers to byte @at of a block: behind the
 * number of elements, if *@found. (infer_ranges.c) */
bool follow_cookie(struct follow *f, const struct place *from, uint32_t element,
		   uint64_t at, struct claim *claim, bool *found);

/** The values that std::function and its kind hold. (infer_handles.c) */
bool follow_handles(struct follow *f, const struct place *place,
		    const struct pointer_fields *fields);

/** Pointers at @offset that share their bytes: the one whose target looks as
 * it says, if there is just one. (infer_unions.c) */
bool follow_union(struct follow *f, const struct place *from,
		  const struct pointer_fields *fields, uint64_t offset,
		  struct claim *claim);

#endif
