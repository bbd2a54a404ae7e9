/* SPDX-License-Identifier: MIT */
/* The program: find the subcommand and run it. */
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"
#include "base/bulk.h"
#include "cli/cmd.h"
#include "cli/inherited_signals.h"
#include "cli/progress_line.h"
#include "cli/summary.h"
#include "dump/memory_limit.h"

#define VERSION "0.1.0"

/* In the order in which a newcomer needs them. */
static const struct cmd *const commands[] = {
	&cmd_dump, &cmd_run, &cmd_crash, &cmd_resolve, &cmd_info,
	&cmd_memory, &cmd_suspects, &cmd_types, &cmd_leaks, &cmd_cycles,
	&cmd_dominators, &cmd_retainers, &cmd_threads, &cmd_show, &cmd_blocks,
	&cmd_waste, &cmd_refcounts, &cmd_diff, &cmd_tui,
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_commands(FILE *out)
{
	fputs("usage: holdfast COMMAND [OPTION...] ARG...\n"
	      "\n"
	      "What holds this memory? Capture a process, then ask its heap.\n"
	      "\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-11s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("\n"
	      "FILE is a snapshot of `holdfast dump` or an ELF core;\n"
	      "`holdfast FILE` gives a first impression.\n"
	      "`holdfast COMMAND --help` tells more.\n", out);
}

static const struct cmd *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

static int help(int argc, char **argv)
{
	const struct cmd *cmd;

	if (argc < 2) {
		print_commands(stdout);
		return EXIT_DONE;
	}
	cmd = find_command(argv[1]);
	if (cmd)
		return cmd_help(cmd);
	fprintf(stderr, "holdfast: there is no command \"%s\"; "
		"`holdfast help` lists them\n", argv[1]);
	return EXIT_TROUBLE;
}

/* No command: a file to look at, or a mistake. */
static int without_command(int argc, char **argv)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char *browse[] = { (char *)cmd_tui.name, argv[0], NULL };

	if (access(argv[0], F_OK) == 0)
		return terminal && argc == 1 ? cmd_tui.run(2, browse) :
					       summary_run(argc, argv);
	if (is_pid(argv[0]))
		fprintf(stderr, "holdfast: %s looks like a process id: run "
			"`holdfast dump %s` first\n", argv[0], argv[0]);
	else
		fprintf(stderr, "holdfast: there is no command \"%s\"; "
			"`holdfast help` lists them\n", argv[0]);
	return EXIT_TROUBLE;
}

/* A pipe whose reader has seen enough and closed its end. */
static bool reader_is_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int main(int argc, char **argv)
{
	const struct cmd *cmd;
	int status;

	inherited_signals_save();
	setlocale(LC_CTYPE, "");
	/* A reader that closes its end is no reason to die half way. */
	signal(SIGPIPE, SIG_IGN);
	/* Nor is a file that would be larger than `ulimit -f` allows. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_TROUBLE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "-h"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("holdfast " VERSION);
		return EXIT_DONE;
	}
	cmd = find_command(argv[1]);
	progress_line_install();
	bulk_limit_by(memory_limit);
	status = cmd ? cmd->run(argc - 1, argv + 1) :
		       without_command(argc - 1, argv + 1);
	progress_line_clear();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (reader_is_gone())
			return status == EXIT_FOUND ? status : EXIT_DONE;
		perror("holdfast: standard output");
		return EXIT_TROUBLE;
	}
	return status;
}
