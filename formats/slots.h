/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the code of the program was seen to keep in fields whose types do not
 * say it: void pointers, characters, integers as wide as a pointer, unions.
 *
 * As bytes: u32 version (1), u32 records; then for each u32 owner, u32
 * offset, u32 target, u32 count. Little-endian. In a snapshot: section
 * .holdfast.slots.
 */
#ifndef FORMATS_SLOTS_H
#define FORMATS_SLOTS_H

#include "base/err.h"
#include "base/vec.h"

struct bytes;
struct types_sink;	/* formats/types_io.h */

struct mined_slot {
	uint32_t owner;		/* the innermost struct or class that has the
				 * field; a union belongs to what it lies in */
	uint32_t offset;	/* bytes from its start */
	uint32_t target;	/* what the field was seen to point at */
	uint32_t count;		/* places in the code that say so */
};

struct slots {
	struct mined_slot *at;	/* as VEC(); by owner, offset, target */
	size_t len, cap;
};

/** Sort them, and make one of those that say the same. */
void slots_tidy(struct slots *slots);

/** The first of those about a field, *@n of them; NULL when there is none.
 * Valid until @slots change. */
const struct mined_slot *slots_find(const struct slots *slots, uint32_t owner,
				    uint64_t offset, size_t *n);

bool slots_write(const struct slots *slots, const struct types_sink *sink,
		 struct err *err) MUST_CHECK;

/**
 * Append the records in @b. Types must be below @n_types.
 */
bool slots_read(struct bytes *b, size_t n_types, struct slots *slots,
		struct err *err) MUST_CHECK;

#endif
