/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What went wrong, and where in the input.
 *
 * A function that can fail returns bool (true: done) and takes the error as
 * its last parameter. The struct belongs to the caller, usually on its stack:
 * there is nothing to allocate, to free or to share between threads.
 *
 *     struct err err = {0};
 *
 *     if (!core_open(path, &core, &err))
 *             return cli_trouble(&err);
 *
 * Results are out parameters named `ret`, which stand before `err` and are
 * left empty on failure. Only cli/ prints errors.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

enum err_code {
	ERR_NONE,
	ERR_IO,			/* the kernel refused; ends in strerror() */
	ERR_FORMAT,		/* the bytes break their format */
	ERR_FAULT,		/* the address is not in the image */
	ERR_LIMIT,		/* a documented bound was exceeded */
	ERR_NOMEM,
	ERR_UNSUPPORTED,	/* valid input of a kind that we do not read */
	ERR_CANCELLED,		/* the user asked to stop */
};

#define ERR_NO_OFFSET UINT64_MAX

struct err {
	enum err_code code;
	uint64_t offset;	/* byte of the input, or ERR_NO_OFFSET */
	char message[360];	/* one line: no newline, no "error:" */
};

#define ERR_PRINTF(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#define MUST_CHECK __attribute__((__warn_unused_result__))

/**
 * Fill @err and return false. An error that is already set stays: the first
 * failure is the cause, later ones are its consequences.
 */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
	ERR_PRINTF(3, 4);

/** As err_set(), for a fault at byte (or address) @offset of the input. */
bool err_at(struct err *err, enum err_code code, uint64_t offset,
	    const char *fmt, ...) ERR_PRINTF(4, 5);

/** As err_set() with ERR_IO: "<what>: <strerror(errno)>". */
bool err_errno(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

/** As err_set() with ERR_NOMEM: "out of memory for <what>". */
bool err_nomem(struct err *err, const char *what);

/** Put "context: " before the message on the way up. Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

/** Forget an error that was dealt with. */
void err_clear(struct err *err);

#endif
