/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The frames of a thread and their locals, as text and as JSON.
 */
#ifndef CLI_THREAD_REPORT_H
#define CLI_THREAD_REPORT_H

#include "analyze/thread_frames.h"
#include "cli/report.h"
#include "cli/text_table.h"

/* Those that hold something are always shown. */
enum locals_shown {
	LOCALS_NONE,
	LOCALS_OF_PROGRAM,	/* all but those of the C library */
	LOCALS_ALL,
};

/**
 * Rows "size, empty, text" for the frames of @thread, --limit at most. True
 * when locals were left out.
 */
bool thread_frames_rows(const struct report *r,
			const struct local_nodes *nodes, uint32_t thread,
			enum locals_shown shown, struct table *t);

/** A list of all of them. */
struct json_t *thread_frames_json(const struct report *r,
				  const struct local_nodes *nodes,
				  uint32_t thread);

#endif
