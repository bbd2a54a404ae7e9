/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The depth-first search under the dominators.
 *
 * Nodes get numbers in the order in which they are first seen; the virtual
 * root is 0. All later work goes by number, so what lies near in the graph
 * lies near in memory. Of the references that count (dominators.h):
 * one to a node seen later gives an upper bound of its semidominator at once;
 * one to a node seen earlier ("late": a back or cross edge) is put aside, in
 * buckets of 2^15 targets, which dominators.c sorts one by one in the cache.
 *
 * Cost: 24 bytes a node, 8 a late reference.
 */
#ifndef ANALYZE_DOM_WALK_H
#define ANALYZE_DOM_WALK_H

#include "analyze/dominators.h"

enum { LATE_BUCKET_BITS = 15, LATE_CHUNK_LEN = 511, LATE_SLAB_LEN = 256 };

/* A reference by numbers, to < from. */
struct late_ref {
	uint32_t to, from;
};

struct late_chunk {
	struct late_chunk *next;
	struct late_ref at[LATE_CHUNK_LEN];
};

/* What chunks are allocated in: 1 MiB, touched only as it is used. */
struct late_slab {
	struct late_slab *next;
	uint32_t used;
	struct late_chunk chunks[LATE_SLAB_LEN];
};

struct late_bucket {
	struct late_chunk *chunks;	/* newest first; all others are full */
	uint32_t newest_len;
	uint64_t len;
};

/* Scratch memory of one node, of one use after the other. */
union dom_scratch {
	uint64_t cursor;	/* of the search: the next edge to look at */
	struct {
		uint32_t ancestor, label;
	} link;			/* the forest of linked nodes */
	struct {
		uint32_t jump, depth;
	} lift;			/* jump pointer, depth in the tree */
};

struct dom_walk {
	const struct dom_spec *spec;
	uint32_t n_ids;		/* nodes, the root, groups */
	uint32_t n;		/* numbers given */
	uint32_t tier_start;	/* first number of this tier */
	uint32_t *number;	/* [n_ids] NODE_NONE: not reached; 0: excluded */
	/* By number, [n_ids]: */
	uint32_t *vertex;	/* id */
	uint32_t *parent;	/* in the depth-first tree */
	uint32_t *semi;		/* upper bound of the semidominator */
	union dom_scratch *scratch;
	struct late_bucket *late;	/* [n_ids >> LATE_BUCKET_BITS + 1] */
	struct late_slab *slabs;	/* newest first */
};

/** Search from all tiers. @spec is borrowed. Release with dom_walk_free(). */
bool dom_walk_build(const struct dom_spec *spec, struct dom_walk *ret,
		    struct err *err) MUST_CHECK;

/** Give back the late references alone. */
void dom_walk_free_late(struct dom_walk *walk);

void dom_walk_free(struct dom_walk *walk);

#endif
