/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Symbols, types, variables and frames for a snapshot that was taken where
 * its debug information was not.
 *
 * What is known is never lost: all is read anew when everything can be found
 * again, so that the result is that of a capture with debug information; else
 * only what is better than before is added. Memory is copied as it is
 * (formats/snapshot_renew.h).
 */
#ifndef DUMP_RESOLVE_H
#define DUMP_RESOLVE_H

#include "dump/capture.h"

struct resolve_result {
	char path[SNAPSHOT_PATH_MAX];
	size_t modules;
	size_t full_before, full;	/* with full debug information */
	struct diag diag;	/* owned; release with diag_free() */
};

/**
 * Resolve @path in place, or to options->target.path. A core, and a snapshot
 * that is not in the seekable format, need a target: they are converted.
 * ret->diag is filled on failure too.
 */
bool resolve_snapshot(const char *path, const struct capture_options *options,
		      struct resolve_result *ret, struct err *err) MUST_CHECK;

/**
 * Add to @image, opened from a snapshot or core, what its module files tell
 * and is not known yet. Frames stay when there were more of them or of their
 * locals. Files that are missing or damaged are diagnostics.
 */
bool resolve_on_top(struct image *image, const struct capture_options *options,
		    struct err *err) MUST_CHECK;

#endif
