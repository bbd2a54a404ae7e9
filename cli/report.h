/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What all reports on a FILE begin and end with: options, analysis, and the
 * notes on what is missing or was not understood, which no report may hide.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "analyze/facts.h"
#include "cli/cmd.h"
#include "cli/json.h"
#include "cli/options.h"

struct report {
	struct options options;
	struct facts facts;
};

/** Parse, open, analyse. False: exit with *@status, nothing to release. */
bool report_begin(const struct cmd *cmd, int argc, char **argv, int min,
		  int max, struct report *ret, int *status);

void report_end(struct report *report);

/** As facts_open(); of a process id says what to do with it first. */
bool report_open(const char *file, const struct options *options,
		 struct facts *ret, struct err *err) MUST_CHECK;

/** As facts_close(), after everything is printed; tells when the results could
 * not be kept. */
void report_close(struct facts *facts);

/**
 * A whole report on one file: begin, @print, notes below its text, end.
 * Returns the exit status.
 */
int report_run(const struct cmd *cmd, int argc, char **argv,
	       int (*print)(const struct report *report));

typedef void note_sink(void *ctx, const char *text);

/** Call @sink for each note on what is missing or was not understood. */
void report_each_note(const struct report *report, note_sink *sink, void *ctx);

/** Notes below the text of a report; a short form of what `info` lists. */
void report_notes(const struct report *report);

/** The same in a JSON document, as "notes": ["..."]. */
void report_notes_json(const struct report *report, struct json_t *document);

/** "12.3 MiB" or the exact number, by the options. Points into @buf. */
const char *report_size(const struct report *report, uint64_t bytes,
			char buf[24]);

/** "s" unless @n is one. */
static inline const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

#endif
