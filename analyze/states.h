/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Last step of heap_build(): what is reachable, and what is leaked.
 *
 * Three searches, each from where the last one ended: over references that
 * hold (reachable), over weak ones (weak), over dead words and the stacks of
 * ended threads (stale). What none of them reaches is leaked: no word that
 * was captured refers to it, directly or through others. So a definite leak
 * never rests on a type being right.
 *
 * Cost: O(V + E); one bit a node and 4 bytes a node of queue.
 */
#ifndef ANALYZE_STATES_H
#define ANALYZE_STATES_H

#include "analyze/heap.h"

/** Fill heap->state. */
bool states_build(struct heap *heap, struct err *err) MUST_CHECK;

#endif
