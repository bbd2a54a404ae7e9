/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_ROWS = 30 };

enum { OPT_JSON = 256, OPT_BYTES, OPT_LIMIT, OPT_SORT, OPT_FILTER, OPT_COLOR,
       OPT_FREE, OPT_CANDIDATES, OPT_DEPTH, OPT_OF, OPT_EXIT_CODE, OPT_NO_INDEX,
       OPT_TIMINGS, OPT_ALL };

static const struct option longs[] = {
	{ "json",   no_argument,       NULL, OPT_JSON },
	{ "bytes",  no_argument,       NULL, OPT_BYTES },
	{ "limit",  required_argument, NULL, OPT_LIMIT },
	{ "sort",   required_argument, NULL, OPT_SORT },
	{ "filter", required_argument, NULL, OPT_FILTER },
	{ "color",  optional_argument, NULL, OPT_COLOR },
	{ "free",   no_argument,       NULL, OPT_FREE },
	{ "candidates", no_argument,   NULL, OPT_CANDIDATES },
	{ "depth",  required_argument, NULL, OPT_DEPTH },
	{ "of",     required_argument, NULL, OPT_OF },
	{ "all",    no_argument,       NULL, OPT_ALL },
	{ "exit-code", no_argument,    NULL, OPT_EXIT_CODE },
	{ "no-index", no_argument,     NULL, OPT_NO_INDEX },
	{ "timings", no_argument,      NULL, OPT_TIMINGS },
	{ "help",   no_argument,       NULL, 'h' },
	{ 0 },
};

/* NO_COLOR: https://no-color.org, set and not empty. */
static bool want_color(const char *when)
{
	const char *no = getenv("NO_COLOR");

	if (when && !strcmp(when, "always"))
		return true;
	if (when && !strcmp(when, "never"))
		return false;
	/* "auto" is what no option means as well. */
	return !(no && *no) && isatty(STDOUT_FILENO);
}

static bool take_number(const char *option, const char *text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0')
		return true;
	fprintf(stderr, "holdfast: --%s takes a number, not \"%s\"\n", option,
		text);
	return false;
}

/* Is option @c one that this report takes? */
static bool is_taken(const struct cmd *cmd, int c)
{
	static const struct {
		int option;
		unsigned takes;
	} special[] = {
		{ OPT_SORT, TAKES_SORT }, { OPT_FILTER, TAKES_FILTER },
		{ OPT_FREE, TAKES_FREE }, { OPT_CANDIDATES, TAKES_FREE },
		{ OPT_DEPTH, TAKES_DEPTH },
		{ OPT_OF, TAKES_OF }, { OPT_EXIT_CODE, TAKES_EXIT_CODE },
		{ OPT_TIMINGS, TAKES_TIMINGS }, { OPT_ALL, TAKES_ALL },
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (special[i].option == c)
			return cmd->takes & special[i].takes;
	}
	return true;
}

static bool set_filter(struct options *o, const char *pattern)
{
	char why[128];
	int code;

	if (o->has_filter)
		regfree(&o->filter);
	code = regcomp(&o->filter, pattern, REG_EXTENDED | REG_NOSUB);
	o->has_filter = code == 0;
	if (code == 0)
		return true;
	regerror(code, &o->filter, why, sizeof(why));
	fprintf(stderr, "holdfast: --filter \"%s\" is no regular expression: "
		"%s\n", pattern, why);
	return false;
}

static bool take_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_BYTES:
		o->bytes = true;
		return true;
	case OPT_LIMIT:
		return take_number("limit", arg, &o->limit);
	case OPT_SORT:
		o->sort = arg;
		return true;
	case OPT_FILTER:
		return set_filter(o, arg);
	case OPT_COLOR:
		o->color = want_color(arg ? arg : "always");
		return true;
	case OPT_FREE:
		o->free_chunks = true;
		return true;
	case OPT_CANDIDATES:
		o->candidates = true;
		return true;
	case OPT_DEPTH:
		return take_number("depth", arg, &o->depth);
	case OPT_OF:
		o->of = arg;
		return true;
	case OPT_ALL:
		o->all = true;
		return true;
	case OPT_EXIT_CODE:
		o->exit_code = true;
		return true;
	case OPT_NO_INDEX:
		o->no_index = true;
		return true;
	case OPT_TIMINGS:
		o->timings = true;
		return true;
	default:
		return false;
	}
}

enum parsed options_parse(const struct cmd *cmd, int argc, char **argv,
			  int min, int max, struct options *ret, int *status)
{
	const uint64_t unset = UINT64_MAX - 1;
	int c;

	*ret = (struct options){ .limit = unset, .color = want_color(NULL) };
	*status = EXIT_TROUBLE;
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'h')
			*status = cmd_help(cmd);
		else if (c == '?' || c == ':')
			cmd_wrong_option(cmd, c, argv);
		else if (!is_taken(cmd, c))
			cmd_misuse(cmd, "does not take --%s",
				   cmd_option_name(longs, c));
		else if (take_option(ret, c, optarg))
			continue;
		goto wrong;
	}
	ret->args = argv + optind;
	ret->n_args = argc - optind;
	if (ret->n_args < min || ret->n_args > max) {
		*status = cmd_wrong_args(cmd, max, ret->n_args, ret->args);
		goto wrong;
	}
	if (ret->limit == unset)
		ret->limit = ret->json ? UINT64_MAX : DEFAULT_ROWS;
	return PARSED_RUN;
wrong:
	options_free(ret);
	return PARSED_EXIT;
}

void options_free(struct options *options)
{
	if (options->has_filter)
		regfree(&options->filter);
	options->has_filter = false;
}

bool is_pid(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

bool options_match(const struct options *options, const char *name)
{
	return !options->has_filter ||
	       regexec(&options->filter, name ? name : "", 0, NULL, 0) == 0;
}
