/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is probably wrong, in words.
 *
 * A suspect holds more than a share of the live bytes: a child of the
 * dominator tree's root alone (a variable, a leak group, a block that several
 * roots share), or all such blocks of one type together. Below a single
 * suspect the walk follows the largest child while that keeps most of its
 * parent; where it stops things pile up, and the type that piles up there
 * says through what the suspect holds its memory.
 *
 * Source: the leak suspects report of Eclipse MAT (FindLeaksQuery,
 * LeakHunterQuery): threshold 10 %, big drop ratio 0.7.
 *
 * Cost: O(children of the root + length of the walks).
 */
#ifndef ANALYZE_SUSPECTS_H
#define ANALYZE_SUSPECTS_H

#include "analyze/facts.h"

enum suspect_kind {
	SUSPECT_ROOT,		/* a variable, stack, mapping */
	SUSPECT_LEAK,		/* a leak group */
	SUSPECT_BLOCK,		/* one block that several roots share */
	SUSPECT_TYPE,		/* many blocks of one type, each on its own */
};

struct suspect {
	enum suspect_kind kind;
	uint32_t id;		/* in the tree; of a type the largest block */
	uint64_t retained;
	double share;		/* of all live bytes, 0..1 */
	uint32_t pile;		/* where the walk stopped; id if at once */
	uint64_t through;	/* block_key() of what piles up there */
	uint64_t count;		/* how many; 0: no single type does */
	const char *text;	/* one sentence; in the arena */
};

struct suspects {
	VEC(struct suspect) at;	/* by retained bytes, largest first */
	struct arena arena;
};

/** Release with suspects_free(). @facts is borrowed. */
bool suspects_build(const struct facts *facts, struct suspects *ret,
		    struct err *err) MUST_CHECK;

void suspects_free(struct suspects *suspects);

#endif
