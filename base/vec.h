/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Growable arrays.
 *
 * `VEC(struct edge) edges = {0};` declares one; all-zero is empty and valid.
 * Elements move when it grows: hold indexes over a push, not pointers.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VEC(T) struct { T *at; size_t len, cap; }

/** Make room for @n elements in all. False when memory is exhausted. */
#define vec_reserve(v, n) \
	vec_grow_(&(v)->at, &(v)->cap, (n), sizeof(*(v)->at))

/** Append @value. False when memory is exhausted. */
#define vec_push(v, value) \
	(vec_reserve(v, (v)->len + 1) && \
	 ((v)->at[(v)->len++] = (value), true))

/** Remove and return the last element; the vector must not be empty. */
#define vec_pop(v) ((v)->at[--(v)->len])

#define vec_free(v) \
	(free((v)->at), (v)->at = NULL, (v)->len = (v)->cap = 0)

/** The elements from index @i on; NULL of an empty vector, because NULL + 0 is
 * undefined in C. */
#define vec_from(v, i) ((v)->at ? (v)->at + (i) : NULL)

/*
 * Grows by half, so that a block freed earlier can serve a later request.
 * The pointer moves through memcpy because its type is not known here.
 */
static inline bool vec_grow_(void *at, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap + *cap / 2;
	void *block;

	if (need <= *cap)
		return true;
	if (want < need)
		want = need;
	if (want < 8)
		want = 8;
	memcpy(&block, at, sizeof(block));
	/* On failure the old block is still where @at points. */
	/* cppcheck-suppress memleakOnRealloc */
	block = reallocarray(block, want, size);
	if (!block)
		return false;
	memcpy(at, &block, sizeof(block));
	*cap = want;
	return true;
}

#endif
