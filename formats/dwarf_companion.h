/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Finding the files that the DWARF of a module is continued in: dwz's
 * supplementary file (DWARF 5, 7.3.6), and .dwo and .dwp files of split DWARF
 * (DWARF 5, 7.3.2, 7.3.5).
 *
 * A supplementary file must have the build-id that its user names; whether a
 * .dwo file fits is for its reader to tell.
 */
#ifndef FORMATS_DWARF_COMPANION_H
#define FORMATS_DWARF_COMPANION_H

#include "formats/elf_file.h"

/* Where to look. Strings are borrowed; NULL is unknown. */
struct dwarf_places {
	const char *sysroot;
	const char *debug_dir;	/* looked at first */
	const char *module;	/* path of the module, below the sysroot */
	const char *debug;	/* path of the file with its DWARF, if that is
				 * another one */
};

/* A file that was looked for. */
struct companion {
	struct elf_file *elf;	/* owned by the caller; NULL: not found */
	char path[4096];
};

/** The file that .gnu_debugaltlink or .debug_sup of @elf names. False when
 * there is no such section. */
bool companion_alt(struct elf_file *elf, const struct dwarf_places *places,
		   struct companion *ret);

/** The .dwp file beside the module. */
void companion_package(const struct dwarf_places *places,
		       struct companion *ret);

/** The .dwo file @name of a unit that was compiled in @folder (may be ""). */
void companion_dwo(const struct dwarf_places *places, const char *folder,
		   const char *name, struct companion *ret);

#endif
