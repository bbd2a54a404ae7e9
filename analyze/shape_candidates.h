/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The types that a block without a type could be of: records by their size.
 *
 * Cost: O(types log types) once; 16 bytes a record.
 */
#ifndef ANALYZE_SHAPE_CANDIDATES_H
#define ANALYZE_SHAPE_CANDIDATES_H

#include "base/vec.h"
#include "formats/types.h"

struct shape_candidate {
	uint64_t size;
	uint32_t type;
	bool embedded;		/* is a member of others */
};

struct shape_candidates {
	VEC(struct shape_candidate) records;	/* by size, then by type */
	/* Those of them, and smaller ones, that end in an array of any
	 * length: they may have any size from theirs on. */
	VEC(struct shape_candidate) open;
	uint32_t letter;	/* the type char, or TYPE_NONE */
};

/** Records that are defined and that something points at. Release with
 * shape_candidates_free(); false when memory is exhausted. */
bool shape_candidates_build(const struct type_table *types,
			    struct shape_candidates *ret);

void shape_candidates_free(struct shape_candidates *candidates);

/**
 * How likely the type is before anything is seen, in tenths of a kept promise
 * (shapes.h): types that programs handle much are likelier, and what is part
 * of others is rarely allocated alone.
 */
int shape_candidate_prior(const struct type_table *types,
			  const struct shape_candidate *one);

/** Index of the first record that is not smaller than @size. */
size_t shape_candidates_from(const struct shape_candidates *candidates,
			     uint64_t size);

#endif
