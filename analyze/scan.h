/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Step four of heap_build(): the words of every node become references.
 *
 * A block whose type is known well enough (confidence 90 and more) refers
 * through its pointer fields; its integers and bytes count conservatively,
 * and what cannot hold a pointer (padding, floats, bytes behind the last
 * element) makes stale references. Other blocks and the roots refer through
 * every aligned word. Interior pointers count.
 *
 * Parallel over chunks of nodes; contents pass through one window a thread.
 * Cost: about 3 ns a word; 5 bytes a reference, twice while rows are joined.
 */
#ifndef ANALYZE_SCAN_H
#define ANALYZE_SCAN_H

#include "analyze/heap.h"

/** Build heap->refs and heap->referrers, and note heap->content. */
bool scan_build(struct heap *heap, struct err *err) MUST_CHECK;

#endif
