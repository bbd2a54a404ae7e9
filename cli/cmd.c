/* SPDX-License-Identifier: MIT */
#include "cli/cmd.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cmd_trouble(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "holdfast: %s\n",
		err->message[0] ? err->message : "unknown trouble");
	return EXIT_TROUBLE;
}

int cmd_help(const struct cmd *cmd)
{
	fputs(cmd->usage, stdout);
	return EXIT_DONE;
}

int cmd_misuse(const struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "holdfast: %s ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; `holdfast %s --help` tells more\n", cmd->name);
	return EXIT_TROUBLE;
}

int cmd_wrong_args(const struct cmd *cmd, int max, int n, char **args)
{
	if (n > max)
		fprintf(stderr, "holdfast: \"%s\" is one argument too many; ",
			args[max]);
	else
		fputs("holdfast: an argument is missing; ", stderr);
	fprintf(stderr, "%.*s\n", (int)strcspn(cmd->usage, "\n"), cmd->usage);
	return EXIT_TROUBLE;
}

int cmd_wrong_option(const struct cmd *cmd, int c, char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	const char *option = argv[optind - 1];

	/* Of "-xyz" getopt tells the letter, of "--xyz" nothing. */
	if (strncmp(option, "--", 2) && optopt > ' ' && optopt < 0x7f)
		option = letter;
	return cmd_misuse(cmd, "%s %s", c == ':' ? "needs a value for" :
			  "does not take", option);
}

const char *cmd_option_name(const struct option *longs, int c)
{
	while (longs->name && longs->val != c)
		longs++;
	return longs->name ? longs->name : "";
}

int cmd_other_option(const struct cmd *cmd, const struct option *longs, int c,
		     char **argv)
{
	if (c == 'h')
		return cmd_help(cmd);
	if (c == '?' || c == ':')
		return cmd_wrong_option(cmd, c, argv);
	return cmd_misuse(cmd, "does not take \"%s\" for --%s",
			  optarg ? optarg : "", cmd_option_name(longs, c));
}
