/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which addresses a DIE covers, and where a variable is at one of them: range
 * lists and location lists (DWARF 5, 2.6.2, 2.17.3, 7.25, 7.28, 7.29;
 * DWARF 4, 2.6.2, 2.17.3).
 *
 * libdwarf's functions for lists differ from release to release, so only the
 * attributes are its; the lists are decoded here, from the sections. All
 * addresses are those of the file.
 */
#ifndef FORMATS_DWARF_LISTS_H
#define FORMATS_DWARF_LISTS_H

#include "formats/dwarf_reader.h"

/* A unit, and what the lists of its DIEs need to know of it. */
struct dwarf_unit {
	Dwarf_Die die;		/* owned */
	uint64_t header;	/* where the unit begins in .debug_info */
	uint64_t base;		/* DW_AT_low_pc, 0 when there is none */
	uint64_t ranges_base, locations_base;	/* of indexed lists */
	uint8_t version, offset_size;
};

/**
 * The unit whose own DIE is @die, which it takes over. Release with
 * dwarf_unit_close().
 */
bool dwarf_unit_open(struct reader *r, Dwarf_Die die, struct dwarf_unit *ret,
		     struct err *err) MUST_CHECK;

void dwarf_unit_close(struct dwarf_unit *unit);

/* Addresses of the file, ascending, and who wants to hear of which. */
struct dwarf_search {
	const uint64_t *addrs;	/* [n] */
	size_t n;
	void (*hit)(void *ctx, size_t i);
	void *ctx;
};

/** Tell of each address of @search that @die has code at. */
void dwarf_cover(struct reader *r, const struct dwarf_unit *unit,
		 Dwarf_Die die, const struct dwarf_search *search);

/** True when @die has code at @addr. */
bool dwarf_covers(struct reader *r, const struct dwarf_unit *unit,
		  Dwarf_Die die, uint64_t addr);

/**
 * Where the code of @die, a function, begins: its low pc, or its first range
 * (the compiler moves cold parts elsewhere). False when it has no code.
 */
bool dwarf_entry(struct reader *r, Dwarf_Die die, uint64_t *ret);

/**
 * The expression for @addr in a location @which: the one there is, or that of
 * a list. False when there is none. Borrowed from the section.
 *
 * @param is_list	Tells whether it holds for some addresses only; may be
 *			NULL.
 */
bool dwarf_location_at(struct reader *r, const struct dwarf_unit *unit,
		       Dwarf_Die die, Dwarf_Half which, uint64_t addr,
		       struct bytes *ret, bool *is_list);

#endif
