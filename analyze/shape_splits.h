/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Clusters that give way to several: their likely types begin with one header,
 * whose discriminators (discriminators.h) say of each block what it is.
 *
 * It shows only when a cluster was judged. Then its blocks are met once more,
 * and go to one cluster for each value.
 */
#ifndef ANALYZE_SHAPE_SPLITS_H
#define ANALYZE_SHAPE_SPLITS_H

#include "analyze/discriminators.h"
#include "analyze/shape_clusters.h"

struct shape_splits {
	struct map header;	/* key of a cluster -> 1 + header */
	bool again;		/* only blocks of those are met */
};

/** Note the judged clusters that are to be split; they lose their types. False
 * when memory is exhausted. */
bool shape_splits_note(struct shape_splits *splits, struct clusters *clusters,
		       struct discriminators *tags);

/* Where a block goes. */
struct split_place {
	uint64_t key;		/* of its cluster */
	uint32_t header;	/* of a split cluster, or TYPE_NONE */
	uint64_t tag;
	bool skip;		/* it is no matter of now */
};

/** @ret->key is that of the cluster of block @node, and may change. False when
 * memory is exhausted. */
bool shape_splits_place(const struct shape_splits *splits,
			struct discriminators *tags, struct block_heads *heads,
			uint32_t node, struct split_place *ret);

#endif
