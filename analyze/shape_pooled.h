/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Types whose objects are parts of other blocks: of an arena's, say.
 *
 * Where typed pointers to a record lead, but always inside of blocks and never
 * to the start of one, the program takes such records out of something larger.
 * A lost block on its own is then rather of another type that looks alike.
 */
#ifndef ANALYZE_SHAPE_POOLED_H
#define ANALYZE_SHAPE_POOLED_H

#include "analyze/infer_state.h"
#include "analyze/shapes.h"
#include "base/bitset.h"

/** The types, in *@ret, which the caller frees. O(references); false when
 * memory is exhausted. */
bool find_pooled(const struct infer *infer, struct shape_cache *cache,
		 struct bitset *ret);

#endif
