/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the type in a header means, learnt from blocks that have their type.
 *
 * When all blocks with one header and one value of its discriminators
 * (discriminators.h) that are known are of one type, so are the others: an
 * array that is still empty is told by the arrays that are not.
 */
#ifndef ANALYZE_SHAPE_TAGS_H
#define ANALYZE_SHAPE_TAGS_H

#include "analyze/discriminators.h"
#include "analyze/shape_clusters.h"

/**
 * Give clusters behind headers the type that their value means, with
 * @confidence, if it fits their size; take theirs away where it means another.
 * Reads the headers of typed blocks, in the order of the file, if there are
 * such clusters: O(blocks * headers). False when memory is exhausted.
 */
bool shape_tags_apply(struct infer *infer, struct discriminators *tags,
		      struct clusters *clusters, uint8_t confidence);

#endif
