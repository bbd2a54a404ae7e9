/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Everything that is known about one image: what reports and views show.
 *
 * One dominator tree covers all nodes, in tiers (dominators.h): first
 * variables; then locals of frames, one after the other from the outermost
 * frame on, since a function that is handed a structure does not hold what
 * its caller holds; then unnamed stack words and mappings, then registers,
 * then the leak groups that are held weakly, by dead words, and not at all.
 * So each group is a child of the virtual root, and what it retains is exact,
 * shared parts counted once.
 */
#ifndef ANALYZE_FACTS_H
#define ANALYZE_FACTS_H

#include "analyze/dominators.h"
#include "analyze/heap.h"
#include "analyze/leaks.h"
#include "analyze/summaries.h"

/* The order in which holders count. */
enum facts_tier {
	TIER_NAMED,
	TIER_LOCAL,		/* the first of ROOT_RANKS */
	TIER_UNNAMED = TIER_LOCAL + ROOT_RANKS,
	TIER_REGISTERS,		/* they repeat what the stack holds */
	TIER_WEAK,
	TIER_STALE,
	TIER_LEAKED,
	N_FACTS_TIERS,
};

struct heap_index;

struct facts {
	struct image image;
	struct heap heap;	/* of image */
	struct leaks leaks;
	struct dominators dom;	/* group g of leaks is dom_group(dom, g) */
	struct dom_spec spec;	/* what dom was built from */
	struct dom_tier tiers[N_FACTS_TIERS];
	uint32_t *entries;	/* of the tiers, one behind the other */
	struct summaries summaries;
	struct heap_index *index;	/* heap_index.h; NULL: none */
};

/* May the results of an earlier analysis be used, and those of this one be
 * kept? */
enum index_use { INDEX_NEVER, INDEX_MAY };

/**
 * Open @path and analyse it, or take the results from its index
 * (heap_index.h); they are the same. For a core that is no snapshot, types and
 * variables come from the files it names, where they are the same build.
 * Release with facts_close(). The struct must not
 * move: its parts refer to each other.
 */
bool facts_open(const char *path, enum index_use use, struct facts *ret,
		struct err *err) MUST_CHECK;

/** Fill in leaks and dominators of @facts, whose heap is there; facts_open()
 * does it. Release with facts_close() in any case. */
bool facts_conclude(struct facts *facts, struct err *err) MUST_CHECK;

void facts_close(struct facts *facts);

/** What leak group @g retains, itself included. */
static inline uint64_t facts_group_retained(const struct facts *facts,
					    uint32_t g)
{
	return facts->dom.retained[dom_group(&facts->dom, g)];
}

/** How many blocks go with leak group @g, itself included. What several groups
 * lead to goes with none of them. */
static inline uint64_t facts_group_blocks(const struct facts *facts, uint32_t g)
{
	uint32_t p = facts->dom.position[dom_group(&facts->dom, g)];

	return facts->dom.end[p] - p - 1;
}

#endif
