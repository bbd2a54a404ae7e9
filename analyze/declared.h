/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Members whose type the debug information only names.
 *
 * clang leaves out a class that it believes is described elsewhere (an
 * explicit instantiation in the library, a class whose constructor is not in
 * this file). A member of such a class looks like padding then, and what it
 * refers to like lost. It gets what can be known: the bytes up to the next
 * member, or the definition where it is the same on every machine: the pointer
 * in std::string.
 *
 * An array at the end that is larger than any block (void *elements[INT_MAX],
 * to please a compiler that checks bounds) is one of any length; its record is
 * what stands before it.
 */
#ifndef ANALYZE_DECLARED_H
#define ANALYZE_DECLARED_H

#include "formats/types.h"

/** Rewrite such members of @types. O(members). False: memory is exhausted. */
bool declared_complete(struct type_table *types, struct err *err) MUST_CHECK;

#endif
