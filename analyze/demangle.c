/* SPDX-License-Identifier: MIT */
#include "analyze/demangle.h"

#include <ctype.h>
#include <setjmp.h>
#include <string.h>

#include <libiberty/demangle.h>

/* "a<b<c> >" becomes "a<b<c>>"; other blanks stay. */
static void close_up(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == ' ' && from[1] == '>' && to > text && to[-1] == '>')
			continue;
		*to++ = *from;
	}
	*to = '\0';
}

struct sink {
	jmp_buf full;
	char *buf;
	size_t size, len;
};

static void take(const char *text, size_t n, void *ctx)
{
	struct sink *sink = ctx;

	if (n >= sink->size - sink->len)
		longjmp(sink->full, 1);
	memcpy(sink->buf + sink->len, text, n);
	sink->len += n;
}

/*
 * Substitutions let 300 bytes stand for gigabytes of name, and the printer
 * can only be left from its callback. It holds nothing that must be freed.
 */
static bool demangle(const char *mangled, int options, struct sink *sink)
{
	return setjmp(sink->full) == 0 &&
	       cplus_demangle_v3_callback(mangled, options | DMGL_ANSI, take,
					  sink);
}

bool demangle_type(const char *mangled, char *buf, size_t size)
{
	struct sink sink = { .buf = buf, .size = size };

	/* A name with internal linkage is marked with a star. */
	if (*mangled == '*')
		mangled++;
	/* Class names begin with a length, a nesting, or std:: (ABI 5.1). */
	if (!isdigit((unsigned char)*mangled) && *mangled != 'N' &&
	    *mangled != 'S' && *mangled != 'Z')
		return false;
	if (!demangle(mangled, DMGL_PARAMS | DMGL_TYPES, &sink) ||
	    sink.len == 0)
		return false;
	buf[sink.len] = '\0';
	close_up(buf);
	return true;
}

static bool demangle_symbol(const char *mangled, int options, char *buf,
			    size_t size)
{
	struct sink sink = { .buf = buf, .size = size };

	if (strncmp(mangled, "_Z", 2) != 0 ||
	    !demangle(mangled, options, &sink) || sink.len == 0)
		return false;
	buf[sink.len] = '\0';
	close_up(buf);
	return true;
}

bool demangle_function(const char *mangled, char *buf, size_t size)
{
	return demangle_symbol(mangled, 0, buf, size);
}

bool demangle_signature(const char *mangled, char *buf, size_t size)
{
	return demangle_symbol(mangled, DMGL_PARAMS, buf, size);
}
