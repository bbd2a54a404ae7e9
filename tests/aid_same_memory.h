/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Do two images have the same memory, byte for byte, absent where absent?
 */
#ifndef TESTS_AID_SAME_MEMORY_H
#define TESTS_AID_SAME_MEMORY_H

#include "formats/image.h"

/** True when each byte that @a has can be read from @b, with its value. */
bool memory_is_part_of(const struct image *a, const struct image *b);

#endif
