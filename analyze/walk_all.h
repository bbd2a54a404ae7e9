/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Step one of heap_build(): ask every allocator what it holds, and lay the
 * answers side by side in address order.
 */
#ifndef ANALYZE_WALK_ALL_H
#define ANALYZE_WALK_ALL_H

#include "analyze/heap.h"

/**
 * Fill allocators, extents, blocks (addr, size, owner, index) and free chunks
 * of @heap. Blocks that overlap are counted in the diagnostics; the one that
 * begins first stays. O(n log n) in the worst case, O(n) when the allocators
 * answer in order.
 */
bool walk_all(struct heap *heap, struct err *err) MUST_CHECK;

#endif
