/* SPDX-License-Identifier: MIT */
#include "cli/summary.h"

#include <stdio.h>

enum { TOP_HOLDERS = 5 };

static const char usage[] =
	"usage: holdfast FILE\n"
	"\n"
	"Opens the browser on a terminal; elsewhere prints where memory goes, what\n"
	"is suspicious, and the top five holders.\n"
	OPTIONS_EXIT_STATUS;

static int print_all(const struct report *report)
{
	struct report top = *report;
	int status = memory_print(report);

	if (status != EXIT_DONE)
		return status;
	puts("\nSuspects\n");
	status = suspects_print(report);
	if (status != EXIT_DONE)
		return status;
	printf("\nTop %d holders\n\n", TOP_HOLDERS);
	top.options.limit = TOP_HOLDERS;
	top.options.depth = 1;
	return dominators_print(&top);
}

static const struct cmd cmd_summary = {
	.name = "summary",
	.summary = "memory, suspects, and the top holders",
	.usage = usage,
};

int summary_run(int argc, char **argv)
{
	char *call[] = { (char *)cmd_summary.name, argv[0], NULL };

	if (argc != 1)
		return cmd_wrong_args(&cmd_summary, 1, argc, argv);
	return report_run(&cmd_summary, 2, call, print_all);
}
