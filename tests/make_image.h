/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An image with something in every field, to be written and read back, and
 * the comparison of two images field by field.
 */
#ifndef TESTS_MAKE_IMAGE_H
#define TESTS_MAKE_IMAGE_H

#include "formats/image.h"

/**
 * Fill @image: five mappings, captured, torn, zero and absent ranges, threads
 * with registers, modules, symbols, types, variables, diagnostics. It has no
 * memory_ops; make_image_byte() says what its memory holds.
 */
void make_image(struct image *image);

/** The byte at @addr of a captured or torn range; most pages compress well. */
uint8_t make_image_byte(uint64_t addr);

/** Write @image to @path with formats/snapshot.h. */
bool make_image_save(struct image *image, const char *path, struct err *err);

/**
 * Compare everything, memory included. Returns NULL when @got has all that
 * @want has, else the name of what differs.
 */
const char *make_image_compare(const struct image *want,
			       const struct image *got);

#endif
