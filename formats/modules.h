/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From mappings to modules, symbols, types and variables.
 */
#ifndef FORMATS_MODULES_H
#define FORMATS_MODULES_H

#include "formats/image.h"

enum { MODULES_TYPES_MS = 60 * 1000 };

/* Where files of the target are looked for. Strings may be NULL. */
struct module_search {
	const char *sysroot;	/* put before every path */
	const char *exe;	/* stands for the main program */
	const char *debug_dir;	/* beside /usr/lib/debug */
	struct debuginfod *debuginfod;	/* NULL: do not ask servers */
	/**
	 * Open the file of a mapping of a live process (through
	 * /proc/PID/map_files or /proc/PID/root), or -1. NULL: open by path.
	 */
	int (*open_mapped)(void *ctx, const struct mapping *mapping);
	void *ctx;
	/* Limit on reading the types of all modules; 0: MODULES_TYPES_MS. */
	uint32_t types_ms;	/* milliseconds */
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
 * without debug information, or with damaged one, costs a diagnostic, and so
 * does one whose turn did not come in time. The result is the same whether
 * types were read or come from the cache, and in which order they came.
 *
 * What an image has already (one that was opened, not made) stays: a module
 * with full debug information is left alone, and what is known of another one
 * goes only where more is found.
 */
bool modules_load(struct image *image, const struct module_search *search,
		  struct err *err) MUST_CHECK;

#endif
