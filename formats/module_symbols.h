/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The symbol tables of a module: functions and objects for the image, and
 * variables for objects that no DWARF describes.
 */
#ifndef FORMATS_MODULE_SYMBOLS_H
#define FORMATS_MODULE_SYMBOLS_H

#include "formats/elf_file.h"
#include "formats/image.h"

/**
 * Append the symbols in @file, the best one there is for module @module, to
 * image->symbols, and objects in writable or thread-local sections that are
 * not among the variables from @first_var on to image->vars. Variables of
 * unknown size get that of their symbol.
 */
bool module_symbols(struct image *image, uint32_t module,
		    struct elf_file *file, size_t first_var, struct err *err)
	MUST_CHECK;

#endif
