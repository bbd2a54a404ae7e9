/* SPDX-License-Identifier: MIT */
/* `tui`: the terminal browser. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/progress_line.h"
#include "tui/run.h"

static const char usage[] =
	"usage: holdfast tui [--no-index] FILE [OLD]\n"
	"       holdfast FILE\n"
	"\n"
	"Browse a snapshot or core on the terminal: its types, who retains what,\n"
	"leaks, cycles, threads, variables, and each block with its fields and\n"
	"referrers. With an older snapshot of the same program, view 9 shows what\n"
	"grew since, who holds the growth, and what was lost.\n"
	"`?` shows all keys; NO_COLOR=1 does without colours.\n"
	"\n"
	"  --no-index      analyse anew; neither use nor keep earlier results\n"
	"\n"
	"Exit status: 0 done, 2 trouble.\n";

enum { OPT_NO_INDEX = 256 };

static const struct option longs[] = {
	{ "no-index", no_argument, NULL, OPT_NO_INDEX },
	{ "help",     no_argument, NULL, 'h' },
	{ 0 },
};

/* Only one image's facts are in memory at a time. */
static bool digest_old(const char *path, enum index_use use,
		       struct digest_names *names, struct digest *ret,
		       struct err *err)
{
	struct facts facts;
	bool ok;

	*ret = (struct digest){0};
	if (!facts_open(path, use, &facts, err))
		return false;
	ok = digest_build(&facts, names, ret, err);
	facts_close(&facts);
	return ok;
}

/* Compare @facts with @old, which becomes empty. */
static bool compare(const struct facts *facts, struct digest *old,
		    struct comparison *ret, struct err *err)
{
	struct digest both[2] = { *old };
	bool ok;

	*old = (struct digest){0};
	ok = digest_build(facts, &ret->names, &both[1], err) &&
	     diff_build(&ret->names, both, 2, &ret->diff, err);
	ret->old = both[0].live;
	ret->new = both[1].live;
	digest_free(&both[0]);
	digest_free(&both[1]);
	return ok;
}

/* @old_path may be NULL. */
static bool browse(const char *path, const char *old_path, enum index_use use,
		   struct err *err)
{
	struct comparison comparison = { .old_file = old_path };
	struct digest old = {0};
	struct facts facts;
	bool ok = false;

	if (old_path && !digest_old(old_path, use, &comparison.names, &old,
				    err))
		goto out;
	if (!facts_open(path, use, &facts, err))
		goto out;
	ok = !old_path || compare(&facts, &old, &comparison, err);
	progress_line_clear();
	ok = ok && tui_run(&facts, path, old_path ? &comparison : NULL, err);
	facts_close(&facts);
out:
	progress_line_clear();
	digest_free(&old);
	diff_free(&comparison.diff);
	digest_names_free(&comparison.names);
	return ok;
}

static int run(int argc, char **argv)
{
	enum index_use use = INDEX_MAY;
	struct err err = {0};
	int c, n;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c != OPT_NO_INDEX)
			return cmd_other_option(&cmd_tui, longs, c, argv);
		use = INDEX_NEVER;
	}
	argv += optind;
	n = argc - optind;
	if (n < 1 || n > 2)
		return cmd_wrong_args(&cmd_tui, 2, n, argv);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		err_set(&err, ERR_UNSUPPORTED, "the browser needs a terminal; "
			"`holdfast %s` prints a summary instead", argv[0]);
	else if (browse(argv[0], n == 2 ? argv[1] : NULL, use, &err))
		return EXIT_DONE;
	return cmd_trouble(&err);
}

const struct cmd cmd_tui = {
	.name = "tui",
	.summary = "browse it all on the terminal",
	.usage = usage,
	.run = run,
};
