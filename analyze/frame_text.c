/* SPDX-License-Identifier: MIT */
#include "analyze/frame_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyze/demangle.h"
#include "analyze/value_text.h"
#include "analyze/words.h"

enum { MAX_SCALAR = 16, MAX_TEXT = 64 };

const char *frame_function(const struct frame *frame, char *buf, size_t size)
{
	if (demangle_function(frame->function, buf, size))
		return buf;
	return frame->function[0] ? frame->function : "??";
}

/* The first bytes of @local, at most a scalar's; false when they are lost. */
static bool local_bytes(const struct image *image, const struct local *l,
			uint8_t bytes[MAX_SCALAR])
{
	memset(bytes, 0, MAX_SCALAR);
	if (l->flags & LOCAL_LOST)
		return false;
	if (l->flags & (LOCAL_REGISTER | LOCAL_VALUE)) {
		memcpy(bytes, &l->value, sizeof(l->value));
		return true;
	}
	return !image_lost_some(image, l->addr, l->size < MAX_SCALAR ?
				l->size : MAX_SCALAR) &&
	       image_read(image, l->addr, bytes,
			  l->size < MAX_SCALAR ? (size_t)l->size : MAX_SCALAR);
}

static bool is_char(const struct type_table *types, uint32_t id)
{
	id = types_strip(types, id);
	return id != TYPE_NONE && types->types.at[id].kind == TYPE_CHAR;
}

/* char [n] as text, up to its NUL. */
static void array_text(const struct image *image, const struct type *t,
		       uint64_t addr, char *buf, size_t size)
{
	char text[MAX_TEXT + 1] = "";

	if (!is_char(&image->types, t->target) ||
	    image_lost_some(image, addr, 1) ||
	    image_text(image, addr, text, t->size < MAX_TEXT ?
		       (size_t)t->size + 1 : MAX_TEXT + 1) == SIZE_MAX)
		snprintf(buf, size, "{...}");
	else
		snprintf(buf, size, "\"%s\"", text);
}

static void pointer_text(const struct image *image, const struct type *t,
			 uint64_t to, const char *value, char *buf,
			 size_t size)
{
	char text[MAX_TEXT + 1] = "";

	if (to && is_char(&image->types, t->target) &&
	    image_text(image, to, text, sizeof(text)) != SIZE_MAX)
		snprintf(buf, size, "%s \"%s\"", value, text);
	else
		snprintf(buf, size, "%s", value);
}

static void scalar_text(const struct image *image, const struct type *t,
			const uint8_t *bytes, char *buf, size_t size)
{
	struct arena arena = {0};
	const char *value = value_text(image, &arena, t, bytes);
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	if (t->kind == TYPE_POINTER)
		pointer_text(image, t, pointer_decode(word),
			     value ? value : "?", buf, size);
	else
		snprintf(buf, size, "%s", value ? value : "?");
	arena_free(&arena);
}

/* A word that may be a pointer: of a type as wide as one, or of none. */
static uint32_t target_of(const struct heap *heap, const struct type *t,
			  uint64_t size, const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	if (size != sizeof(word) || !pointer_decode(word) ||
	    (t && t->kind == TYPE_FLOAT))
		return NODE_NONE;
	return heap_find(heap, word);
}

const char *local_value(const struct heap *heap, const struct local *local,
			char *buf, size_t size, uint32_t *target)
{
	const struct image *image = heap->image;
	uint32_t id = types_strip(&image->types, local->type);
	const struct type *t = id == TYPE_NONE ? NULL :
			       &image->types.types.at[id];
	uint8_t bytes[MAX_SCALAR];

	if (target)
		*target = NODE_NONE;
	if (!local_bytes(image, local, bytes)) {
		snprintf(buf, size, "%s",
			 (local->flags & (LOCAL_LOST | LOCAL_REDACTED)) ==
			 LOCAL_LOST ? "(optimised out)" : "(not captured)");
		return buf;
	}
	if (target)
		*target = target_of(heap, t, local->size, bytes);
	if (!t)
		snprintf(buf, size, "?");
	else if (t->kind == TYPE_ARRAY)
		array_text(image, t, local->addr, buf, size);
	else if (t->kind >= TYPE_STRUCT || t->size > MAX_SCALAR)
		snprintf(buf, size, "{...}");
	else
		scalar_text(image, t, bytes, buf, size);
	return buf;
}

bool local_nodes_build(const struct heap *heap, struct local_nodes *ret,
		       struct err *err)
{
	size_t n = heap->image->locals.len;

	ret->at = malloc((n + 1) * sizeof(*ret->at));
	if (!ret->at)
		return err_nomem(err, "locals");
	for (size_t i = 0; i < n; i++)
		ret->at[i] = NODE_NONE;
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		uint32_t local = heap->roots[i].local;

		if (local > 0 && local <= n)
			ret->at[local - 1] = heap->n_blocks + i;
	}
	return true;
}

void local_nodes_free(struct local_nodes *nodes)
{
	free(nodes->at);
	nodes->at = NULL;
}
