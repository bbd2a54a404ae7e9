/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Read-only data of modules that a core lacks, taken from their files.
 *
 * gcore leaves out what a file holds as well, and a core may be cut off: then
 * the names of types and those vtables that need no relocation are missing.
 * What the loader mapped without the right to write is in the process what it
 * is in the file, if that is the same build (see module_file.h); code is left
 * out, since nothing is looked for in it.
 */
#ifndef FORMATS_MODULE_FILL_H
#define FORMATS_MODULE_FILL_H

#include "formats/modules.h"

/**
 * Make such memory of @image, whose modules are known, readable: absent
 * ranges become captured ones, with an offset that means nothing. The files
 * stay open until image_close(). Missing files are no trouble.
 */
bool module_fill(struct image *image, const struct module_search *search,
		 struct err *err) MUST_CHECK;

#endif
