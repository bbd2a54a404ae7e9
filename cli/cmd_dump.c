/* SPDX-License-Identifier: MIT */
/* `dump`: capture running processes, or convert a core. */
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/human.h"
#include "base/progress.h"
#include "cli/cancel_signals.h"
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
	"  --force           replace an existing file\n"
	"  --level N         zstd level, 1 to 19 (default 3)\n"
	"  --core CORE       convert CORE, plain or compressed; - is standard input\n"
	"  --exe FILE        the program, when it is not where the process says\n"
	"  --sysroot DIR     find programs and libraries below DIR\n"
	"  --debug-dir DIR   find debug information below DIR, too\n"
	"  --no-types        leave out symbols, types and variables\n"
	"  --no-fork         stop the process for the whole copy (as is done now)\n"
	"\n"
	"Exit status: 0 done, 2 trouble.\n";

struct request {
	struct capture_options capture;
	const char *core;
	char **pids;
	int n_pids;
};

enum { OPT_FORCE = 256, OPT_LEVEL, OPT_CORE, OPT_EXE, OPT_SYSROOT,
       OPT_DEBUG_DIR, OPT_NO_TYPES, OPT_NO_FORK };

static const struct option longs[] = {
	{ "force",     no_argument,       NULL, OPT_FORCE },
	{ "level",     required_argument, NULL, OPT_LEVEL },
	{ "core",      required_argument, NULL, OPT_CORE },
	{ "exe",       required_argument, NULL, OPT_EXE },
	{ "sysroot",   required_argument, NULL, OPT_SYSROOT },
	{ "debug-dir", required_argument, NULL, OPT_DEBUG_DIR },
	{ "no-types",  no_argument,       NULL, OPT_NO_TYPES },
	{ "no-fork",   no_argument,       NULL, OPT_NO_FORK },
	{ "output",    required_argument, NULL, 'o' },
	{ "help",      no_argument,       NULL, 'h' },
	{ 0 },
};

/** A decimal number from @min to @max, and nothing else. */
static bool parse_number(const char *text, uint32_t min, uint32_t max,
			 uint32_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 10)
		return false;
	value = strtoull(text, &end, 10);
	*ret = (uint32_t)value;
	return *end == '\0' && value >= min && value <= max;
}

static bool take_option(int c, struct request *r)
{
	struct capture_options *o = &r->capture;
	uint32_t level;

	switch (c) {
	case 'o':           o->target.path = optarg; return true;
	case OPT_FORCE:     o->target.force = true; return true;
	case OPT_CORE:      r->core = optarg; return true;
	case OPT_EXE:       o->search.exe = optarg; return true;
	case OPT_SYSROOT:   o->search.sysroot = optarg; return true;
	case OPT_DEBUG_DIR: o->search.debug_dir = optarg; return true;
	case OPT_NO_TYPES:  o->no_types = true; return true;
	case OPT_NO_FORK:   return true;
	case OPT_LEVEL:
		if (!parse_number(optarg, 1, 19, &level))
			return false;
		o->target.level = (int)level;
		return true;
	default:
		return false;
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
		*status = c == 'h' ? cmd_help(&cmd_dump) :
			  c == '?' || c == ':' ?
			  cmd_wrong_option(&cmd_dump, c, argv) :
			  cmd_misuse(&cmd_dump);
		return false;
	}
	r->pids = argv + optind;
	r->n_pids = argc - optind;
	if ((r->core != NULL) != (r->n_pids > 0) && settle_output(r))
		return true;
	*status = cmd_misuse(&cmd_dump);
	return false;
}

/** The options as given, for the snapshot; owned by the caller, or NULL. */
static char *join_options(int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (int i = 1; i < argc; i++)
		fprintf(out, "%s%s", i > 1 ? " " : "", argv[i]);
	fclose(out);
	return text;
}

/** Each module of the process stays open while it is captured. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void print_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->len; i++) {
		const struct diag_entry *e = &diag->at[i];
		char text[HUMAN_ESCAPED(400)];

		human_escape(e->what, strnlen(e->what, 400), HUMAN_UTF8, text,
			     sizeof(text));
		fprintf(stderr, "holdfast: note: %s", text);
		if (e->count > 1)
			fprintf(stderr, " (%" PRIu64 ")", e->count);
		if (e->first != DIAG_NO_PLACE)
			fprintf(stderr, ", first at 0x%" PRIx64, e->first);
		fputc('\n', stderr);
	}
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void print_summary(const struct capture_result *result,
			  const struct timespec *start, bool live)
{
	char path[HUMAN_ESCAPED(SNAPSHOT_PATH_MAX)];
	char memory[HUMAN_MAX], size[HUMAN_MAX];
	struct stat st;

	human_escape(result->path, strlen(result->path), HUMAN_UTF8, path,
		     sizeof(path));
	human_size(result->memory_bytes, false, memory);
	fprintf(stderr, "%s: %s of memory", path, memory);
	if (stat(result->path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 0)
		fprintf(stderr, " in %s (%.1f:1)",
			human_size((uint64_t)st.st_size, false, size),
			(double)result->memory_bytes / (double)st.st_size);
	if (live)
		fprintf(stderr, ", paused %.1f ms",
			(double)result->pause_ns / 1e6);
	fprintf(stderr, ", %.2f s\n", seconds_since(start));
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
	if (ok) {
		print_summary(&result, &start, pid != 0);
		print_diag(&result.diag);
	}
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

		if (!parse_number(r->pids[i], 1, INT32_MAX, &pid)) {
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
	allow_many_files();
	if (getrandom(r.capture.capture_id, sizeof(r.capture.capture_id), 0) <
	    0)
		memset(r.capture.capture_id, 0,
		       sizeof(r.capture.capture_id));
	options = join_options(argc, argv);
	r.capture.options = options;
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
