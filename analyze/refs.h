/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Step five of heap_build(): words become references of a kind.
 *
 * A block whose type is known well enough (confidence 90 and more) refers
 * through its pointer fields; its integers and bytes count conservatively,
 * and what cannot hold a pointer (padding, floats, dead capacity behind the
 * last element) makes stale references. Other blocks, what lies behind an
 * object in a block much larger than it, and the roots refer through every
 * aligned word. Interior pointers count, but not those of a block into itself:
 * short strings and empty lists point there, and are no cycle. A block of a
 * known type refers to itself where a pointer to its type, or to a base class
 * that it begins with, has its address: a coroutine's handle of its own frame
 * is a void *.
 *
 * Parallel over chunks of nodes, in the memory of the raw references.
 */
#ifndef ANALYZE_REFS_H
#define ANALYZE_REFS_H

#include "analyze/heap.h"
#include "analyze/raw_refs.h"

/** Build heap->refs out of @raw, which is used up. */
bool refs_build(struct heap *heap, struct raw_refs *raw, struct err *err)
	MUST_CHECK;

/** Make heap->referrers from heap->refs, unless they are there. */
bool refs_reverse(struct heap *heap, struct err *err) MUST_CHECK;

#endif
