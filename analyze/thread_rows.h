/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Threads, and what each of them holds.
 *
 * A thread holds what its locals, its stack, its registers and its
 * thread-local variables dominate. What its stack and a global variable both
 * reach belongs to the variable (facts.h: tiers), and what the stacks of two
 * threads reach belongs to neither.
 */
#ifndef ANALYZE_THREAD_ROWS_H
#define ANALYZE_THREAD_ROWS_H

#include "analyze/facts.h"

struct thread_row {
	uint32_t thread;	/* index in image.threads */
	bool is_fatal;		/* the signal that ended the process was its */
	uint64_t retained;	/* bytes, sum over its roots */
	uint64_t stack_bytes;	/* from the stack pointer to the end */
	size_t first_root, n_roots;	/* in thread_rows.roots */
};

struct thread_rows {
	/* [threads] the fatal one, then by retained, then index */
	VEC(struct thread_row) at;
	VEC(uint32_t) roots;	/* node ids, by thread */
};

/** Release with thread_rows_free(). O(roots + threads). */
bool thread_rows_build(const struct facts *facts, struct thread_rows *ret,
		       struct err *err) MUST_CHECK;

void thread_rows_free(struct thread_rows *rows);

#endif
