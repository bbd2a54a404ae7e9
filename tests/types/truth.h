/* SPDX-License-Identifier: MIT */
/*
 * What the zoos in C share: a block says what it is. A bar separates names
 * that are equally right; "-" says that no single type is.
 */
#ifndef TESTS_TYPES_TRUTH_H
#define TESTS_TYPES_TRUTH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void alloc_log_stop(void) __attribute__((weak));

static FILE *truths;

static inline void *truth(const char *type, void *p)
{
	fprintf(truths, "%lx %s\n", (unsigned long)p, type);
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

static inline void truths_begin(int argc, char **argv)
{
	truths = fopen(argc > 1 ? argv[1] : "truth.txt", "w");
}

static inline void truths_end(void)
{
	fclose(truths);
	if (alloc_log_stop)
		alloc_log_stop();
}

#endif
