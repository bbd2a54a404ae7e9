/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The fields that are there of a Rust enum, a std::variant, a std::optional:
 * of all the alternatives, which share their bytes, the one that a number
 * beside them in memory names (variants.h).
 */
#ifndef ANALYZE_LIVE_FIELDS_H
#define ANALYZE_LIVE_FIELDS_H

#include "formats/image.h"

/** types_live_field_at() for an object of @type at @addr. Reads memory only
 * where the path passes an enum or a union. */
const char *live_field_at(const struct image *image, uint32_t type,
			  uint64_t addr, uint64_t offset, char *buf,
			  size_t size);

/** Does @leaf of an object at @addr belong to an alternative that is not there? No
 * when that cannot be known. */
bool live_field_is_dead(const struct image *image, const struct leaf *leaf,
			uint64_t addr);

/** The path of @leaf, "body.Text.__0", by what it lies in: right where several
 * have one offset. */
const char *live_field_name(const struct type_table *types,
			    const struct leaf *leaf, char *buf, size_t size);

/** The name of the variant that is there, of the enum whose discriminant is
 * @leaf; NULL when that cannot be known. */
const char *live_field_variant(const struct image *image,
			       const struct leaf *leaf, uint64_t addr);

#endif
