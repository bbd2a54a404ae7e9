/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Mappings that the user wants left out.
 *
 *     0x7f12a0000000		the mapping that holds this address
 *     0x10000-0x20000		these addresses, widened to whole pages
 *     [heap]			mappings with this name
 *     /usr/lib/libx.so		mappings of this file
 *     libx.so			mappings of files with this name
 *
 * What is left out is absent from the snapshot, and counted.
 */
#ifndef DUMP_EXCLUDE_H
#define DUMP_EXCLUDE_H

#include "dump/ranges.h"

/** Can @text mean something? Else false; to be asked before any capture. */
bool exclude_is_sound(const char *text);

/**
 * Mark as absent what one of the @n @excludes names, and take it from the
 * plan that is to copy it (NULL: there is none). An exclude that names
 * nothing is a diagnostic. Offsets of ranges are moved with their starts.
 */
bool exclude_apply(const char *const *excludes, size_t n, struct image *image,
		   struct plan *plan, struct err *err) MUST_CHECK;

#endif
