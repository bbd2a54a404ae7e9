/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The mappings of a core that says nothing about them: from its segments and
 * its list of mapped files.
 */
#ifndef FORMATS_CORE_MAPPINGS_H
#define FORMATS_CORE_MAPPINGS_H

#include "formats/core_notes.h"

/**
 * Make image->mappings, and guess image->meta.exe. The kernel writes one
 * segment for each mapping; gcore leaves out what it does not dump, which is
 * then known from NT_FILE alone, as readable.
 */
bool core_mappings_build(const struct core_elf *elf,
			 const struct core_notes *notes, struct image *image,
			 struct err *err) MUST_CHECK;

#endif
