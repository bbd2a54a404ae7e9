/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory that serves nobody: copies of what is there already, capacity that
 * is not used, tables that are nearly empty, what malloc rounded up, and free
 * memory that does not go back.
 *
 * No byte is counted twice among duplicates, capacity, tables and slack: of a
 * block, the part in use may be a copy or, if it is a table, have empty slots
 * (a table is never called a copy); what a container may still fill is
 * capacity; what nobody asked for is slack. All of them are live bytes. The
 * free bytes of arenas are counted apart; those that are returnable, mixed
 * or pinned are parts of them.
 *
 * Cost: the contents are read once, candidates for copies once more; 20 bytes
 * a block, 24 a container, 30 a copy.
 */
#ifndef ANALYZE_WASTE_H
#define ANALYZE_WASTE_H

#include "analyze/facts.h"
#include "analyze/waste_arenas.h"
#include "analyze/waste_contents.h"
#include "analyze/waste_duplicates.h"

struct waste {
	/* False: text and numbers were left out of the capture, and what was
	 * equal is not known; duplicates are empty. */
	bool contents_known;
	struct duplicates duplicates;
	/* Keys: holder (waste_holder_key), offset in it, element type. Used
	 * and room count elements. */
	struct waste_rows capacity;
	struct waste_rows tables, slack;	/* see waste_contents.h */
	uint64_t slack_unknown;	/* live bytes whose slack is not known */
	struct waste_arenas arenas;
};

/** Release with waste_free(). */
bool waste_build(const struct heap *heap, struct waste *ret, struct err *err)
	MUST_CHECK;

void waste_free(struct waste *waste);

#endif
