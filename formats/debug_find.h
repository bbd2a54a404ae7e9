/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Finding the file with a module's debug information (GDB manual, "Debugging
 * Information in Separate Files").
 *
 * A file counts only when its build-id is the module's; where the module has
 * none, its CRC must be the one in .gnu_debuglink. Servers are asked last,
 * and only where search->debuginfod says so (formats/debuginfod.h).
 */
#ifndef FORMATS_DEBUG_FIND_H
#define FORMATS_DEBUG_FIND_H

#include "formats/dwarf_companion.h"
#include "formats/module_file.h"

/**
 * Open the file with the debug information of @module, whose own file is
 * @own (may be NULL). Files that do not match are counted in @diag.
 *
 * @param path	Gets the path; @size bytes.
 * @param ret	Owned by the caller; release with elf_file_close(). NULL when
 *		there is no separate file.
 */
void debug_find(const struct module_search *search, const struct module *module,
		struct elf_file *own, struct diag *diag, char *path,
		size_t size, struct elf_file **ret);

/**
 * Where files that the DWARF of @module is continued in may be; @debug is the
 * path of its separate file, NULL when it has none. Strings are borrowed.
 */
struct dwarf_places module_places(const struct module_search *search,
				  const struct module *module,
				  const char *debug);

/** What @file alone can say: a symbol table, lines, types. */
enum debug_state debug_state_of(const struct elf_file *file);

/** The better of two states. */
enum debug_state debug_better(enum debug_state a, enum debug_state b);

/** The CRC-32 of a file as .gnu_debuglink has it; false when unreadable. */
bool debug_file_crc(int fd, uint32_t *ret);

#endif
