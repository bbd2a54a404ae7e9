/* SPDX-License-Identifier: MIT */
/**
 * @file
 * libdwarf over sections in memory, old API and new; and its numbers of tags,
 * attributes and forms.
 *
 * libdwarf 20210528 (Debian 12) and the releases from 0.2 on differ in names
 * and signatures; what differs is hidden here and in dwarf_open.c. Only call
 * frame information is read with it (dwarf_cfi.h). A `struct dwarf_file`
 * belongs to one thread.
 *
 * libdwarf is C code that parses hostile input: where a file comes from
 * elsewhere, use it in a process that may die.
 */
#ifndef FORMATS_DWARF_H
#define FORMATS_DWARF_H

#include <dwarf.h>
#include <libdwarf.h>

#include "base/bytes.h"

struct dwarf_file;

/* A section, as bytes. */
struct dwarf_section {
	const char *name;
	uint64_t addr;
	struct bytes bytes;	/* borrowed */
};

/**
 * Open the DWARF in @at[@n], borrowed until dwarf_file_close().
 *
 * @param ret	Owned by the caller; NULL when there is no DWARF at all.
 */
bool dwarf_sections_open(const struct dwarf_section *at, size_t n,
			 struct dwarf_file **ret, struct err *err) MUST_CHECK;

void dwarf_file_close(struct dwarf_file *file);

Dwarf_Debug dwarf_file_debug(const struct dwarf_file *file);

/** Release @error and report it: "<what>: <libdwarf's message>". */
bool dwarf_failed(Dwarf_Debug debug, Dwarf_Error error, const char *what,
		  struct err *err);

#endif
