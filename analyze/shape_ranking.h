/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which record the blocks of a cluster are: all that fit the size are
 * compared with its samples. One is taken when it fits nearly all, has
 * pointers that lead where they should, and is clearly better than the next.
 * Where the code was seen to keep some types in a field, one of those is
 * looked for first, and what fits is believed without so many pointers.
 */
#ifndef ANALYZE_SHAPE_RANKING_H
#define ANALYZE_SHAPE_RANKING_H

#include "analyze/infer_choose.h"
#include "analyze/mined_fields.h"
#include "analyze/shape_candidates.h"
#include "analyze/shape_clusters.h"
#include "base/bitset.h"

/* What clusters are judged by; all borrowed. */
struct ranker {
	struct heap *heap;
	const struct size_weights *weights;
	const struct shape_candidates *candidates;
	struct shape_cache *cache;
	struct mined_fields *mined;
	const struct bitset *pooled;	/* types: see shape_pooled.h; or NULL */
	struct chooser *chooser;
	const struct map *proven;	/* type -> live blocks that are of it */
	uint32_t program;	/* the module of the program itself */
	bool no_memory;
	bool late;	/* what values in headers mean is not asked any more */
};

/** Give @cluster its type, if one is clear. @seen are its samples. */
void cluster_decide(struct ranker *ranker, struct cluster *cluster,
		    const struct seen_block *seen);

#endif
