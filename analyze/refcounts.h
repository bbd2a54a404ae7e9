/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reference counts against the references that are there.
 *
 * A control block (counted.h) says how many handles refer to it. Handles in
 * blocks and variables whose type is believed are found for certain; words
 * that refer to it from elsewhere (stacks, locals, registers, blocks without
 * a type) may be handles. What is counted beyond both nobody holds who was
 * captured: the count was raised and never lowered, or the holder lies where
 * words are not looked at. Where more handles are found than were counted,
 * one was released too often, or a dead handle was left where it was. And a
 * handle in a leaked block keeps an object for ever that others still use.
 *
 * A cycle of handles is no finding here, since each of them is there: leaks
 * and cycles list it.
 *
 * Cost: sources that refer to a control block are read once, in parallel;
 * 40 bytes a control block, 2 bits a node.
 */
#ifndef ANALYZE_REFCOUNTS_H
#define ANALYZE_REFCOUNTS_H

#include "analyze/facts.h"

enum refcount_kind {
	REFCOUNT_OK,
	REFCOUNT_UNKNOWN,	/* counted, but nobody is there */
	REFCOUNT_OVER,		/* more handles than are counted */
	REFCOUNT_LOST,		/* reachable, but a leaked block has a handle */
	REFCOUNT_WEAK_ONLY,	/* the object is gone; weak handles keep the
				 * block */
	N_REFCOUNT_KINDS,
};

struct refcount {
	uint32_t node;
	enum refcount_kind kind;
	int64_t count, weak;	/* as the control block has them */
	uint32_t found;		/* strong handles, for certain */
	uint32_t possible;	/* words that may be handles */
	uint32_t weak_found;
	uint32_t lost;		/* of found and possible: in leaked blocks */
};

/** Handles that are counted and not found; negative: found and not counted. */
static inline int64_t refcount_unknown(const struct refcount *r)
{
	if (r->kind == REFCOUNT_OVER)
		return r->count - (int64_t)r->found;
	return r->kind == REFCOUNT_UNKNOWN ?
	       r->count - (int64_t)r->found - (int64_t)r->possible : 0;
}

struct refcounts {
	/* All that is no REFCOUNT_OK, by kind, then retained bytes, largest
	 * first. */
	VEC(struct refcount) at;
	struct {
		uint64_t count, bytes;	/* control blocks; retained */
	} total[N_REFCOUNT_KINDS];
	uint64_t control_blocks;	/* all */
	uint64_t unclear;	/* whose sum holds with possible handles only */
	uint64_t unread;	/* whose counts are absent or make no sense */
};

extern const char *const refcount_kind_names[N_REFCOUNT_KINDS];

/** Release with refcounts_free(). @facts is borrowed. */
bool refcounts_build(const struct facts *facts, struct refcounts *ret,
		     struct err *err) MUST_CHECK;

void refcounts_free(struct refcounts *refcounts);

#endif
