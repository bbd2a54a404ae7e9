/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Places in dominator trees that can be found again in another image.
 *
 * A path is the label of a holder (a root, a leak group) and the labels of
 * the blocks below it, down the tree. Paths are numbered in a tree of their
 * own, in which a path comes after what it begins with.
 *
 * What repeats is one step: below "cache > Node" a Node stays on "cache >
 * Node", so that a list of any length has one path, and below "cache > Node
 * > Item > Node" an Item is on "cache > Node > Item" again. Repeats of up to
 * four labels are found. Below PATH_STEPS labels all is one place.
 *
 * Cost: 12 bytes and a slot of the map a path, a slot of the map for each
 * step that leads back; one look-up a step.
 */
#ifndef ANALYZE_HOLDER_PATHS_H
#define ANALYZE_HOLDER_PATHS_H

#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"

#define PATH_NONE UINT32_MAX

enum { PATH_STEPS = 32 };

struct holder_path {
	uint32_t parent;	/* less than the path's own id; PATH_NONE */
	uint32_t label;		/* of its last step */
	uint32_t depth;		/* labels in it, 1 .. PATH_STEPS */
};

struct holder_paths {
	VEC(struct holder_path) at;
	struct map steps;	/* path << 32 | label -> path */
};

/**
 * Where a block labelled @label lies whose parent in the tree is on path
 * @from (PATH_NONE: a holder). PATH_NONE when memory is exhausted.
 */
uint32_t holder_paths_step(struct holder_paths *paths, uint32_t from,
			   uint32_t label);

/** The labels of @path from the holder down; returns how many. */
uint32_t holder_paths_labels(const struct holder_paths *paths, uint32_t path,
			     uint32_t ret[PATH_STEPS]);

void holder_paths_free(struct holder_paths *paths);

#endif
