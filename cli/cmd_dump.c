/* SPDX-License-Identifier: MIT */
/* `dump`: capture running processes, or convert a core. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/progress.h"
#include "cli/cancel_signals.h"
#include "cli/capture_args.h"
#include "cli/cmd.h"
#include "cli/progress_line.h"
#include "dump/capture.h"
#include "dump/core_convert.h"

static const char usage[] =
	"usage: holdfast dump [OPTION...] PID...\n"
	"       holdfast dump [OPTION...] --core CORE|-\n"
	"\n"
	"Capture running processes, or convert the core of a dead one. The file\n"
	"is a core, compressed, with types: NAME.PID.core.zst unless -o says\n"
	"otherwise. A process is stopped while its memory is copied.\n"
	"\n"
	"  -o FILE           write FILE; - is standard output; a folder gets files\n"
	"                    with their usual names\n"
	"  --core CORE       convert CORE, plain or compressed; - is standard input\n"
	CAPTURE_USAGE
	"\n"
	"Exit status: 0 done, 2 trouble.\n";

struct request {
	struct capture_options capture;
	const char *core;
	char **pids;
	int n_pids;
};

enum { OPT_CORE = 256 };

static const struct option longs[] = {
	{ "core",   required_argument, NULL, OPT_CORE },
	{ "output", required_argument, NULL, 'o' },
	{ "help",   no_argument,       NULL, 'h' },
	CAPTURE_LONGS,
	{ 0 },
};

static bool take_option(int c, struct request *r)
{
	switch (c) {
	case 'o':      r->capture.target.path = optarg; return true;
	case OPT_CORE: r->core = optarg; return true;
	default:       return capture_args_take(c, optarg, &r->capture);
	}
}

/** A folder behind -o holds the files; several pids need that, or no -o. */
static bool settle_output(struct request *r)
{
	struct capture_options *o = &r->capture;
	struct stat st;

	if (o->target.path && stat(o->target.path, &st) == 0 &&
	    S_ISDIR(st.st_mode)) {
		o->folder = o->target.path;
		o->target.path = NULL;
	}
	return !o->target.path || r->n_pids <= 1;
}

/** False when all is done, with *@status. */
static bool parse(int argc, char **argv, struct request *r, int *status)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":ho:", longs, NULL)) != -1) {
		if (take_option(c, r))
			continue;
		*status = cmd_other_option(&cmd_dump, longs, c, argv);
		return false;
	}
	r->pids = argv + optind;
	r->n_pids = argc - optind;
	if (!r->core && r->n_pids == 0)
		*status = cmd_wrong_args(&cmd_dump, 1, 0, NULL);
	else if (r->core && r->n_pids > 0)
		*status = cmd_misuse(&cmd_dump, "takes processes or --core, "
				     "not both");
	else if (!settle_output(r))
		*status = cmd_misuse(&cmd_dump, "writes several processes "
				     "into a folder, and %s is none",
				     r->capture.target.path);
	else
		return true;
	return false;
}

/** One snapshot: of @pid, or of r->core when @pid is 0. */
static int dump_one(const struct request *r, uint32_t pid)
{
	struct capture_result result;
	struct timespec start;
	struct err err = {0};
	bool ok;

	clock_gettime(CLOCK_MONOTONIC, &start);
	ok = pid ? capture_live(pid, &r->capture, &result, &err) :
		   core_convert(r->core, &r->capture, &result, &err);
	progress_line_clear();
	if (ok)
		capture_args_report(&result, &start, pid != 0);
	diag_free(&result.diag);
	return ok ? EXIT_DONE : cmd_trouble(&err);
}

static int dump_all(const struct request *r)
{
	int status = EXIT_DONE;
	uint32_t pid;

	if (r->core)
		return dump_one(r, 0);
	for (int i = 0; i < r->n_pids && !progress_cancelled(); i++) {
		struct err err = {0};

		if (!capture_args_number(r->pids[i], 1, INT32_MAX, &pid)) {
			err_set(&err, ERR_FORMAT, "\"%s\" is not a process id",
				r->pids[i]);
			status = cmd_trouble(&err);
		} else if (dump_one(r, pid) != EXIT_DONE) {
			status = EXIT_TROUBLE;
		}
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct request r = {0};
	char *options;
	int status;

	if (!parse(argc, argv, &r, &status))
		return status;
	cancel_signals_install();
	options = capture_args_settle(argc, argv, &r.capture);
	status = dump_all(&r);
	free(options);
	return status;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.summary = "capture running processes, or convert a core",
	.usage = usage,
	.run = run,
};
