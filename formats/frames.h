/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The stacks of all threads: frames, their functions and lines, and where
 * parameters and local variables are.
 *
 * Needs image->threads, modules, symbols, and memory that answers for the
 * stacks. The same for a live process (whose stacks were copied while it
 * stood), a core and a snapshot.
 */
#ifndef FORMATS_FRAMES_H
#define FORMATS_FRAMES_H

#include "formats/modules.h"

enum { FRAMES_MS = 30 * 1000 };

/**
 * Fill image->frames and image->locals; types of locals are added to
 * image->types. DWARF is read in workers: a module that breaks them costs its
 * rules, names and locals, and a diagnostic.
 */
bool frames_build(struct image *image, const struct module_search *search,
		  struct err *err) MUST_CHECK;

#endif
