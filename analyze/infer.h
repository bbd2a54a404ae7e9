/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Step four of heap_build(): a type for every block that has evidence.
 *
 * Evidence, strongest first: the block's vtable pointer and the typeinfo
 * behind it; a typed variable that points at the block; a typed field of a
 * block that has its type already. Each step keeps its why: the node and the
 * offset of the word that gave the type. A type is given only when it fits
 * the usable size exactly and no other candidate does: a wrong type is worse
 * than none.
 */
#ifndef ANALYZE_INFER_H
#define ANALYZE_INFER_H

#include "analyze/heap.h"
#include "analyze/raw_refs.h"

/**
 * Fill type, count, evidence, confidence, why_node, why_offset of @heap,
 * after raw_refs_build(), from @raw: memory is read for arrays only. May add
 * types to the image's table. O(references of typed nodes).
 */
bool infer_types(struct heap *heap, const struct raw_refs *raw,
		 struct err *err) MUST_CHECK;

/**
 * True when a request of @size bytes gets just the usable size of block
 * @node. @loose: or 16 bytes more, what malloc gives away when the rest of a
 * free chunk is too small to stand alone.
 */
bool infer_fits(const struct heap *heap, uint32_t node, uint64_t size,
		bool loose);

/**
 * True when record @type ends in an array, and block @node is one of them with
 * some more elements: of data[] or data[0] of any number, of data[1], as people
 * wrote it once, of as many as fill the block.
 */
bool infer_fits_tail(const struct heap *heap, uint32_t node, uint32_t type);

#endif
