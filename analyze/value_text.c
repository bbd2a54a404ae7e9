/* SPDX-License-Identifier: MIT */
#include "analyze/value_text.h"

#include <inttypes.h>
#include <stdio.h>

static const char *signed_text(struct arena *arena, uint64_t value,
			       uint64_t size)
{
	unsigned shift = (unsigned)(64 - size * 8);

	return arena_printf(arena, "%" PRId64,
			    (int64_t)(value << shift) >> shift);
}

static const char *float_text(struct arena *arena, const uint8_t *bytes,
			      uint64_t size)
{
	float f;
	double d;

	if (size == sizeof(f)) {
		memcpy(&f, bytes, sizeof(f));
		return arena_printf(arena, "%.9g", (double)f);
	}
	if (size != sizeof(d))
		return arena_printf(arena, "(%" PRIu64 "-byte float)", size);
	memcpy(&d, bytes, sizeof(d));
	return arena_printf(arena, "%.17g", d);
}

static const char *code_text(const struct image *image, struct arena *arena,
			     uint64_t addr)
{
	const struct symbol *s = image_symbol(image, addr, SYMBOL_FUNCTION);

	if (addr == 0)
		return "0x0";
	return s ? arena_printf(arena, "0x%" PRIx64 " <%s>", addr, s->name) :
		   arena_printf(arena, "0x%" PRIx64, addr);
}

const char *value_text(const struct image *image, struct arena *arena,
		       const struct type *t, const uint8_t *bytes)
{
	uint64_t value = 0;

	memcpy(&value, bytes, t->size < 8 ? t->size : 8);
	switch (t->kind) {
	case TYPE_BOOL:
		return value ? "true" : "false";
	case TYPE_FLOAT:
		return float_text(arena, bytes, t->size);
	case TYPE_POINTER:
	case TYPE_REFERENCE:
	case TYPE_MEMBER_POINTER:
		return code_text(image, arena, value);
	default:
		if (t->size == 0 || t->size > 8)
			return arena_printf(arena, "(%" PRIu64 " bytes)",
					    t->size);
		return t->flags & TYPE_UNSIGNED ?
		       arena_printf(arena, "%" PRIu64, value) :
		       signed_text(arena, value, t->size);
	}
}
