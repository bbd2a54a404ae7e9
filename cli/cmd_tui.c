/* SPDX-License-Identifier: MIT */
/* `tui`: the terminal browser. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/progress_line.h"
#include "tui/run.h"

static const char usage[] =
	"usage: holdfast tui FILE\n"
	"       holdfast FILE\n"
	"\n"
	"Browse a snapshot or core on the terminal: its types, who retains what,\n"
	"leaks, threads, variables, and each block with its fields and referrers.\n"
	"`?` shows all keys; NO_COLOR=1 does without colours.\n"
	"\n"
	"Exit status: 0 done, 2 trouble.\n";

static int browse(const char *path)
{
	struct facts facts;
	struct err err = {0};
	bool ok;

	if (!facts_open(path, &facts, &err)) {
		progress_line_clear();
		return cmd_trouble(&err);
	}
	progress_line_clear();
	ok = tui_run(&facts, path, &err);
	facts_close(&facts);
	return ok ? EXIT_DONE : cmd_trouble(&err);
}

static int run(int argc, char **argv)
{
	struct err err = {0};

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return cmd_help(&cmd_tui);
	if (argc != 2 || argv[1][0] == '-')
		return cmd_misuse(&cmd_tui);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(&err, ERR_UNSUPPORTED, "the browser needs a terminal; "
			"`holdfast %s` prints a summary instead", argv[1]);
		return cmd_trouble(&err);
	}
	return browse(argv[1]);
}

const struct cmd cmd_tui = {
	.name = "tui",
	.summary = "browse it all on the terminal",
	.usage = usage,
	.run = run,
};
