/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is probably wrong, in words.
 *
 * A suspect holds more than a share of the live bytes: a child of the
 * dominator tree's root alone (a variable, a leak group, a block that several
 * roots share), or all such blocks of one type (of one size, without a type)
 * together. Below a single suspect the walk follows the largest child while
 * that keeps most of its parent; where it stops things pile up, and the type
 * that piles up there says through what the suspect holds its memory. For
 * what several roots share, the way that most shortest paths take is told;
 * blocks at the end of the same way are one suspect.
 *
 * Memory of an allocator that is not understood is a suspect, too: it counts
 * as live, since nobody knows. And so is free memory, when there is more of it
 * than of live blocks.
 *
 * Source: the leak suspects report of Eclipse MAT (FindLeaksQuery,
 * LeakHunterQuery): threshold 10 %, big drop ratio 0.7, for groups the common
 * path of 80 %.
 *
 * Cost: O(children of the root + length of the walks); O(V + E) for each
 * suspect that several roots share.
 */
#ifndef ANALYZE_SUSPECTS_H
#define ANALYZE_SUSPECTS_H

#include "analyze/facts.h"

enum suspect_kind {
	SUSPECT_ROOT,		/* a variable, stack, mapping */
	SUSPECT_LEAK,		/* a leak group */
	SUSPECT_BLOCK,		/* one block that several roots share; or
				 * several to which the same way leads */
	SUSPECT_TYPE,		/* many blocks of one type, each on its own */
	SUSPECT_UNKNOWN,	/* an allocator that is not understood */
	SUSPECT_FREE,		/* memory that allocators keep free */
};

struct suspect {
	enum suspect_kind kind;
	uint32_t id;		/* in the tree; of a type the largest block;
				 * an allocator's index; else NODE_NONE */
	uint64_t retained;
	double share;		/* of live bytes and what is not understood */
	uint32_t pile;		/* where the walk stopped; id if at once */
	uint64_t through;	/* block_key() of what piles up there */
	uint64_t count;		/* how many; 0: no single type does */
	/* For what several roots share: the way to it that most shortest paths
	 * take, NULL if none is known, and the part of them that do. */
	const char *way;
	double way_share;
	uint32_t blocks;	/* of SUSPECT_BLOCK: how many, id the largest */
	const char *text;	/* one sentence; in the arena */
	/* A command that shows more, without the file: "dominators --of
	 * 0x1000"; in the arena. */
	const char *next;
};

/** True when @s is in the dominator tree. */
static inline bool suspect_is_node(const struct suspect *s)
{
	return s->kind < SUSPECT_UNKNOWN;
}

struct suspects {
	VEC(struct suspect) at;	/* by bytes, largest first */
	struct arena arena;
};

/** Release with suspects_free(). @facts is borrowed. */
bool suspects_build(const struct facts *facts, struct suspects *ret,
		    struct err *err) MUST_CHECK;

void suspects_free(struct suspects *suspects);

#endif
