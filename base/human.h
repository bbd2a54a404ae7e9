/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Sizes, counts and foreign text, for people.
 *
 * Nothing here looks at the locale: the same value gives the same bytes on
 * every machine.
 */
#ifndef BASE_HUMAN_H
#define BASE_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { HUMAN_MAX = 24 };	/* bytes that hold any size or count */

/**
 * "17 B", "1.2 MiB", rounded to nearest; with @exact all digits and no unit:
 * "1258291". Returns @buf.
 */
const char *human_size(uint64_t bytes, bool exact, char buf[HUMAN_MAX]);

/** "17", "99999", "13.9M" (powers of 1000), or all digits. Returns @buf. */
const char *human_count(uint64_t n, bool exact, char buf[HUMAN_MAX]);

/**
 * Read a size that somebody typed: "512", "64K", "1.5GiB", "10 MB". K, M, G,
 * T, P, E, alone or with "iB", are powers of 1024; with "B" alone, powers of
 * 1000. Upper and lower case are the same.
 */
bool human_parse_size(const char *text, uint64_t *ret, struct err *err)
	MUST_CHECK;

/** "SIGSEGV"; "signal 42" when it has no name. Returns @buf. */
const char *human_signal(int signal, char buf[HUMAN_MAX]);

enum human_charset { HUMAN_UTF8, HUMAN_ASCII };

/** Bytes that hold @n escaped bytes and a NUL in the worst case. */
#define HUMAN_ESCAPED(n) ((n) * 4 + 1)

/**
 * Write @n bytes that we did not choose so that they are safe to show on one
 * line of a terminal, and unambiguous. Control characters, line separators,
 * bidi controls, invalid UTF-8 and the backslash become \n, \t, \r, \\, \x1b,
 * \u202e; in HUMAN_ASCII everything beyond ASCII does.
 *
 * @ret (@size > 0 bytes) always ends in NUL; text that does not fit is cut
 * between characters. Returns the length of what was written.
 */
size_t human_escape(const char *text, size_t n, enum human_charset charset,
		    char *ret, size_t size);

#endif
