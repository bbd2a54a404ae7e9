/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Options that all reports share, and the file that they are about.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/cmd.h"

struct options {
	bool json;
	bool bytes;		/* exact sizes */
	bool color;
	uint64_t limit;		/* rows; UINT64_MAX is all */
	const char *sort;	/* key, or NULL */
	regex_t filter;		/* on type names, if has_filter */
	bool has_filter;
	bool free_chunks;	/* blocks --free */
	bool candidates;	/* blocks --candidates */
	uint64_t depth;		/* --depth, 0 when not given */
	const char *of;		/* --of ADDR, or NULL */
	bool all;		/* threads --all */
	bool exit_code;		/* --exit-code */
	bool no_index;		/* --no-index */
	bool timings;		/* --timings */
	char **args;		/* what follows the options: FILE first */
	int n_args;
};

enum parsed { PARSED_RUN, PARSED_EXIT };

/**
 * Parse @argv for a report that takes @min to @max arguments, and the options
 * in @cmd->takes beside those that all reports share. PARSED_EXIT:
 * help was printed or the call was wrong; exit with *@status.
 */
enum parsed options_parse(const struct cmd *cmd, int argc, char **argv,
			  int min, int max, struct options *ret, int *status);

void options_free(struct options *options);

/** True when @text is a bare number, as people give for a process. */
bool is_pid(const char *text);

/** True when a row of type @name (NULL: untyped) is to be shown. */
bool options_match(const struct options *options, const char *name);

/** Text for the usage of every report: what options_parse() understands. */
#define OPTIONS_USAGE \
	"  --json          one JSON document instead of text\n" \
	"  --limit N       show at most N rows (default 30; JSON: all)\n" \
	"  --bytes         exact sizes\n" \
	"  --color[=WHEN]  titles stand out: always, never, auto (default auto)\n" \
	"  --no-index      analyse anew; neither use nor keep earlier results\n"
#define OPTIONS_USAGE_SORTED OPTIONS_USAGE \
	"  --filter REGEX  only types whose name matches\n" \
	"  --sort KEY      order of the rows\n"
#define OPTIONS_EXIT_STATUS "\nExit status: 0 done, 2 trouble.\n"

#endif
