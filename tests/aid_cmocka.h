/* SPDX-License-Identifier: MIT */
/**
 * @file
 * cmocka with the headers that it wants, and random numbers whose seed is
 * printed: TEST_SEED=N repeats a run.
 */
#ifndef TESTS_AID_CMOCKA_H
#define TESTS_AID_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Tests ask for more memory than there is: that is refused, not fatal. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/** The seed of this run, printed. */
static inline uint64_t rng_seed(void)
{
	const char *text = getenv("TEST_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = text ? strtoull(text, NULL, 0)
		    : (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec;
	printf("TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/** The next number of the sequence (splitmix64; S. Vigna, 2015). */
static inline uint64_t rng_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/** A number below @n, which is not 0. */
static inline uint64_t rng_below(uint64_t *state, uint64_t n)
{
	return rng_next(state) % n;
}

#endif
