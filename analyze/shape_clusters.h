/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Blocks that are alike, by a key that the caller makes: of one size, with
 * pointers at the same places, and reached in the same way.
 *
 * Of each cluster only some blocks are kept, evenly spread over all in the
 * order in which they come; their contents stand for the others'.
 *
 * Cost: 120 bytes a cluster, at most 65,536 of them.
 */
#ifndef ANALYZE_SHAPE_CLUSTERS_H
#define ANALYZE_SHAPE_CLUSTERS_H

#include "analyze/infer_state.h"
#include "analyze/shapes.h"

enum {
	CLUSTER_SAMPLE = 16,	/* blocks of a cluster that are looked at */
	CLUSTERS_DECIDED = 2048,	/* in one round: the largest */
};

struct cluster {
	uint32_t sample[CLUSTER_SAMPLE];	/* every @step-th block, from
						 * the first on */
	uint32_t n_sample;
	uint64_t n, step;
	uint32_t module;	/* that has the field, or UINT32_MAX */
	uint32_t type;		/* what they are, or TYPE_NONE */
	uint64_t field;		/* that refers to them, and their size */
	uint32_t header;	/* that they begin with, by a pointer to it; or
				 * TYPE_NONE */
	bool kin;		/* ... not by a pointer to it, but as the likely
				 * types do */
	uint64_t tag;		/* what the header says that they are, or 0 */
	uint32_t inside;	/* bytes from a block's start to where a field
				 * refers to */
	uint32_t owner;		/* type with that field */
	uint64_t at;		/* ... bytes from its start */
	bool slot;		/* a field refers to them */
	bool grown;		/* since it was asked what they are */
	bool text;		/* @type is a letter */
	bool named;		/* letters come first, as in records of their
				 * size that begin with a name */
	uint8_t confidence;
};

struct clusters {
	VEC(struct cluster) all;
	struct map by_key;	/* -> 1 + index in all */
	bool closed;		/* clusters have their types: none is added */
	bool no_memory;
};

void clusters_free(struct clusters *clusters);

/** One more fact in a key. */
static inline uint64_t cluster_key(uint64_t key, uint64_t fact)
{
	return hash_u64(key ^ fact) + 0x9e3779b97f4a7c15;
}

/** What makes @node like others: the places of its pointers to blocks, and
 * its size. */
uint64_t cluster_signature(const struct infer *infer, uint32_t node);

/** Which of these pointers lead to text. What one field refers to may have
 * either in one place; what is lost need not be of one type. */
uint64_t cluster_texts(const struct infer *infer, uint32_t node);

/** The cluster with @key, a new one if need be; NULL when there is no room,
 * or none of that key and clusters are closed. */
struct cluster *clusters_get(struct clusters *clusters, uint64_t key);

/**
 * What one field refers to, of one size, is of one type: where all clusters of
 * it that have a type have the same, the others get it, with @confidence.
 * False when memory is exhausted.
 */
bool clusters_agree(struct clusters *clusters, uint8_t confidence);

/** @node belongs to @cluster. */
void cluster_add(struct cluster *cluster, uint32_t node);

/** What the blocks hold that stand for the largest clusters. */
struct cluster_samples {
	size_t n;		/* clusters, at most CLUSTERS_DECIDED */
	uint32_t *cluster;	/* [n] indexes, the largest first */
	struct seen_block *seen;	/* [n * CLUSTER_SAMPLE] */
};

/**
 * Look at samples of the largest clusters without a type that have grown, in
 * the order of the file: those behind fields, or those of lost blocks.
 *
 * @param ret	Owned by the caller; release with cluster_samples_free(). False
 *		when memory is exhausted.
 */
bool cluster_samples_read(const struct clusters *clusters, bool slots,
			  struct infer *infer, struct cluster_samples *ret);

void cluster_samples_free(struct cluster_samples *samples);

#endif
