/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Messages quote paths and names that others chose: a control character in
 * one may neither end the line nor reach the terminal.
 */
static void tidy(char *message)
{
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

/* Format into @buf; what does not fit ends in "...", after a whole character. */
static void format(char *buf, size_t size, const char *fmt, va_list args)
	__attribute__((__format__(__printf__, 3, 0)));
static void format(char *buf, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);
	size_t end = size - 4;

	if (n < 0) {
		buf[0] = '\0';
	} else if ((size_t)n >= size) {
		while (end > 0 && ((unsigned char)buf[end] & 0xc0) == 0x80)
			end--;
		memcpy(buf + end, "...", 4);
	}
	tidy(buf);
}

/*
 * Make the message "<left>: <right>". When that is too long, its beginning
 * goes: the reason stands at the end, and the end of a path tells more than
 * its beginning. Neither part is longer than a message.
 */
static void join(struct err *err, const char *left, const char *right)
{
	const size_t size = sizeof(err->message);
	char text[2 * sizeof(err->message) + 2], *from = text;
	size_t n = (size_t)snprintf(text, sizeof(text), "%s: %s", left, right);

	if (n < size) {
		memcpy(err->message, text, n + 1);
		return;
	}
	from += n - (size - 4);
	while (((unsigned char)*from & 0xc0) == 0x80)
		from++;
	snprintf(err->message, size, "...%.*s", (int)size - 4, from);
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	if (err->code != ERR_NONE)
		return false;
	err->code = code;
	err->offset = ERR_NO_OFFSET;
	va_start(args, fmt);
	format(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	return false;
}

bool err_at(struct err *err, enum err_code code, uint64_t offset,
	    const char *fmt, ...)
{
	va_list args;

	if (err->code != ERR_NONE)
		return false;
	err->code = code;
	err->offset = offset;
	va_start(args, fmt);
	format(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	return false;
}

bool err_errno(struct err *err, const char *fmt, ...)
{
	int cause = errno;
	char what[sizeof(err->message)], reason[128];
	va_list args;

	if (err->code != ERR_NONE)
		return false;
	err->code = ERR_IO;
	err->offset = ERR_NO_OFFSET;
	va_start(args, fmt);
	format(what, sizeof(what), fmt, args);
	va_end(args);
	join(err, what, strerror_r(cause, reason, sizeof(reason)));
	return false;
}

bool err_nomem(struct err *err, const char *what)
{
	return err_set(err, ERR_NOMEM, "out of memory for %s", what);
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
	char context[sizeof(err->message)], reason[sizeof(err->message)];
	va_list args;

	if (err->code == ERR_NONE)
		return false;
	va_start(args, fmt);
	format(context, sizeof(context), fmt, args);
	va_end(args);
	memcpy(reason, err->message, sizeof(reason));
	join(err, context, reason);
	return false;
}

void err_clear(struct err *err)
{
	*err = (struct err){ .offset = ERR_NO_OFFSET };
}
