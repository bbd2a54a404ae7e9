/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which addresses a DIE covers, and where a variable is at one of them: range
 * lists and location lists (DWARF 5, 2.6.2, 2.17.3, 7.25, 7.28, 7.29;
 * DWARF 4, 2.6.2, 2.17.3).
 *
 * All addresses are those of the file.
 */
#ifndef FORMATS_DWARF_LISTS_H
#define FORMATS_DWARF_LISTS_H

#include "formats/dwarf_die.h"

/* Addresses of the file, ascending, and who wants to hear of which. */
struct dwarf_search {
	const uint64_t *addrs;	/* [n] */
	size_t n;
	void (*hit)(void *ctx, size_t i);
	void *ctx;
};

/** Tell of each address of @search that @die has code at. */
void dwarf_cover(const struct die *die, const struct dwarf_search *search);

/** True when @die has code at @addr. */
bool dwarf_covers(const struct die *die, uint64_t addr);

/**
 * Where the code of @die, a function, begins: its low pc, or its first range
 * (the compiler moves cold parts elsewhere). False when it has no code.
 */
bool dwarf_entry(const struct die *die, uint64_t *ret);

/* Addresses with code, or those for which a location holds. */
struct dwarf_extent {
	uint64_t low, high;
	struct bytes expr;	/* borrowed from the section */
};

/**
 * Visit the extents of @which: DW_AT_ranges for the code of @die (that from
 * its low to its high pc where it has no ranges), else a location; one without
 * a list holds from 0 to the last address.
 */
void dwarf_extents(const struct die *die, unsigned which,
		   void (*visit)(void *ctx, const struct dwarf_extent *extent),
		   void *ctx);

/**
 * The expression for @addr in a location @which: the one there is, or that of
 * a list. False when there is none. Borrowed from the section.
 *
 * @param is_list	Tells whether it holds for some addresses only; may be
 *			NULL.
 */
bool dwarf_location_at(const struct die *die, unsigned which, uint64_t addr,
		       struct bytes *ret, bool *is_list);

#endif
