/* SPDX-License-Identifier: MIT */
#include "analyze/thread_frames.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/sorted.h"

/* The first frame of @thread or of one behind it. */
static size_t first_of(const struct image *image, uint32_t thread)
{
	size_t i;

	sorted_skip(i, 0, image->frames.len, image->frames.at[i].thread < thread);
	return i;
}

struct thread_frames thread_frames_of(const struct image *image,
				      uint32_t thread)
{
	struct thread_frames f = { .first = first_of(image, thread) };

	f.n = first_of(image, thread + 1) - f.first;
	return f;
}

bool frame_is_libc(const struct image *image, const struct frame *frame)
{
	static const char *const names[] = {
		"libc.so", "libc-2.", "libpthread", "ld-linux", "ld-2.",
		"libc.musl", "ld-musl",
	};
	const char *name;

	if (frame->module >= image->modules.len)
		return false;
	name = path_name(image->modules.at[frame->module].path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

const char *frame_place(const struct image *image, const struct frame *frame,
			char *buf, size_t size)
{
	const struct module *m = frame->module < image->modules.len ?
				 &image->modules.at[frame->module] : NULL;
	char name[1024];
	const char *function = frame_function(frame, name, sizeof(name));

	if (frame->flags & FRAME_SIGNAL)
		snprintf(buf, size, "<signal handler called>");
	else if (frame->file[0])
		snprintf(buf, size, "%s (%s:%" PRIu32 ")", function,
			 path_name(frame->file), frame->line);
	else if (frame->function[0])
		snprintf(buf, size, "%s%s%s%s", function, m ? " (" : "",
			 m ? path_name(m->path) : "", m ? ")" : "");
	else if (m)
		snprintf(buf, size, "?? (%s+0x%" PRIx64 ")",
			 path_name(m->path), frame->pc - m->start);
	else
		snprintf(buf, size, "?? (0x%" PRIx64 ")", frame->pc);
	return buf;
}
