/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where the variables of a function are while its code runs, in the order in
 * which a walk over the code asks: those in registers by the address from
 * which they are there, those in the frame by their place in it.
 *
 * Cost: 32 bytes a place; a merge sort, which takes the lists of places as
 * they come.
 */
#ifndef FORMATS_SLOT_PLACES_H
#define FORMATS_SLOT_PLACES_H

#include "base/vec.h"

/* A variable that is somewhere while the code from @low to @high runs. */
struct walk_place {
	uint64_t low, high;
	int64_t at;		/* register, or bytes from the CFA or from the
				 * frame pointer */
	enum { WALK_REGISTER, WALK_CFA, WALK_FRAME } where;
	uint32_t pointee;	/* raw id */
};

struct walk_order {
	uint64_t key;
	uint32_t second;	/* where keys are equal */
	uint32_t place;		/* index in the places */
};

struct slot_places {
	const struct walk_place *at;	/* borrowed for the walk */
	VEC(struct walk_order) begins;	/* in registers; key: address */
	VEC(struct walk_order) frame;	/* in the frame */
	VEC(struct walk_order) scratch;
};

/** Put those of @at[@n] in order that matter while the code from @low to @high
 * runs; those of equal order stay as they are. False when memory is exhausted. */
bool slot_places_order(struct slot_places *places, const struct walk_place *at,
		       size_t n, uint64_t low, uint64_t high);

/** The variable @at bytes from the CFA while the code at @pc runs, or NULL. */
const struct walk_place *slot_places_find(const struct slot_places *places,
					  int64_t at, uint64_t pc);

void slot_places_free(struct slot_places *places);

#endif
