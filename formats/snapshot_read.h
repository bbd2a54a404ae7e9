/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a snapshot adds to a core, read back into the image.
 */
#ifndef FORMATS_SNAPSHOT_READ_H
#define FORMATS_SNAPSHOT_READ_H

#include "formats/core_notes.h"

/** True when the core is a snapshot: it has our note or our sections. */
bool snapshot_is(const struct core_elf *elf, const struct core_notes *notes);

/**
 * Read the sections of a snapshot into @image, whose threads and ranges are
 * there already. What is lost or damaged is taken from the note, or else left
 * out, and counted in image->diag.
 */
void snapshot_read(struct source *source, const struct core_elf *elf,
		   const struct core_notes *notes, struct image *image);

/** What the capture itself noted, without what happened to the file since.
 * @ret is empty before. */
void snapshot_read_diag(struct source *source, const struct core_elf *elf,
			const struct core_notes *notes, struct diag *ret);

#endif
