/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Who holds a set of blocks: shortest paths from the roots, merged.
 *
 * A path prefers roots with names; unnamed stack words count where no named
 * root leads to a block, and leak roots where no root does. Paths over the
 * same types and fields are one, with the number of blocks that they lead
 * to; a step that repeats (the next of a list) is shown once, and so is which
 * word of a large block without a type it was.
 *
 * Cost: O(V + E), 16 bytes a node while running; of one block what its path
 * costs (reach_one.h).
 */
#ifndef ANALYZE_RETAINERS_H
#define ANALYZE_RETAINERS_H

#include "analyze/facts.h"

struct retainer_step {
	uint32_t node;		/* of the first block that went this way */
	uint64_t key;		/* block_key(); of a root its node id */
	const char *field;	/* that leads to the next step; in arena */
	bool repeats;		/* several blocks alike, one behind the other */
};

struct retainer_path {
	uint64_t count;		/* targets that it leads to */
	uint32_t target;	/* the first of them */
	size_t first_step, n_steps;	/* from the root to the last holder */
};

struct retainers {
	VEC(struct retainer_path) paths;	/* by count, largest first */
	VEC(struct retainer_step) steps;
	struct arena arena;
};

/** Paths to the @n blocks in @targets. Release with retainers_free(). */
bool retainers_build(const struct facts *facts, const uint32_t *targets,
		     size_t n, struct retainers *ret, struct err *err)
	MUST_CHECK;

void retainers_free(struct retainers *retainers);

#endif
