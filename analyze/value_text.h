/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Scalars as text.
 */
#ifndef ANALYZE_VALUE_TEXT_H
#define ANALYZE_VALUE_TEXT_H

#include "base/arena.h"
#include "formats/image.h"

/**
 * The value in @bytes of the scalar type @t: "-3", "true", "0.5", "0x55d0
 * <main>". In @arena, or a literal; NULL when memory is exhausted.
 *
 * @param bytes	t->size of them, at least 8
 */
const char *value_text(const struct image *image, struct arena *arena,
		       const struct type *t, const uint8_t *bytes);

#endif
