/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A snapshot with new sections behind its old memory.
 *
 * Memory is most of a snapshot, and it does not change when symbols and types
 * are added: its frames are copied as they are, compressed, damaged ones too.
 * Compressed anew is only the frame in which the memory ends, and the head
 * where its headers change.
 *
 * A snapshot that was cut off in its memory gets its sections where the last
 * whole frame ends; program headers of memory behind that place become
 * PT_NULL. Cost: reading and writing the file once.
 */
#ifndef FORMATS_SNAPSHOT_RENEW_H
#define FORMATS_SNAPSHOT_RENEW_H

#include "formats/snapshot.h"

/** True when the file at @path is one whose frames can be copied. */
bool snapshot_is_renewable(const char *path);

/**
 * Write the snapshot @path anew to @target (which may be the same file), with
 * the sections of @image, which was opened from it.
 *
 * image->diag is what has been noted since it was opened; what the capture
 * had noted, and what is lost for good, are put in front of that.
 *
 * @param keep_mode	Give it owner and mode of the file it replaces.
 */
bool snapshot_renew(const char *path, const struct snapshot_target *target,
		    bool keep_mode, struct image *image, struct err *err)
	MUST_CHECK;

#endif
