/* SPDX-License-Identifier: MIT */
/* `waste`: memory that serves nobody. */
#include <stdio.h>

#include "cli/waste_report.h"

static const char usage[] =
	"usage: holdfast waste [OPTION...] FILE\n"
	"\n"
	"Memory that serves nobody: equal contents, capacity that vectors and\n"
	"strings do not use, tables that are less than a quarter full, what malloc\n"
	"rounded up; and free memory that does not go back to the kernel, with a map\n"
	"of each arena and the blocks that keep it from shrinking. Each part shows a\n"
	"third of --limit rows.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

const char *waste_preview(const struct waste_report *w,
			  const struct duplicate_group *group, char *buf,
			  size_t size)
{
	uint64_t n = group->size < size - 1 ? group->size : size - 1;
	uint32_t node = w->waste->duplicates.nodes.at[group->first];

	buf[0] = buf[size - 1] = '\0';
	if (group->kind == DUPLICATE_TEXT &&
	    image_read(&w->report->facts.image,
		       w->report->facts.heap.addr[node], buf, (size_t)n))
		buf[n] = '\0';
	return buf;
}

const char *waste_place(const struct waste_report *w,
			const struct waste_row *row,
			char buf[HOLDER_TEXT_MAX])
{
	return row->holder == NODE_NONE ? NULL :
	       holder_place(&w->report->facts, row->holder, row->key[1], buf);
}

static int print(const struct report *report)
{
	struct holder_finder holders = {0};
	struct waste waste = {0};
	struct err err = {0};
	struct waste_report w = { report, &waste, &holders };
	int status;

	if (!holder_finder_build(&report->facts, &holders, &err) ||
	    !waste_build(&report->facts.heap, &waste, &err))
		status = cmd_trouble(&err);
	else
		status = report->options.json ? waste_json(&w) :
						waste_text(&w);
	waste_free(&waste);
	holder_finder_free(&holders);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_waste, argc, argv, print);
}

const struct cmd cmd_waste = {
	.name = "waste",
	.summary = "copies, unused capacity, and free memory that does not go back",
	.usage = usage,
	.run = run,
};
