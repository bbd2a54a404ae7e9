/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Locals of frames as roots: `thread "io" handle():req`.
 *
 * A local becomes a root when it lies on the stack of its thread, or is in a
 * register there, and one of its words refers to a block. Its words then are
 * no longer words of the unnamed stack. Where several locals share a place
 * (a parameter of an inlined function is the argument itself), the outermost
 * frame has it, since its variable lives longest. What is declared behind the
 * line where its frame is holds what was there before: it stays unnamed.
 */
#ifndef ANALYZE_LOCAL_ROOTS_H
#define ANALYZE_LOCAL_ROOTS_H

#include "analyze/heap.h"

/* The unnamed stacks that locals may lie on. */
struct stack_span {
	uint64_t start, end;
	uint32_t thread;
};

struct stack_spans {
	VEC(struct stack_span) at;	/* any order */
};

struct local_roots {
	VEC(struct root) at;	/* by thread, the outermost frame's first */
};

/**
 * Find them, and fill heap->locals. @stacks is sorted. Release with
 * local_roots_free(). O(locals log locals).
 */
bool local_roots_build(struct heap *heap, struct window *window,
		       struct stack_spans *stacks, struct local_roots *ret,
		       struct err *err) MUST_CHECK;

void local_roots_free(struct local_roots *roots);

/** True when the word at @addr of a stack belongs to a local's root. */
bool local_roots_own(const struct heap *heap, uint64_t addr);

#endif
