/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which unit an address of code belongs to, and the units that hold what other
 * units refer to.
 *
 * .debug_aranges says it in one pass (DWARF 5, 6.1.2); not every compiler
 * writes it (clang does not), so what is not found there is looked for in the
 * ranges of all units.
 */
#ifndef FORMATS_DWARF_UNITS_H
#define FORMATS_DWARF_UNITS_H

#include "formats/dwarf_reader.h"

/**
 * For each of @addrs[@n], ascending, addresses of the file: the offset of the
 * DIE of its unit, 0 when there is none.
 *
 * @param ret	[n]
 */
void dwarf_units_find(struct reader *r, const uint64_t *addrs, size_t n,
		      uint64_t *ret);

/**
 * Read the types of units that types refer to, in some rounds, until none is
 * missing: those that link-time optimisation shares, and type units.
 *
 * @param read	Offsets of the units (headers) that were read.
 */
void dwarf_units_complete(struct reader *r, struct map *read);

/** The offset of the header of the unit that holds the DIE with @key. */
bool dwarf_unit_of_key(struct reader *r, uint64_t key, uint64_t *ret);

#endif
