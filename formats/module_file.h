/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The file on disk that a module was mapped from.
 *
 * It counts only when its build-id is the one in the process; where neither
 * has one, its program headers must be those in memory.
 */
#ifndef FORMATS_MODULE_FILE_H
#define FORMATS_MODULE_FILE_H

#include "formats/module_layout.h"
#include "formats/modules.h"

/** True for the program itself: it holds AT_ENTRY, or has its path. */
bool module_is_main(const struct image *image, const struct module *module);

/**
 * Open the file of @module: through search->open_mapped, by path below the
 * sysroot, or search->exe. NULL when there is none or another build (then
 * counted in @diag).
 *
 * Owned by the caller; release with elf_file_close().
 */
struct elf_file *module_file(const struct image *image,
			     const struct module_search *search,
			     const struct module *module, struct diag *diag);

/** Open @path for reading when it is a regular file; -1 otherwise. */
int open_regular_file(const char *path);

#endif
