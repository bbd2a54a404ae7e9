/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The frames of one thread, and what its locals refer to and hold.
 *
 * Shows and reports share it, so that they say the same of a local.
 */
#ifndef ANALYZE_THREAD_FRAMES_H
#define ANALYZE_THREAD_FRAMES_H

#include "analyze/facts.h"
#include "analyze/frame_text.h"

/* Frames first .. first + n - 1 of image.frames, the innermost first. */
struct thread_frames {
	size_t first, n;
};

/** O(log frames). */
struct thread_frames thread_frames_of(const struct image *image,
				      uint32_t thread);

/** Is @frame one of the C library or of the loader, by its module's name? */
bool frame_is_libc(const struct image *image, const struct frame *frame);

/**
 * Where a frame is, in words: "serve (server.c:12)", "pause (libc.so.6)",
 * "<signal handler called>". In @buf.
 */
const char *frame_place(const struct image *image, const struct frame *frame,
			char *buf, size_t size);

#endif
