/* SPDX-License-Identifier: MIT */
/* `crash`: snapshots of processes that crash, taken by the kernel's call. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"
#include "cli/capture_args.h"
#include "cli/cmd.h"
#include "cli/crash_cmd.h"

static const char usage[] =
	"usage: holdfast crash install [OPTION...]\n"
	"       holdfast crash uninstall | status | list [OPTION...]\n"
	"       holdfast crash handle --dir DIR PID TID SIGNAL TIME <CORE\n"
	"\n"
	"Keep snapshots of all processes of this machine that crash. `install` makes\n"
	"holdfast the handler in kernel.core_pattern, `uninstall` restores what stood\n"
	"there; `status` tells which holds, `list` what crashed, newest first.\n"
	"`handle` is what the kernel calls. Needs root.\n"
	"\n"
	"  --dir DIR         keep crashes in DIR (default " CRASH_FOLDER ")\n"
	"  --max-size SIZE   of one snapshot (default 2G); what would be larger is\n"
	"                    kept without its heap\n"
	"  --max-count N     snapshots (default 16); the oldest are removed\n"
	"  --max-total SIZE  of all snapshots (default 8G)\n"
	"  --keep-free FREE  of the disk: a size, or 1% to 99% (default 10%)\n"
	"  --limit-time S    seconds that a process may be kept from dying\n"
	"                    (default 60)\n"
	"  --content WHAT    full (default), or pointers: no text and no numbers\n"
	"  --no-types        leave out symbols, types, variables and frames\n"
	"  --json            status, list: one JSON document instead of text\n"
	"\n"
	"Exit status: 0 done, 2 trouble.\n";

enum {
	OPT_DIR = 256, OPT_JSON, OPT_MAX_SIZE, OPT_MAX_COUNT, OPT_MAX_TOTAL,
	OPT_KEEP_FREE, OPT_LIMIT_TIME, OPT_CONTENT, OPT_NO_TYPES,
};

static const struct option longs[] = {
	{ "dir",        required_argument, NULL, OPT_DIR },
	{ "json",       no_argument,       NULL, OPT_JSON },
	{ "max-size",   required_argument, NULL, OPT_MAX_SIZE },
	{ "max-count",  required_argument, NULL, OPT_MAX_COUNT },
	{ "max-total",  required_argument, NULL, OPT_MAX_TOTAL },
	{ "keep-free",  required_argument, NULL, OPT_KEEP_FREE },
	{ "limit-time", required_argument, NULL, OPT_LIMIT_TIME },
	{ "content",    required_argument, NULL, OPT_CONTENT },
	{ "no-types",   no_argument,       NULL, OPT_NO_TYPES },
	{ "help",       no_argument,       NULL, 'h' },
	{ 0 },
};

/* What the options after --dir are about. */
enum takes { TAKES_LIMITS = 1, TAKES_JSON = 2, TAKES_ARGS = 4 };

static const struct part {
	const char *name;
	unsigned takes;
	int (*run)(const struct crash_args *args);
} parts[] = {
	{ "install",   TAKES_LIMITS, crash_install },
	{ "uninstall", 0,            crash_uninstall },
	{ "status",    TAKES_JSON,   crash_status },
	{ "list",      TAKES_JSON,   crash_list },
	{ "handle",    TAKES_ARGS,   crash_handle },
};

static bool take_size(const char *arg, uint64_t *ret)
{
	struct err ignored = {0};

	return human_parse_size(arg, ret, &ignored) && *ret > 0;
}

static bool take_number(const char *arg, uint32_t max, uint64_t *ret)
{
	uint32_t n;

	if (!capture_args_number(arg, 1, max, &n))
		return false;
	*ret = n;
	return true;
}

static bool take_keep_free(const char *arg, struct crash_settings *s)
{
	size_t n = strlen(arg);
	char number[8];

	s->keep_free = s->keep_percent = 0;
	if (n < 2 || n > sizeof(number) || arg[n - 1] != '%')
		return take_size(arg, &s->keep_free);
	snprintf(number, sizeof(number), "%.*s", (int)n - 1, arg);
	return take_number(number, 99, &s->keep_percent);
}

static bool take_content(const char *arg, struct crash_settings *s)
{
	s->only_pointers = strcmp(arg, "pointers") == 0;
	return s->only_pointers || strcmp(arg, "full") == 0;
}

static bool take_limit(int c, struct crash_settings *s)
{
	switch (c) {
	case OPT_MAX_SIZE:   return take_size(optarg, &s->max_size);
	case OPT_MAX_COUNT:  return take_number(optarg, 100000, &s->max_count);
	case OPT_MAX_TOTAL:  return take_size(optarg, &s->max_total);
	case OPT_KEEP_FREE:  return take_keep_free(optarg, s);
	case OPT_LIMIT_TIME: return take_number(optarg, 3600, &s->limit_time);
	case OPT_CONTENT:    return take_content(optarg, s);
	case OPT_NO_TYPES:   s->no_types = true; return true;
	default:             return false;
	}
}

static bool is_taken(int c, const struct part *part)
{
	return c == OPT_DIR ||
	       (part->takes & (c == OPT_JSON ? TAKES_JSON : TAKES_LIMITS));
}

static bool take_option(int c, struct crash_args *args)
{
	switch (c) {
	case OPT_DIR:
		args->dir = optarg;
		return *optarg != '\0';
	case OPT_JSON:
		args->json = true;
		return true;
	default:
		return take_limit(c, &args->settings);
	}
}

static const struct part *find_part(const char *name)
{
	for (size_t i = 0; name && i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(name, parts[i].name) == 0)
			return &parts[i];
	}
	return NULL;
}

bool crash_folder(const struct crash_args *args, char ret[PATH_MAX],
		  struct err *err)
{
	char ours[CORE_PATTERN_MAX];
	struct core_pattern now;
	const char *dir = args->dir;
	char cwd[PATH_MAX];

	if (!dir)
		dir = core_pattern_read(&now, err) &&
		      core_pattern_ours(now.text, ours) ? ours : CRASH_FOLDER;
	err_clear(err);
	cwd[0] = '\0';
	if (dir[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_errno(err, "the current folder");
	if (snprintf(ret, PATH_MAX, "%s%s%s", cwd, *cwd ? "/" : "", dir) >=
	    PATH_MAX)
		return err_set(err, ERR_LIMIT, "%s: the path is too long", dir);
	return true;
}

static int run(int argc, char **argv)
{
	struct crash_args args = { .settings = crash_settings_default() };
	const struct part *part = argc > 1 ? find_part(argv[1]) : NULL;
	int c;

	optind = 0;
	opterr = 0;
	/* The subcommand takes the place of the program's name. */
	if (part) {
		argc--;
		argv++;
	}
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == '?' || c == ':' || c == 'h')
			return cmd_other_option(&cmd_crash, longs, c, argv);
		if (!part)
			break;
		if (!is_taken(c, part))
			return cmd_misuse(&cmd_crash, "%s does not take --%s",
					  part->name,
					  cmd_option_name(longs, c));
		if (!take_option(c, &args))
			return cmd_other_option(&cmd_crash, longs, c, argv);
	}
	if (!part)
		return cmd_misuse(&cmd_crash, "needs to know what to do: "
				  "install, uninstall, status or list");
	args.rest = argv + optind;
	args.n_rest = argc - optind;
	if (args.n_rest > 0 && !(part->takes & TAKES_ARGS))
		return cmd_misuse(&cmd_crash, "%s does not take \"%s\"",
				  part->name, args.rest[0]);
	return part->run(&args);
}

const struct cmd cmd_crash = {
	.name = "crash",
	.summary = "keep snapshots of processes that crash",
	.usage = usage,
	.run = run,
};
