/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Threads that stand in the same place: the idle ones of a pool.
 *
 * Two threads are alike when their frames have the same program counters and
 * no local of either holds a block. The one that a signal ended is alike to
 * none.
 */
#ifndef ANALYZE_THREAD_GROUPS_H
#define ANALYZE_THREAD_GROUPS_H

#include "analyze/frame_text.h"
#include "analyze/thread_rows.h"

struct thread_group {
	size_t first, n;	/* in thread_groups.rows */
	size_t order;		/* of its first row among all */
	bool is_fatal;
	uint64_t retained, stack_bytes;	/* sums over its threads */
};

struct thread_groups {
	/* the fatal one, then by retained, then by the first row's order */
	VEC(struct thread_group) at;
	VEC(const struct thread_row *) rows;	/* borrowed from the rows */
};

/**
 * Group @rows; with @apart each thread is a group of its own. Release with
 * thread_groups_free(). O(threads * (log threads + frames) + locals).
 */
bool thread_groups_build(const struct facts *facts,
			 const struct thread_rows *rows,
			 const struct local_nodes *locals, bool apart,
			 struct thread_groups *ret, struct err *err) MUST_CHECK;

void thread_groups_free(struct thread_groups *groups);

#endif
