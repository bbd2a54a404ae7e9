/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALIGN = 16,
	CHUNK_MIN = 4096,
	CHUNK_MAX = 1 << 20,
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;		/* bytes of data */
	_Alignas(ALIGN) unsigned char data[];
};

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (chunk)
		chunk->size = size;
	return chunk;
}

/*
 * A request that would waste much of a chunk gets one of its own, behind the
 * newest, which stays in use.
 */
static void *alloc_alone(struct arena *arena, size_t n)
{
	struct arena_chunk *chunk = chunk_new(n), **link = &arena->chunks;

	if (!chunk)
		return NULL;
	if (*link)
		link = &(*link)->next;
	chunk->next = *link;
	*link = chunk;
	arena->total += n;
	return chunk->data;
}

/* Chunks grow with the arena, so that small arenas stay small. */
static bool add_chunk(struct arena *arena)
{
	size_t size = arena->total;
	struct arena_chunk *chunk;

	if (size < CHUNK_MIN)
		size = CHUNK_MIN;
	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	size -= size % ALIGN + sizeof(*chunk);
	chunk = chunk_new(size);
	if (!chunk)
		return false;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->left = size;
	return true;
}

void *arena_alloc(struct arena *arena, size_t n)
{
	size_t need = n ? n : 1;
	void *at;

	if (need > SIZE_MAX - ALIGN)
		return NULL;
	need += -need & (ALIGN - 1);
	if (need > arena->left) {
		if (need > CHUNK_MIN / 4)
			return alloc_alone(arena, need);
		if (!add_chunk(arena))
			return NULL;
	}
	at = arena->chunks->data + arena->chunks->size - arena->left;
	arena->left -= need;
	arena->total += need;
	return at;
}

char *arena_text(struct arena *arena, const char *text, size_t n)
{
	char *copy = n < SIZE_MAX ? arena_alloc(arena, n + 1) : NULL;

	if (copy && n > 0)
		memcpy(copy, text, n);
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n >= 0)
		text = arena_alloc(arena, (size_t)n + 1);
	if (text) {
		va_start(args, fmt);
		vsnprintf(text, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	return text;
}

void arena_free(struct arena *arena)
{
	struct arena_chunk *next;

	for (struct arena_chunk *c = arena->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	*arena = (struct arena){0};
}
