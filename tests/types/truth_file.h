/* SPDX-License-Identifier: MIT */
/*
 * What the zoos in C and in C++ share: the file that says what each block is,
 * a line "ADDRESS TYPE" each.
 */
#ifndef TESTS_TYPES_TRUTH_FILE_H
#define TESTS_TYPES_TRUTH_FILE_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" void alloc_log_stop(void) __attribute__((weak));
#else
extern void alloc_log_stop(void) __attribute__((weak));
#endif

static FILE *truths;

static inline void truths_add(const char *type, const void *p)
{
	fprintf(truths, "%lx %s\n", (unsigned long)p, type);
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
