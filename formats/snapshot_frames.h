/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Frames and their locals as bytes: section .holdfast.frames of a snapshot,
 * and the last part of what the worker of frames_build() sends back.
 *
 * u32 version, u32 frames, u32 locals, u32 0, u64 bytes of strings; then the
 * frames (48 bytes each), the locals (40) and the strings, in the order of
 * struct frame and struct local; docs/snapshot-format.md has every field.
 */
#ifndef FORMATS_SNAPSHOT_FRAMES_H
#define FORMATS_SNAPSHOT_FRAMES_H

#include "formats/snapshot_sections.h"

#define SECTION_FRAMES ".holdfast.frames"

struct frames_part {
	const struct frame *frames;	/* [n_frames] borrowed */
	const struct local *locals;	/* [n_locals] borrowed */
	size_t n_frames, n_locals;
};

/** Append to @blob. Locals that no frame has are written, too. */
void frames_write(const struct frames_part *part, struct blob *blob);

/**
 * Append the frames in @b, which it must consist of, to those of @image.
 * Frames stand by thread and share out the locals in order; what they refer
 * to must be there: threads, modules, and types below @n_types. On failure
 * nothing is added.
 */
bool frames_read(struct bytes b, size_t n_types, struct image *image,
		 struct err *err) MUST_CHECK;

#endif
