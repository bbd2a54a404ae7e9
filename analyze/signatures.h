/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Groups of sets of blocks that have the same members.
 *
 * The signature of a set of blocks is the multiset of their keys
 * (block_key.h, untyped blocks by size). Ten thousand sessions that each
 * refer to themselves through a connection have one signature, and are one
 * line of a report.
 *
 * Cost: O(n) for a set of n blocks, and O(k log k) for their k keys; 24 bytes
 * for each member of a signature.
 */
#ifndef ANALYZE_SIGNATURES_H
#define ANALYZE_SIGNATURES_H

#include "analyze/block_key.h"
#include "base/map.h"
#include "base/vec.h"

struct signature_member {
	uint64_t key;
	uint64_t count;
	uint64_t bytes;		/* the largest, of the first set with it */
};

struct signature {
	uint64_t tag;		/* the caller's: different tags never meet */
	size_t first_member, n_members;
};

/* All-zero is empty. */
struct signatures {
	VEC(struct signature) at;	/* by first appearance */
	VEC(struct signature_member) members;	/* by key in each signature */
	VEC(struct signature_member) scratch;
	struct map by_hash;
};

/** Find or add the signature of the @n blocks; *@ret is its index. */
bool signature_of(struct signatures *signatures, const struct heap *heap,
		  const uint32_t *blocks, size_t n, uint64_t tag,
		  uint32_t *ret, struct err *err) MUST_CHECK;

/** Key of the largest member. */
uint64_t signature_largest(const struct signatures *signatures, uint32_t i);

void signatures_free(struct signatures *signatures);

#endif
