/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Raw storage that a type says who lives in.
 *
 * Containers keep their elements in bytes, so as to construct them when they
 * like: std::list's node has an __aligned_membuf<T>, a Rust BTreeMap arrays of
 * MaybeUninit<T>. Two shapes are seen through, by shape alone:
 *
 *   a struct whose only member is an array of bytes, and whose template
 *   arguments (or those of the class it is nested in) have one type T of just
 *   that size: the bytes are a T;
 *   a union with one member that has a size: the union is that member.
 *
 * Other raw bytes stay bytes.
 */
#ifndef ANALYZE_OVERLAY_H
#define ANALYZE_OVERLAY_H

#include "formats/types.h"

/**
 * Rewrite such types of @types in place, so that all who walk over members
 * see the same. Doing it twice is doing it once. O(members).
 */
void overlay_storage(struct type_table *types);

#endif
