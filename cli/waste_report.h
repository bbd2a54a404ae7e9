/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The parts of `waste`, as text and as JSON.
 */
#ifndef CLI_WASTE_REPORT_H
#define CLI_WASTE_REPORT_H

#include "analyze/block_key.h"
#include "analyze/holder_text.h"
#include "analyze/waste.h"
#include "cli/node_text.h"
#include "cli/report.h"

struct waste_report {
	const struct report *report;
	const struct waste *waste;
	struct holder_finder *holders;
};

/* Print; exit status. */
int waste_text(const struct waste_report *w);
int waste_json(const struct waste_report *w);

/** The beginning of the text that the blocks of @group hold, or "" when they
 * hold none; cut at @size - 1 bytes. */
const char *waste_preview(const struct waste_report *w,
			  const struct duplicate_group *group, char *buf,
			  size_t size);

/** Where the containers of @row stand: "Session.name"; NULL unknown. */
const char *waste_place(const struct waste_report *w,
			const struct waste_row *row,
			char buf[HOLDER_TEXT_MAX]);

#endif
