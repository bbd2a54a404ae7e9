/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a word loaded from a field is, by the declared types: a pointer to
 * something, or a slot, whose type says nothing about what it holds.
 *
 * Works on the raw table of a reader (types_append()): arrays have no sizes
 * there yet, nameless typedefs stand for their targets.
 */
#ifndef FORMATS_SLOT_FIELDS_H
#define FORMATS_SLOT_FIELDS_H

#include "formats/slot_flows.h"
#include "formats/types.h"

struct slot_fields {
	const struct type_table *raw;	/* borrowed */
	struct map seen;	/* type and offset -> index + 1 in answers */
	VEC(struct flow_end) answers;
	bool no_memory;
};

void slot_fields_free(struct slot_fields *fields);

/** What is pointed at by a pointer of type @id: TYPE_NONE when that is void or
 * not known. *@is_pointer tells whether it is one at all; may be NULL. */
uint32_t slot_pointee(const struct type_table *raw, uint32_t id,
		      bool *is_pointer);

/**
 * The word at @offset of what is of type @id (a record, an array, or a
 * pointer): FLOW_TYPE with the pointee, FLOW_FIELD with the innermost struct
 * that has the slot, or FLOW_NONE.
 */
struct flow_end slot_field(struct slot_fields *fields, uint32_t id,
			   uint64_t offset);

#endif
