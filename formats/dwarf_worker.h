/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reading a module's DWARF in a process of its own.
 *
 * DWARF comes from files that we did not write, through a library with a
 * history of faults. When the worker dies, its module loses its types, and
 * nothing else is lost. The answer: diagnostics, type table, variables.
 */
#ifndef FORMATS_DWARF_WORKER_H
#define FORMATS_DWARF_WORKER_H

#include "formats/elf_file.h"
#include "formats/image.h"

/**
 * Read types and variables as dwarf_types_read() does.
 *
 * @param types	Owned by the caller; release with types_free().
 * @param image	The variables are appended to its vars, with addresses of
 *		the file, module 0 and ids of @types. Findings go to its diag.
 */
bool dwarf_worker_read(struct elf_file *elf, struct elf_file *symbols,
		       struct image *image, struct type_table *types,
		       struct err *err) MUST_CHECK;

#endif
