/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which release of glibc a process runs, by what its libc says of itself.
 *
 * The layout of malloc's state is the same in several releases, and a small
 * heap shows little of it. libc.so.6 keeps the line that it prints when it is
 * started as a program among its read-only data: "GNU C Library (...) stable
 * release version 2.36."
 */
#ifndef ANALYZE_ALLOC_GLIBC_RELEASE_H
#define ANALYZE_ALLOC_GLIBC_RELEASE_H

#include <stdbool.h>

#include "formats/image.h"

struct glibc_release {
	unsigned major, minor;
};

/** The first release that a libc of @image says it is; false: none says so.
 * O(read-only data of the modules called libc). */
bool glibc_release_of(const struct image *image, struct glibc_release *ret);

/** "2.36" -> 2, 36. */
bool glibc_release_parse(const char *text, struct glibc_release *ret);

/** <0, 0, >0 as @a is older than, the same as, or newer than @b. */
int glibc_release_compare(const struct glibc_release *a,
			  const struct glibc_release *b);

#endif
