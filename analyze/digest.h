/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What is kept of an image to compare it with another: so that the facts of
 * one image only are in memory at a time.
 *
 * Columns are indexed by ids of `struct digest_names`, which all digests of
 * one comparison share. A digest's columns end with the ids that it uses;
 * digest_tally() gives zeros behind.
 *
 * Cost: 20 bytes a block, 24 a label and a path. Time O(n), with one look-up
 * a block.
 */
#ifndef ANALYZE_DIGEST_H
#define ANALYZE_DIGEST_H

#include "analyze/facts.h"
#include "analyze/holder_paths.h"
#include "analyze/labels.h"
#include "analyze/process_identity.h"

struct digest_names {
	struct labels labels;
	struct holder_paths paths;	/* of labels */
};

void digest_names_free(struct digest_names *names);

/** "app:cache > Node > Item": @path for people, in @arena; NULL: no memory. */
const char *digest_path_text(const struct digest_names *names, uint32_t path,
			     struct arena *arena);

/*
 * Of a type: its blocks. Of a leak group: its instances, and the bytes of the
 * blocks in them. Of a path: the blocks that it retains; bytes is not set.
 * What is retained counts no block twice.
 */
struct tally {
	uint64_t count, bytes, retained;
};

struct tallies {
	struct tally *at;
	size_t len, cap;
};

struct digest {
	struct process_identity process;
	struct tally live;		/* all blocks; retained is not set */
	struct tallies types;		/* by label */
	struct tallies leaks;		/* by label: definite ones */
	struct tallies paths;		/* by path */
	/* Each block, by address; labels of untyped ones are LABEL_NONE. */
	uint64_t *addr, *size;		/* [n_blocks] */
	uint32_t *label;		/* [n_blocks] */
	uint32_t n_blocks;
};

/**
 * Digest @facts (borrowed for the call), adding to @names. Release with
 * digest_free(). ERR_NOMEM, ERR_CANCELLED.
 */
bool digest_build(const struct facts *facts, struct digest_names *names,
		  struct digest *ret, struct err *err) MUST_CHECK;

void digest_free(struct digest *digest);

/* Ids of a dominator tree. */
struct digest_nodes {
	uint32_t *at;
	size_t len, cap;
};

/**
 * Find what lies on @path of @names in @facts, of which a digest was built
 * with them: blocks, roots and leak groups (dom_group()), in preorder. The
 * caller frees ret->at. ERR_NOMEM, ERR_CANCELLED. Cost: as digest_build().
 */
bool digest_find(const struct facts *facts, struct digest_names *names,
		 uint32_t path, struct digest_nodes *ret, struct err *err)
	MUST_CHECK;

static inline struct tally digest_tally(const struct tallies *tallies,
					size_t id)
{
	return id < tallies->len ? tallies->at[id] : (struct tally){0};
}

#endif
