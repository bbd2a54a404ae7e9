/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a block is, in one word: the key by which reports group blocks.
 *
 * A typed block's key is its type and whether it is an array of it; an
 * untyped one's is its class of content or, where a key must not depend on
 * what the words of one run happen to look like, its usable size.
 */
#ifndef ANALYZE_BLOCK_KEY_H
#define ANALYZE_BLOCK_KEY_H

#include "analyze/heap.h"

#define BLOCK_KEY_UNTYPED (UINT64_C(1) << 63)

/** The key of block @node; @by_size: of an untyped block its size. */
uint64_t block_key(const struct heap *heap, uint32_t node, bool by_size);

/** Is every block of @type an array of it, whatever its count? */
bool block_key_is_always_array(const struct heap *heap, uint32_t type);

static inline bool block_key_is_typed(uint64_t key)
{
	return !(key & BLOCK_KEY_UNTYPED);
}

/** May @key be of a block, where there are @n_types types? */
static inline bool block_key_is_valid(uint64_t key, uint64_t n_types)
{
	return !block_key_is_typed(key) || key >> 1 < n_types;
}

/** The type name of @key in @buf: "Account", "char[]"; NULL when untyped. */
const char *block_key_type(const struct heap *heap, uint64_t key, char *buf,
			   size_t size);

/** Class of content of an untyped key: "text"; NULL when typed or by size. */
const char *block_key_class(uint64_t key);

/** Usable size of an untyped key that was made by size, else 0. */
uint64_t block_key_size(uint64_t key);

/** A label for people: the type name, or "(text)", or "(untyped, 40 B)". */
const char *block_key_label(const struct heap *heap, uint64_t key, char *buf,
			    size_t size);

#endif
