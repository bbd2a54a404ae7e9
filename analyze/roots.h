/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Step two of heap_build(): where the program's references begin.
 *
 * Roots are the writable data of modules, thread-local variables, locals of
 * frames, what else lives on each thread's stack, its registers, and mappings
 * that neither an allocator nor a thread owns. A root is one variable, or one word of a
 * module's data that has no name; it becomes a node only when one of its
 * words refers to a block, so a large program has thousands of roots, not
 * millions.
 *
 * Names carry no address and no thread id, so that two snapshots of one
 * program compare: `app:server.db`, `app:.bss+0x4f10`, `tls app:cache`,
 * `thread "io" handle():req`, `thread "io" stack`, `mapping anon`.
 *
 * A stack that glibc keeps for reuse after its thread has ended still holds
 * that thread's pointers. It is a root of kind ROOT_DEAD_STACK: its words make
 * stale references only.
 */
#ifndef ANALYZE_ROOTS_H
#define ANALYZE_ROOTS_H

#include "analyze/heap.h"

/**
 * Fill roots, n_roots, n_nodes of @heap, after walk_all().
 *
 * Order: variables and unnamed data by address, thread-locals by thread, then
 * stacks, registers, locals of frames, ended threads, mappings. O(words
 * outside the heap).
 */
bool roots_build(struct heap *heap, struct err *err) MUST_CHECK;

/**
 * Captured bytes of anonymous memory that no allocator, module or thread
 * owns: an allocator that nobody recognised, perhaps. O(roots + ranges).
 */
uint64_t roots_unowned(const struct heap *heap);

#endif
