/* SPDX-License-Identifier: MIT */
/* `run`: run a program, capture it when it crashes. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/human.h"
#include "base/progress.h"
#include "cli/capture_args.h"
#include "cli/cmd.h"
#include "cli/inherited_signals.h"
#include "cli/progress_line.h"
#include "cli/run_signals.h"
#include "cli/run_target.h"
#include "dump/supervise.h"

static const char usage[] =
	"usage: holdfast run [OPTION...] [--] CMD [ARG...]\n"
	"\n"
	"Run a program and capture it when a signal is about to end it: a crash,\n"
	"abort(), an uncaught exception, any signal that it does not handle. The\n"
	"file is NAME.PID.core.zst unless -o says otherwise. Terminal, signals and\n"
	"exit status are those of the program. SIGKILL cannot be caught.\n"
	"\n"
	"  -o FILE           write FILE; a folder gets files with their usual names\n"
	"  --at-exit         capture the program when it exits, too\n"
	"  --on-signal SIG   capture it whenever it gets SIG, which is then gone\n"
	"  --rss-above SIZE  capture it when its RSS is above SIZE, and each time it\n"
	"                    has grown by half since the last time\n"
	"  --every TIME      capture it every 10s, 5m or 1h\n"
	"  --max N           at most N snapshots of a program that goes on\n"
	"                    (default 10); they are called NAME.PID.1.core.zst ...\n"
	"  --follow-forks    watch the processes that it starts, too\n"
	CAPTURE_USAGE
	"\n"
	"Exit status: that of the program, and death by its signal; 127 there is no\n"
	"such program, 126 it cannot be executed, 2 trouble before it started.\n";

enum { NUMBERED_DEFAULT = 10, NUMBERED_MAX = 1000000 };

struct request {
	struct capture_options capture;
	struct supervise_options supervise;
	uint32_t max;
	uint32_t numbered;	/* snapshots of programs that went on */
};

enum { OPT_AT_EXIT = 256, OPT_ON_SIGNAL, OPT_RSS_ABOVE, OPT_EVERY, OPT_MAX,
       OPT_FOLLOW_FORKS };

static const struct option longs[] = {
	{ "output",       required_argument, NULL, 'o' },
	{ "help",         no_argument,       NULL, 'h' },
	{ "at-exit",      no_argument,       NULL, OPT_AT_EXIT },
	{ "on-signal",    required_argument, NULL, OPT_ON_SIGNAL },
	{ "rss-above",    required_argument, NULL, OPT_RSS_ABOVE },
	{ "every",        required_argument, NULL, OPT_EVERY },
	{ "max",          required_argument, NULL, OPT_MAX },
	{ "follow-forks", no_argument,       NULL, OPT_FOLLOW_FORKS },
	CAPTURE_LONGS,
	{ 0 },
};

/* What cannot be seen, and what cannot be swallowed: a fault would come again
 * and again; these are captured when they kill. */
static bool take_signal(const char *arg, struct supervise_options *ret)
{
	static const int useless[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
				       SIGFPE, SIGILL, SIGTRAP, SIGSYS,
				       SIGABRT };

	ret->on_signal = run_signals_parse(arg);
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		if (ret->on_signal == useless[i])
			return false;
	}
	return ret->on_signal != 0;
}

static bool take_size(const char *arg, uint64_t *ret)
{
	struct err ignored = {0};

	return human_parse_size(arg, ret, &ignored) && *ret > 0;
}

/** "90", "90s", "5m", "1h", "500ms". */
static bool take_time(const char *arg, uint64_t *ret)
{
	static const struct { const char *unit; uint64_t ns; } units[] = {
		{ "", 1000000000 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
		{ "ms", 1000000 },
	};
	size_t digits = strspn(arg, "0123456789");
	uint64_t n = strtoull(arg, NULL, 10);

	if (digits == 0 || digits > 6 || n == 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(arg + digits, units[i].unit) == 0) {
			*ret = n * units[i].ns;
			return true;
		}
	}
	return false;
}

static bool take_option(int c, struct request *r)
{
	struct supervise_options *s = &r->supervise;

	switch (c) {
	case 'o': r->capture.target.path = optarg; return true;
	case OPT_AT_EXIT: s->at_exit = true; return true;
	case OPT_FOLLOW_FORKS: s->follow_forks = true; return true;
	case OPT_ON_SIGNAL: return take_signal(optarg, s);
	case OPT_RSS_ABOVE: return take_size(optarg, &s->rss_above);
	case OPT_EVERY: return take_time(optarg, &s->every_ns);
	case OPT_MAX:
		return capture_args_number(optarg, 1, NUMBERED_MAX, &r->max);
	default:
		return capture_args_take(c, optarg, &r->capture);
	}
}

/** False when all is done, with *@status. */
static bool parse(int argc, char **argv, struct request *r, int *status)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:ho:", longs, NULL)) != -1) {
		if (take_option(c, r))
			continue;
		*status = cmd_other_option(&cmd_run, longs, c, argv);
		return false;
	}
	r->supervise.argv = argv + optind;
	r->supervise.ignored = *inherited_signals_ignored();
	if (optind < argc && argv[optind][0])
		return true;
	*status = cmd_wrong_args(&cmd_run, argc, 0, NULL);
	return false;
}

static void capture(struct request *r, const struct supervisor *s,
		    const struct supervise_event *event)
{
	struct capture_options options = r->capture;
	bool goes_on = supervise_goes_on(event->kind);
	struct capture_result result = {0};
	char path[SNAPSHOT_PATH_MAX];
	struct timespec start;
	struct err err = {0};
	bool ok;

	clock_gettime(CLOCK_MONOTONIC, &start);
	options.no_fork |= !goes_on;
	options.dies = !goes_on;
	if (event->kind == SUPERVISE_FATAL) {
		options.fatal_thread = event->tid;
		options.fatal_signal = event->signal;
	}
	options.target.path = path;
	ok = run_target(&r->capture, event->pid,
			event->pid == s->program.pid,
			goes_on ? r->numbered : 0, path, &err) &&
	     capture_held(s->guardian, event->pid, &options, &result, &err);
	progress_line_clear();
	if (ok)
		capture_args_report(&result, &start, true);
	else
		(void)cmd_trouble(&err);
	diag_free(&result.diag);
}

static void on_event(struct request *r, const struct supervisor *s,
		     const struct supervise_event *event)
{
	bool goes_on = supervise_goes_on(event->kind);

	if (goes_on && r->numbered == r->max)
		return;
	if (goes_on && ++r->numbered == r->max)
		fprintf(stderr, "holdfast: this snapshot is the last one while "
			"the program goes on; --max allows for more\n");
	/* A line would be drawn over what the program shows. */
	if (goes_on)
		progress_listen(NULL, NULL);
	else
		progress_line_listen();
	progress_rearm();
	run_signals_set_final(!goes_on);
	capture(r, s, event);
	run_signals_set_final(false);
	progress_rearm();
}

/** Exit as the program did. */
static int pass_on(const struct supervisor *s, int status)
{
	int why = program_failed(&s->program);

	if (why) {
		fprintf(stderr, "holdfast: %s: %s\n", s->options.argv[0],
			strerror(why));
		return WEXITSTATUS(status);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fflush(stdout);
	run_signals_die(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int supervise(struct request *r, int argc, char **argv)
{
	struct err err = {0}, why_untraced = {0};
	struct supervise_event event;
	struct supervisor s;
	char *options;
	int status;

	if (!supervise_start(&r->supervise, &s, &why_untraced, &err))
		return cmd_trouble(&err);
	run_signals_install(&s, &r->supervise.ignored,
			    r->supervise.on_signal);
	if (why_untraced.code != ERR_NONE)
		fprintf(stderr, "holdfast: the program runs unwatched: %s\n",
			why_untraced.message);
	/* Not before: the program keeps its own limit on open files. */
	options = capture_args_settle(argc, argv, &r->capture);
	for (;;) {
		supervise_next(&s, &event);
		if (event.kind == SUPERVISE_ENDED)
			break;
		if (event.kind != SUPERVISE_STOPPED) {
			on_event(r, &s, &event);
			continue;
		}
		run_signals_stop(event.signal);
		supervise_continue(&s);
	}
	status = pass_on(&s, event.status);
	supervise_end(&s);
	free(options);
	return status;
}

static int run(int argc, char **argv)
{
	struct request r = { .max = NUMBERED_DEFAULT };
	struct err err = {0};
	int status;

	if (!parse(argc, argv, &r, &status))
		return status;
	if (!run_target_check(&r.capture, &err))
		return cmd_trouble(&err);
	return supervise(&r, optind, argv);
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "run a program, capture it when it crashes",
	.usage = usage,
	.run = run,
};
