/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Telling the cache early what a loop will touch at random places.
 *
 * gcc (12, at least) takes a function that does nothing but prefetch for one
 * without effects, and leaves out its calls: such helpers are FETCH functions,
 * which are put into their callers before it looks.
 */
#ifndef BASE_FETCH_H
#define BASE_FETCH_H

#define FETCH static inline __attribute__((__always_inline__)) void

#endif
