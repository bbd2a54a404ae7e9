/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which of several things that share their bytes is there; and which elements
 * of raw storage, by a number beside them.
 *
 * Known discriminants: those of Rust enums (DW_AT_discr), the flag of
 * std::optional, the index of std::variant; by their shape, so that those of
 * libstdc++, libc++ and of people's own libraries are found alike. Any other
 * union is a matter of opinion.
 *
 * Known numbers: `len` beside an array of MaybeUninit<T>, in Rust's BTreeMap
 * and in vectors of a fixed capacity; the strong count of Rc and Arc, without
 * which their block is there for weak references alone.
 */
#ifndef ANALYZE_VARIANTS_H
#define ANALYZE_VARIANTS_H

#include "formats/types.h"

enum condition_test {
	CONDITION_IS,		/* the value */
	CONDITION_OTHERWISE,	/* none that the record has variants for */
	CONDITION_ABOVE,	/* larger than the value */
};

/* What must be true of the unsigned number at @offset. */
struct condition {
	uint64_t offset;	/* from the start of the outermost type */
	uint64_t value;
	uint32_t record;
	uint8_t size;		/* bytes: 1, 2, 4, 8 */
	uint8_t test;		/* enum condition_test */
};

enum { MAX_CONDITIONS = 6 };

struct conditions {
	unsigned n;
	struct condition at[MAX_CONDITIONS];
};

/**
 * When @leaf is in use. False when that cannot be known: it lies in a union
 * without a discriminant, or in too many of them. Where the number of a
 * CONDITION_ABOVE is not known, it had better be taken as fulfilled.
 */
bool conditions_of(const struct type_table *types, const struct leaf *leaf,
		   struct conditions *ret);

/** When the member that the last of @n steps of @chain enters is in use: one of
 * a Rust enum or of a union. False when that cannot be known. No conditions:
 * always. */
bool condition_of_alternative(const struct type_table *types,
			      const struct leaf_step *chain, unsigned n,
			      struct conditions *ret);

/** Does @value, read at the condition's offset, fulfil it? */
bool condition_holds(const struct type_table *types,
		     const struct condition *condition, uint64_t value);

#endif
