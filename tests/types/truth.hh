/* SPDX-License-Identifier: MIT */
/*
 * What the zoos in C++ share: a block says what it is. A bar separates names
 * that are equally right; "-" says that no single type is.
 */
#ifndef TESTS_TYPES_TRUTH_HH
#define TESTS_TYPES_TRUTH_HH

#include <cstdio>
#include <string>

extern "C" void alloc_log_stop(void) __attribute__((weak));

static FILE *truths;

static inline void truth(const char *type, const void *p)
{
	fprintf(truths, "%lx %s\n", (unsigned long)p, type);
}

template <class T> static T *made(const char *type, T *p)
{
	truth(type, p);
	return p;
}

static inline std::string words(int i)
{
	return "a text that is too long to be stored inside " + std::to_string(i);
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
