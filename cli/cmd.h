/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Subcommands: one file each, one line each in the table of cli/main.c.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <getopt.h>

#include "base/err.h"

/* Only `check` and --exit-code use EXIT_FOUND. */
enum { EXIT_DONE = 0, EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

/* Options that only some reports take (cli/options.h). */
enum cmd_options {
	TAKES_SORT = 1, TAKES_FILTER = 2, TAKES_FREE = 4, TAKES_DEPTH = 8,
	TAKES_OF = 16, TAKES_EXIT_CODE = 32, TAKES_TIMINGS = 64,
	TAKES_ALL = 128,
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

/**
 * A call that makes no sense: say "holdfast: <name> <message>" in one line on
 * stderr, and where there is help. Returns EXIT_TROUBLE, as the next ones do.
 */
int cmd_misuse(const struct cmd *cmd, const char *fmt, ...) ERR_PRINTF(2, 3);

/** @args, @n of them, are more than @max, or too few. */
int cmd_wrong_args(const struct cmd *cmd, int max, int n, char **args);

/** What getopt_long() did not take, when it last said '?' or ':'. */
int cmd_wrong_option(const struct cmd *cmd, int c, char **argv);

/** The long option of code @c, without its dashes. */
const char *cmd_option_name(const struct option *longs, int c);

/**
 * What getopt_long() said and no case takes: help, an option that does not
 * exist, or one of @longs whose value makes no sense. Returns the exit status.
 */
int cmd_other_option(const struct cmd *cmd, const struct option *longs, int c,
		     char **argv);

#endif
