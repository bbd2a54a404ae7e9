/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Tables that follow from the facts alone and need a look at every block:
 * the histogram of types, the groups of cycles, the parts of memory.
 *
 * Reports and views ask for the one they show; it is made then, once. Where
 * the facts are kept in an index (heap_index.h), all are made with them and
 * kept too, so that a browser has them at once.
 *
 * Cost: that of type_rows.h, cycles.h and memory_report.h.
 */
#ifndef ANALYZE_SUMMARIES_H
#define ANALYZE_SUMMARIES_H

#include "analyze/cycles.h"
#include "analyze/memory_report.h"
#include "analyze/type_rows.h"

struct facts;

/* All-zero: none is there. */
struct summaries {
	bool has_types, has_cycles, has_memory;
	struct type_rows types;
	struct cycles cycles;
	struct memory_report memory;
};

/** Make facts->summaries.types, .cycles or .memory, unless it is there. */
bool summaries_types(struct facts *facts, struct err *err) MUST_CHECK;
bool summaries_cycles(struct facts *facts, struct err *err) MUST_CHECK;
bool summaries_memory(struct facts *facts, struct err *err) MUST_CHECK;

/** Make all of them, several at once. Needs no reversed references. */
bool summaries_build(struct facts *facts, struct err *err) MUST_CHECK;

static inline bool summaries_are_complete(const struct summaries *s)
{
	return s->has_types && s->has_cycles && s->has_memory;
}

void summaries_free(struct summaries *summaries);

#endif
