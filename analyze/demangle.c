/* SPDX-License-Identifier: MIT */
#include "analyze/demangle.h"

#include <ctype.h>
#include <stdlib.h>
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

bool demangle_type(const char *mangled, char *buf, size_t size)
{
	char *text;
	size_t n;

	/* A name with internal linkage is marked with a star. */
	if (*mangled == '*')
		mangled++;
	/* Class names begin with a length, a nesting, or std:: (ABI 5.1). */
	if (!isdigit((unsigned char)*mangled) && *mangled != 'N' &&
	    *mangled != 'S' && *mangled != 'Z')
		return false;
	text = cplus_demangle_v3(mangled, DMGL_PARAMS | DMGL_ANSI | DMGL_TYPES);
	if (!text)
		return false;
	close_up(text);
	n = strlen(text);
	if (n > 0 && n < size)
		memcpy(buf, text, n + 1);
	free(text);
	return n > 0 && n < size;
}
