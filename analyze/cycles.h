/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Cycles of blocks, in groups.
 *
 * A cycle is a strongly connected component with more than one block, or a
 * block that refers to itself, over references that hold; those to type
 * objects and module globals are left out. Cycles with the same signature
 * (signatures.h) and the same fate form a group. Each group has a short way
 * round its first instance, and what all its instances retain together.
 *
 * Cost: O(E log V) time; 16 bytes a node while running.
 */
#ifndef ANALYZE_CYCLES_H
#define ANALYZE_CYCLES_H

#include "analyze/dom_sets.h"
#include "analyze/heap.h"
#include "analyze/signatures.h"

struct cycle_group {
	bool reachable;		/* else leaked, stale or weakly held */
	bool exact;		/* else retained is a lower bound */
	uint64_t key;		/* of the largest member */
	uint64_t count;		/* instances */
	uint64_t blocks, bytes;	/* of all instances */
	uint64_t retained;	/* bytes that go with all instances */
	size_t first_step, n_steps;	/* in cycles.steps */
};

struct cycles {
	struct cycle_group *groups;	/* [n_groups] by lowest address */
	uint32_t n_groups;
	struct signatures signatures;	/* [n_groups] members of one instance */
	uint64_t *row;		/* [n_groups + 1] bounds of each in node */
	uint32_t *node;		/* blocks, instance behind instance by address */
	/*
	 * Each step refers to the next, the last one to the first. The way is
	 * the shortest through one of the first blocks of different keys.
	 */
	VEC(uint32_t) steps;
};

/**
 * Find the groups. Release with cycles_free().
 *
 * @param spec	What @dom was built from; it and @dom are borrowed.
 */
bool cycles_build(const struct heap *heap, const struct dom_spec *spec,
		  const struct dominators *dom, struct cycles *ret,
		  struct err *err) MUST_CHECK;

void cycles_free(struct cycles *cycles);

#endif
