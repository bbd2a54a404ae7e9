/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Subcommands: one file each, one line each in the table of cli/main.c.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "base/err.h"

/* Only `check` and --exit-code use EXIT_FOUND. */
enum { EXIT_DONE = 0, EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

/* Options that only some reports take (cli/options.h). */
enum cmd_options {
	TAKES_SORT = 1, TAKES_FILTER = 2, TAKES_FREE = 4, TAKES_DEPTH = 8,
	TAKES_OF = 16, TAKES_EXIT_CODE = 32, TAKES_TIMINGS = 64,
};

struct cmd {
	const char *name;
	const char *summary;	/* one line for `holdfast help` */
	const char *usage;	/* printed by --help; ends in a newline */
	unsigned takes;		/* enum cmd_options */
	/** argv[0] is the subcommand. Returns the exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct cmd cmd_blocks, cmd_crash, cmd_cycles, cmd_diff,
	cmd_dominators, cmd_dump, cmd_info, cmd_leaks, cmd_memory, cmd_refcounts,
	cmd_resolve, cmd_retainers, cmd_run, cmd_show,
	cmd_suspects, cmd_threads, cmd_tui, cmd_types, cmd_waste;

/** Print "holdfast: <message>" on stderr and return EXIT_TROUBLE. */
int cmd_trouble(const struct err *err);

/** Print @cmd's usage on stdout, for --help; returns EXIT_DONE. */
int cmd_help(const struct cmd *cmd);

/** A call that makes no sense: its usage in one line on stderr. Returns
 * EXIT_TROUBLE, as the next one does. */
int cmd_misuse(const struct cmd *cmd);

/** What getopt_long() did not take, when it last said '?' or ':'. */
int cmd_wrong_option(const struct cmd *cmd, int c, char **argv);

#endif
