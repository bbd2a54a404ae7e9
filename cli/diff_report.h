/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What `diff` prints, as text and as JSON.
 */
#ifndef CLI_DIFF_REPORT_H
#define CLI_DIFF_REPORT_H

#include "analyze/diff.h"
#include "cli/options.h"

/* What is left of an image for the report, beside its digest. */
struct diff_image {
	const char *file;
	const char *captured_at;
	VEC(const char *) notes;
};

struct diff_report {
	struct options options;
	size_t n;			/* images, oldest first */
	struct diff_image *images;	/* [n]; texts lie in the arena */
	struct digest *digests;		/* [n] */
	struct digest_names names;
	struct diff diff;
	struct arena arena;
};

int diff_print_text(struct diff_report *report);
int diff_print_json(struct diff_report *report);

/** Does --filter let through a row named @label, or @path with any step? */
bool diff_shows_label(const struct diff_report *report, uint32_t label);
bool diff_shows_path(const struct diff_report *report, uint32_t path);

#endif
