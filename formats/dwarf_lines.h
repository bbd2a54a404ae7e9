/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From addresses of code to lines of source: the line table of one unit
 * (DWARF 5, 6.2; 2 to 4 are alike).
 *
 * The line program is run for the addresses that are wanted, and no table is
 * made. Addresses are those of the file.
 */
#ifndef FORMATS_DWARF_LINES_H
#define FORMATS_DWARF_LINES_H

#include "formats/dwarf_die.h"

/* A file or a folder in a table. */
struct dwarf_path {
	const char *name;	/* borrowed from the section */
	uint64_t folder;	/* index */
};

struct dwarf_lines {
	const char *folder;	/* of the compilation, "" unknown; borrowed */
	struct bytes table;	/* from its header on; empty: no lines */
	VEC(struct dwarf_path) files, folders;
	uint8_t version;
};

/* The line of an address; 0 unknown. */
struct dwarf_line {
	uint64_t file;		/* index */
	uint32_t line;
};

/**
 * Without a table, or with a damaged one, @ret knows nothing. Release with
 * dwarf_lines_close().
 */
void dwarf_lines_open(const struct die_unit *unit, struct dwarf_lines *ret);

void dwarf_lines_close(struct dwarf_lines *lines);

/**
 * The lines of @addrs[@n], which ascend. O(rows + n); nothing is allocated
 * but one word an address.
 *
 * @param ret	[n]
 */
bool dwarf_lines_find(const struct dwarf_lines *lines, const uint64_t *addrs,
		      size_t n, struct dwarf_line *ret);

/**
 * The path of file @index: absolute when the table knows the folder. Written
 * into @buf and returned; "" when there is no such file.
 */
const char *dwarf_lines_file(const struct dwarf_lines *lines, uint64_t index,
			     char *buf, size_t size);

#endif
