/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the code of the program keeps in a field (formats/slots.h), for fields
 * of whole blocks: those of a struct that lies in another one are its own.
 *
 * Cost: a search the first time that a field is asked for.
 */
#ifndef ANALYZE_MINED_FIELDS_H
#define ANALYZE_MINED_FIELDS_H

#include "formats/image.h"
#include "formats/slot_fields.h"

struct mined_fields {
	const struct slots *slots;	/* borrowed */
	struct slot_fields fields;
};

static inline struct mined_fields mined_fields_of(const struct image *image)
{
	return (struct mined_fields){
		.slots = &image->slots, .fields.raw = &image->types,
	};
}

static inline void mined_fields_free(struct mined_fields *mined)
{
	slot_fields_free(&mined->fields);
}

/** What the field at @offset of @type was seen to hold, [*@n]; NULL when
 * nothing is known. Borrowed; lives as long as the image. */
static inline const struct mined_slot *
mined_fields_find(struct mined_fields *mined, uint32_t type, uint64_t offset,
		  size_t *n)
{
	struct flow_end field = { .kind = FLOW_NONE };

	*n = 0;
	if (mined->slots->len > 0)
		field = slot_field(&mined->fields, type, offset);
	return field.kind == FLOW_FIELD ?
	       slots_find(mined->slots, field.type, field.at, n) : NULL;
}

#endif
