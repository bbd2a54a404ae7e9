/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reading some units of a module: those that hold addresses, and those that
 * their types refer to.
 *
 * .debug_aranges (DWARF 5, 6.1.2) says which unit an address belongs to, but
 * may leave out units, so what is not found there is looked for in the
 * ranges of all units.
 */
#ifndef FORMATS_DWARF_UNITS_H
#define FORMATS_DWARF_UNITS_H

#include "formats/dwarf_reader.h"

/**
 * For each of @addrs[@n], ascending, addresses of the file: its unit, NULL
 * when there is none.
 *
 * @param ret	[n]
 */
void dwarf_units_find(struct dwarf_input *input, const uint64_t *addrs,
		      size_t n, struct die_unit **ret);

/**
 * Read the types of units that types refer to, in some rounds, until none is
 * missing: those that link-time optimisation shares, and type units.
 *
 * @param read	Keys of the units that were read.
 * @param most	How many units and types are read for others in a round.
 */
void dwarf_units_complete(struct reader *r, struct map *read, size_t most);

#endif
