/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What somebody can do so that more is known about a module next time.
 */
#ifndef FORMATS_MODULE_HINT_H
#define FORMATS_MODULE_HINT_H

#include "formats/image.h"

/* What the search for a module's debug information came to. */
struct module_evidence {
	bool is_found;		/* its own file, or one with its debug
				 * information */
	bool is_other_build;	/* a file is where its own should be */
	bool has_no_types;	/* DWARF was read, and has none */
	bool lacks_files;	/* DWARF goes on in files that were not found */
	const char *link;	/* in .gnu_debuglink, of a file not found; or
				 * NULL */
	const char *failure;	/* why DWARF was not read, or NULL */
};

/** The hint for @module: "" when nothing is missing, else in image->arena. */
const char *module_hint(struct image *image, const struct module *module,
			const struct module_evidence *evidence);

#endif
