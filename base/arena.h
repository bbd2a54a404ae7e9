/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Memory that is freed as a whole.
 *
 * What an arena hands out stays where it is until arena_free(). All-zero is
 * an empty arena. Not thread-safe: one arena for each thread or phase.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;	/* newest first */
	size_t left;			/* bytes free in the newest */
	size_t total;			/* bytes handed out */
};

/** @n zeroed bytes, aligned to 16; NULL when memory is exhausted. */
void *arena_alloc(struct arena *arena, size_t n);

/** A copy of @n bytes and a NUL; NULL when memory is exhausted. */
char *arena_text(struct arena *arena, const char *text, size_t n);

/** printf into the arena; NULL when memory is exhausted. */
char *arena_printf(struct arena *arena, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

void arena_free(struct arena *arena);

#endif
