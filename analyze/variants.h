/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which of several things that share their bytes is there.
 *
 * Known discriminants: those of Rust enums (DW_AT_discr), the flag of
 * std::optional, the index of std::variant; by their shape, so that those of
 * libstdc++, libc++ and of people's own libraries are found alike. Any other
 * union is a matter of opinion.
 */
#ifndef ANALYZE_VARIANTS_H
#define ANALYZE_VARIANTS_H

#include "formats/types.h"

/* The unsigned number at @offset must be @value; or, if @otherwise, none of
 * the values that @record has variants for. */
struct condition {
	uint64_t offset;	/* from the start of the outermost type */
	uint64_t value;
	uint32_t record;
	uint8_t size;		/* bytes: 1, 2, 4, 8 */
	bool otherwise;
};

enum { MAX_CONDITIONS = 4 };

struct conditions {
	unsigned n;
	struct condition at[MAX_CONDITIONS];
};

/**
 * When @leaf is in use. False when that cannot be known: it lies in a union
 * without a discriminant, or in too many of them.
 */
bool conditions_of(const struct type_table *types, const struct leaf *leaf,
		   struct conditions *ret);

/** Does @value, read at the condition's offset, fulfil it? */
bool condition_holds(const struct type_table *types,
		     const struct condition *condition, uint64_t value);

#endif
