/* SPDX-License-Identifier: MIT */
/* `holdfast resolve`: debug information for a snapshot that has none. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/human.h"
#include "cli/cancel_signals.h"
#include "cli/capture_args.h"
#include "cli/cmd.h"
#include "cli/progress_line.h"
#include "dump/resolve.h"

static const char usage[] =
	"usage: holdfast resolve [OPTION...] SNAPSHOT\n"
	"\n"
	"Add symbols, types, variables and frames to a snapshot that was taken\n"
	"where debug information was missing. Its memory stays as it is.\n"
	"\n"
	"  -o FILE           write a new snapshot; default: replace SNAPSHOT, all\n"
	"                    at once. A core becomes a snapshot, and needs -o\n"
	"  --debug-dir DIR   find debug information below DIR, too\n"
	"  --sysroot DIR     find programs and libraries below DIR\n"
	"  --exe FILE        the program, when it is not where the process says\n"
	"  --debuginfod      ask the servers in $DEBUGINFOD_URLS as well\n"
	"  --force           replace an existing FILE\n"
	"  --level N         zstd level of what is new, 1 to 19 (default 1)\n"
	"\n"
	"Exit status: 0 done, 2 trouble.\n";

static const struct option longs[] = {
	{ "output",     required_argument, NULL, 'o' },
	{ "debug-dir",  required_argument, NULL, ARG_DEBUG_DIR },
	{ "sysroot",    required_argument, NULL, ARG_SYSROOT },
	{ "exe",        required_argument, NULL, ARG_EXE },
	{ "debuginfod", no_argument,       NULL, ARG_DEBUGINFOD },
	{ "force",      no_argument,       NULL, ARG_FORCE },
	{ "level",      required_argument, NULL, ARG_LEVEL },
	{ "help",       no_argument,       NULL, 'h' },
	{ 0 },
};

/** False when all is done, with *@status. */
static bool parse(int argc, char **argv, struct capture_options *ret,
		  const char **path, int *status)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":ho:", longs, NULL)) != -1) {
		if (c == 'o')
			ret->target.path = optarg;
		else if (!capture_args_take(c, optarg, ret))
			break;
	}
	if (c == -1 && optind == argc - 1) {
		*path = argv[optind];
		return true;
	}
	*status = c == -1 ? cmd_wrong_args(&cmd_resolve, 1, argc - optind,
					   argv + optind) :
		  cmd_other_option(&cmd_resolve, longs, c, argv);
	return false;
}

static void report(const struct resolve_result *result,
		   const struct timespec *start)
{
	char path[HUMAN_ESCAPED(SNAPSHOT_PATH_MAX)];

	human_escape(result->path, strlen(result->path), HUMAN_UTF8, path,
		     sizeof(path));
	fprintf(stderr, "%s: full debug information of %zu of %zu modules "
		"(before: %zu), %.2f s\n", path, result->full,
		result->modules, result->full_before,
		capture_args_seconds(start));
	capture_args_notes(&result->diag);
}

static int run(int argc, char **argv)
{
	struct capture_options options = {0};
	struct resolve_result result;
	struct err err = {0};
	struct timespec start;
	const char *path;
	char *given;
	int status;
	bool ok;

	if (!parse(argc, argv, &options, &path, &status))
		return status;
	cancel_signals_install();
	given = capture_args_settle(argc, argv, &options);
	clock_gettime(CLOCK_MONOTONIC, &start);
	ok = resolve_snapshot(path, &options, &result, &err);
	progress_line_clear();
	if (ok)
		report(&result, &start);
	diag_free(&result.diag);
	free(given);
	return ok ? EXIT_DONE : cmd_trouble(&err);
}

const struct cmd cmd_resolve = {
	.name = "resolve",
	.summary = "add types and symbols to a snapshot later",
	.usage = usage,
	.run = run,
};
