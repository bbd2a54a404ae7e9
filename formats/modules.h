/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From mappings to modules, symbols, types and variables.
 */
#ifndef FORMATS_MODULES_H
#define FORMATS_MODULES_H

#include "formats/image.h"

/* Where files of the target are looked for. Strings may be NULL. */
struct module_search {
	const char *sysroot;	/* put before every path */
	const char *exe;	/* stands for the main program */
	const char *debug_dir;	/* beside /usr/lib/debug */
	/**
	 * Open the file of a mapping of a live process (through
	 * /proc/PID/map_files or /proc/PID/root), or -1. NULL: open by path.
	 */
	int (*open_mapped)(void *ctx, const struct mapping *mapping);
	void *ctx;
};

/**
 * Fill image->modules and image->sections from the mappings: every ELF file
 * that is mapped, with its build-id (read from the image's memory, or from
 * the file when the memory is not there), extent, bias, TLS and sections.
 * A file on disk whose build-id differs from the one in memory is not used.
 */
bool modules_find(struct image *image, const struct module_search *search,
		  struct err *err) MUST_CHECK;

/**
 * Add the symbols, types and variables of all modules to the image. A module
 * without debug information, or with damaged one, costs a diagnostic.
 */
bool modules_load(struct image *image, const struct module_search *search,
		  struct err *err) MUST_CHECK;

#endif
