/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The memory of threads, living and ended: stack and thread descriptor.
 *
 * glibc puts a thread's `struct pthread` at the top of the stack that it maps
 * for it. Its first word and its third hold its own address (x86-64 TCB:
 * `tcb` and `self`, sysdeps/x86_64/nptl/tls.h), and further on it keeps the
 * mapped block and its size; both are found by shape, so that no version of
 * the struct is assumed. A stack of which no task of the process has the
 * descriptor as its thread pointer lies in glibc's cache of stacks: its
 * thread has ended.
 */
#ifndef ANALYZE_THREAD_BLOCKS_H
#define ANALYZE_THREAD_BLOCKS_H

#include "base/vec.h"
#include "formats/image.h"

struct thread_block {
	uint64_t start, end;	/* the mapped block, guard included */
	uint64_t tcb;		/* address of struct pthread */
	uint32_t thread;	/* index in image.threads; UINT32_MAX: ended */
};

struct thread_blocks {
	VEC(struct thread_block) at;	/* by address */
};

/** Find them all. Release with thread_blocks_free(). */
bool thread_blocks_find(const struct image *image, struct thread_blocks *ret,
			struct err *err) MUST_CHECK;

void thread_blocks_free(struct thread_blocks *blocks);

/** The block that holds @addr, or NULL. */
const struct thread_block *thread_blocks_at(const struct thread_blocks *blocks,
					    uint64_t addr);

#endif
