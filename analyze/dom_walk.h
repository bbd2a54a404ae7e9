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
 * What waits for memory is where the search goes next. So whether a node has
 * been seen is a bit, and bits of 15 M nodes fit into a cache; numbers of those
 * that were seen are asked for later, when the cache has them. On 15 M nodes
 * that saves a twelfth of all the time.
 *
 * Cost: 24 bytes and a bit a node, 8 bytes a late reference.
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

/* References that wait until the cache has the number of their target. */
enum { ASIDE_LEN = 32 };

struct aside {
	uint32_t id, from;
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
	struct bitset seen;	/* ids that have a number or are excluded */
	struct aside aside[ASIDE_LEN];	/* the last n_aside, in turn */
	uint64_t n_aside;
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
