/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From addresses of code to lines of source: the line table of one unit
 * (DWARF 5, 6.2; 2 to 4 are alike).
 *
 * libdwarf reads the names of files; the line program is run here, since the
 * release of 2021 begins with the wrong file, and makes a row of every line
 * where a few addresses are wanted. Addresses are those of the file.
 */
#ifndef FORMATS_DWARF_LINES_H
#define FORMATS_DWARF_LINES_H

#include "formats/dwarf_reader.h"

struct dwarf_lines {
	Dwarf_Line_Context context;	/* NULL: the unit has no lines */
	const char *folder;	/* of the compilation, "" unknown; borrowed */
	Dwarf_Signed first_file, end_file;	/* indexes */
	struct bytes table;	/* from its header on; borrowed */
	uint8_t version;
};

/* The line of an address; 0 unknown. */
struct dwarf_line {
	uint64_t file;		/* index */
	uint32_t line;
};

/** Without a table, or with a damaged one, @ret knows nothing. */
void dwarf_lines_open(struct reader *r, Dwarf_Die unit,
		      struct dwarf_lines *ret);

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
const char *dwarf_lines_file(struct reader *r,
			     const struct dwarf_lines *lines, uint64_t index,
			     char *buf, size_t size);

#endif
