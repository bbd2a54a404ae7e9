/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the commands that make snapshots (dump, run, crash) have in common:
 * options, and the lines that say what was written.
 */
#ifndef CLI_CAPTURE_ARGS_H
#define CLI_CAPTURE_ARGS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "dump/capture.h"

/* Codes of getopt_long(), above those of the commands themselves. */
enum { ARG_FORCE = 512, ARG_LEVEL, ARG_EXE, ARG_SYSROOT, ARG_DEBUG_DIR,
       ARG_NO_TYPES, ARG_NO_FORK, ARG_CONTENT, ARG_EXCLUDE,
       ARG_ON_LOW_MEMORY, ARG_DEBUGINFOD };

#define CAPTURE_LONGS \
	{ "force",         no_argument,       NULL, ARG_FORCE }, \
	{ "level",         required_argument, NULL, ARG_LEVEL }, \
	{ "exe",           required_argument, NULL, ARG_EXE }, \
	{ "sysroot",       required_argument, NULL, ARG_SYSROOT }, \
	{ "debug-dir",     required_argument, NULL, ARG_DEBUG_DIR }, \
	{ "debuginfod",    no_argument,       NULL, ARG_DEBUGINFOD }, \
	{ "no-types",      no_argument,       NULL, ARG_NO_TYPES }, \
	{ "no-fork",       no_argument,       NULL, ARG_NO_FORK }, \
	{ "content",       required_argument, NULL, ARG_CONTENT }, \
	{ "exclude",       required_argument, NULL, ARG_EXCLUDE }, \
	{ "on-low-memory", required_argument, NULL, ARG_ON_LOW_MEMORY }

#define CAPTURE_USAGE \
	"  --force           replace an existing file\n" \
	"  --level N         zstd level, 1 to 19 (default 1)\n" \
	"  --exe FILE        the program, when it is not where the process says\n" \
	"  --sysroot DIR     find programs and libraries below DIR\n" \
	"  --debug-dir DIR   find debug information below DIR, too\n" \
	"  --debuginfod      ask the servers in $DEBUGINFOD_URLS as well\n" \
	"  --no-types        leave out symbols, types, variables and frames\n" \
	"  --no-fork         stop the process for the whole copy\n" \
	"  --content WHAT    full (default), or pointers: no text and no numbers\n" \
	"  --exclude WHAT    leave out a mapping: an address in it, or its path\n" \
	"  --on-low-memory DO  when memory gets short: copy (default: stop the\n" \
	"                    process for the rest) or give-up\n"

/** A decimal number from @min to @max, and nothing else. */
bool capture_args_number(const char *text, uint32_t min, uint32_t max,
			 uint32_t *ret);

/** Take one option of CAPTURE_LONGS; false when it makes no sense. */
bool capture_args_take(int c, char *arg, struct capture_options *ret);

/**
 * Before the first capture: an id for all that this call captures, the
 * options as given, room for open files. Returns text that @ret borrows, to
 * be released with free(); may be NULL.
 */
char *capture_args_settle(int argc, char **argv, struct capture_options *ret);

/** Say on stderr what was written, and what was noticed on the way. */
void capture_args_report(const struct capture_result *result,
			 const struct timespec *start, bool live);

/** The second part of that alone. */
void capture_args_notes(const struct diag *diag);

double capture_args_seconds(const struct timespec *start);

#endif
