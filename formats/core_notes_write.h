/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The notes of a core, written from an image.
 *
 * What the image does not know (times, priorities, user ids) is 0. The order
 * is the kernel's: first thread, process, signal, auxv, files, other threads.
 */
#ifndef FORMATS_CORE_NOTES_WRITE_H
#define FORMATS_CORE_NOTES_WRITE_H

#include "formats/snapshot_sections.h"

/** Append all notes of @image; @n_segments is what our own note records. */
bool core_notes_write(const struct image *image, uint64_t n_segments,
		      struct blob *blob, struct err *err) MUST_CHECK;

#endif
