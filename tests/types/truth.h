/* SPDX-License-Identifier: MIT */
/*
 * What the zoos in C share: a block says what it is. A bar separates names
 * that are equally right; "-" says that no single type is.
 */
#ifndef TESTS_TYPES_TRUTH_H
#define TESTS_TYPES_TRUTH_H

#include <stdlib.h>
#include <string.h>

#include "tests/types/truth_file.h"

static inline void *truth(const char *type, void *p)
{
	truths_add(type, p);
	return p;
}

#define NEW(type, n) ((type *)truth(#type, calloc(1, (n))))
#define MAKE(type) ((struct type *)truth(#type, calloc(1, sizeof(struct type))))

static inline char *text(const char *what, int i)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%s number %d of the zoo", what, i);
	return truth("char", strdup(buf));
}

#endif
