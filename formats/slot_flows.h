/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How pointers flow through the code of a module, where their declared types
 * say nothing: into and out of fields that are void pointers or as wide as
 * one, parameters and results of functions.
 *
 * A flow goes from one end to another. `o->ptr = dict` is a flow from a dict
 * to the field; `dict *d = o->ptr` one from the field to a dict, and
 * `release(o->ptr)` one to the function's first parameter, which may be
 * declared a dict. slot_flows_resolve() follows flows through parameters and
 * results of functions, and tells what ends in, or begins at, each field.
 *
 * The idea is that of the points-to analysis of M. Carbone et al., "Mapping
 * Kernel Objects to Enable Systematic Integrity Checking", CCS 2009, without
 * its precision: flows have no order, and fields of all objects are one.
 *
 * Cost: 48 bytes a flow, and about 30 in the index.
 */
#ifndef FORMATS_SLOT_FLOWS_H
#define FORMATS_SLOT_FLOWS_H

#include "base/map.h"
#include "base/vec.h"
#include "formats/slots.h"
#include "formats/types.h"

/* Records of one module, and those of one field more: the rest is left out. */
enum { SLOTS_MAX = 1 << 20 };

enum flow_kind {
	FLOW_NONE,
	FLOW_TYPE,	/* what points at @type */
	FLOW_FIELD,	/* the field of record @type at @at, in bytes */
	FLOW_PARAM,	/* parameter @type, from 0, of the function at @at */
	FLOW_RESULT,	/* what the function at @at returns */
};

struct flow_end {
	uint32_t kind;		/* enum flow_kind */
	uint32_t type;
	uint64_t at;
};

struct flow {
	struct flow_end from, to;
	uint64_t count;		/* places in the code */
};

struct slot_flows {
	VEC(struct flow) all;	/* in the order in which they were found */
	struct map by_key;	/* hash -> index + 1 */
	bool no_memory;		/* and nothing else: see slot_flows_drop() */
};

/** Forget all flows for want of memory; no more are taken. */
void slot_flows_drop(struct slot_flows *flows);

void slot_flows_free(struct slot_flows *flows);

/** Note a flow that was seen @count times. */
void slot_flows_add(struct slot_flows *flows, const struct flow_end *from,
		    const struct flow_end *to, uint64_t count);

/** Add the flows of @from, whose type ids @map[@n] translates; those that
 * lose a type are dropped. */
void slot_flows_join(struct slot_flows *into, const struct slot_flows *from,
		     const uint32_t *map, size_t n);

/**
 * What each field was seen to hold, sorted.
 *
 * @param ret	Owned by the caller; release with vec_free(). False, and
 *		nothing in it, when memory is or was exhausted.
 */
bool slot_flows_resolve(const struct slot_flows *flows, struct slots *ret);

#endif
