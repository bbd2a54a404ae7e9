/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the steps of type inference share: how a block gets a type, and the
 * queue of blocks whose fields are still to be followed.
 */
#ifndef ANALYZE_INFER_STATE_H
#define ANALYZE_INFER_STATE_H

#include "analyze/heap.h"
#include "analyze/infer.h"
#include "analyze/raw_refs.h"
#include "base/vec.h"

struct infer {
	struct heap *heap;
	const struct raw_refs *raw;
	struct window window;
	/*
	 * Blocks with a new type, by percent of confidence. No claim is surer
	 * than the place that it comes from, so when the surest are followed
	 * first, what was followed stays (E. Dijkstra, 1959, is the pattern).
	 */
	struct infer_queue {
		VEC(uint32_t) blocks;	/* first in first out */
		size_t next;		/* the first that waits */
	} queues[101];
	int surest;		/* no queue above this one has waiting blocks */
	uint64_t n_claims;
};

/* Evidence for the type of one block. */
struct claim {
	uint32_t node;		/* the block */
	uint32_t type;
	uint32_t count;		/* elements, at least 1 */
	uint8_t evidence;	/* enum evidence */
	uint8_t confidence;	/* percent */
	uint32_t why_node;	/* who says so, or NODE_NONE */
	uint32_t why_offset;	/* of the word in it */
};

/**
 * Give the block its type, unless it has one on better evidence. Two claims
 * of one rank that disagree leave the first for the time being, with little
 * confidence: if none of a higher rank follows, the block ends without a
 * type. So blocks that refer to each other come to rest. False when memory is
 * exhausted.
 */
bool infer_claim(struct infer *infer, const struct claim *claim);

/** Take the block with the surest type out of the queues; false when all are
 * empty. */
bool infer_take(struct infer *infer, uint32_t *node);

/**
 * Evidence of @confidence may speak for another type, but was left out of the
 * capture: what is less sure than that counts no more.
 */
void infer_bar(struct heap *heap, uint32_t node, uint8_t confidence);

/*
 * Percent, of a block that begins with the vtable pointer of a class. With
 * another size than the class: something that holds one, or an object with a
 * tail. When nothing tells the size of the class: a declared type that fits
 * may know better.
 */
enum { SURE_BEGINS = 80, SURE_UNSIZED = 96 };

/** True when claims contradict each other: the type may be followed no more. */
bool infer_is_disputed(const struct heap *heap, uint32_t node);

/** Types by vtable and typeinfo: the first step. */
bool infer_vtables(struct infer *infer, struct err *err) MUST_CHECK;

/**
 * Types over typed pointers, from roots and blocks in the queues; then, for
 * what these do not reach, by infer_shapes(), and on from there, until nothing
 * new is found.
 */
bool infer_fields(struct infer *infer, struct err *err) MUST_CHECK;

/** One round of types by content, for blocks that have none. */
struct size_weights;
struct chooser;
bool infer_shapes(struct infer *infer, const struct size_weights *weights,
		  struct chooser *chooser, struct err *err) MUST_CHECK;

#endif
