/* SPDX-License-Identifier: MIT */
/*
 * What the zoos in C++ share: a block says what it is. A bar separates names
 * that are equally right; "-" says that no single type is.
 */
#ifndef TESTS_TYPES_TRUTH_HH
#define TESTS_TYPES_TRUTH_HH

#include <string>

#include "tests/types/truth_file.h"

static inline void truth(const char *type, const void *p)
{
	truths_add(type, p);
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

#endif
