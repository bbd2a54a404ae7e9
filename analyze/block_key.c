/* SPDX-License-Identifier: MIT */
#include "analyze/block_key.h"

#include <inttypes.h>
#include <stdio.h>

/* Untyped: bit 63, class in bits 56..62, size below. */
enum { CLASS_SHIFT = 56 };

#define SIZE_MASK ((UINT64_C(1) << CLASS_SHIFT) - 1)

bool block_key_is_always_array(const struct heap *heap, uint32_t type)
{
	const struct type_table *types = &heap->image->types;
	uint32_t stripped = types_strip(types, type);

	/* Text reached as characters is an array, whatever its length. */
	return stripped != TYPE_NONE &&
	       types->types.at[stripped].kind == TYPE_CHAR;
}

static bool is_array(const struct heap *heap, uint32_t node)
{
	return heap_count(heap, node) != 1 ||
	       block_key_is_always_array(heap, heap->type[node]);
}

uint64_t block_key(const struct heap *heap, uint32_t node, bool by_size)
{
	if (heap->type[node] != TYPE_NONE)
		return (uint64_t)heap->type[node] << 1 | is_array(heap, node);
	if (by_size)
		return BLOCK_KEY_UNTYPED |
		       (uint64_t)N_CONTENT_CLASSES << CLASS_SHIFT |
		       (heap_size(heap, node) & SIZE_MASK);
	return BLOCK_KEY_UNTYPED |
	       (uint64_t)heap->content[node] << CLASS_SHIFT;
}

/* The arguments of the class that is @name, or NULL for any other. */
static const char *made_shared(const char *name)
{
	static const char *const prefixes[] = {
		"std::_Sp_counted_ptr_inplace<",	/* libstdc++ */
		"std::__1::__shared_ptr_emplace<",	/* libc++ */
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], n))
			return name + n;
	}
	return NULL;
}

/*
 * std::make_shared puts the object into the control block, whose class says
 * so: std::_Sp_counted_ptr_inplace<T, ...> is shown as make_shared<T>.
 */
static void name_make_shared(char *name, size_t size)
{
	const char *from = made_shared(name), *end = from;
	char inner[4096];
	int depth = 0;

	if (!from)
		return;
	for (; *end && (depth > 0 || (*end != ',' && *end != '>')); end++)
		depth += *end == '<' ? 1 : *end == '>' ? -1 : 0;
	if (*end == '\0' || (size_t)(end - from) >= sizeof(inner))
		return;
	memcpy(inner, from, (size_t)(end - from));
	inner[end - from] = '\0';
	snprintf(name, size, "make_shared<%s>", inner);
}

const char *block_key_type(const struct heap *heap, uint64_t key, char *buf,
			   size_t size)
{
	size_t n;

	if (!block_key_is_typed(key))
		return NULL;
	types_name(&heap->image->types, (uint32_t)(key >> 1), buf, size);
	name_make_shared(buf, size);
	n = strlen(buf);
	if (key & 1)
		snprintf(buf + n, size - n, "[]");
	return buf;
}

const char *block_key_class(uint64_t key)
{
	unsigned class = key >> CLASS_SHIFT & 0x7f;

	if (block_key_is_typed(key) || class >= N_CONTENT_CLASSES)
		return NULL;
	return content_names[class];
}

uint64_t block_key_size(uint64_t key)
{
	return block_key_is_typed(key) ? 0 : key & SIZE_MASK;
}

const char *block_key_label(const struct heap *heap, uint64_t key, char *buf,
			    size_t size)
{
	uint64_t bytes = block_key_size(key);

	if (block_key_type(heap, key, buf, size))
		return buf;
	if (bytes)
		snprintf(buf, size, "(untyped, %" PRIu64 " B)", bytes);
	else
		snprintf(buf, size, "(%s)", block_key_class(key));
	return buf;
}
