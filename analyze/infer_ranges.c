/* SPDX-License-Identifier: MIT */
/*
 * Arrays whose length stands somewhere: in three pointers to their elements,
 * behind a void pointer (raw_ranges.h), and in front of the elements, where
 * new[] of a class with a destructor keeps it (Itanium C++ ABI, 2.7: array
 * cookies).
 */
#include "analyze/infer_follow.h"

#include <stdio.h>
#include <string.h>

#include "analyze/words.h"

enum { SURE_RANGE = 98, SURE_RAW = 95, SURE_COOKIE = 97, SURE_PACKED = 90 };	/* percent */

enum { PACKED_BITS = 7 };	/* of a pointer to what malloc gave */

enum {
	MOST_COUNTED = 1 << 16,	/* a capture keeps smaller numbers always */
	MOST_BYTES = 1 << 20,	/* of an array with a cookie: it is a type */
	MOST_MADE = 1 << 12,	/* types of such arrays */
};

/* --- three pointers --- */

/* The pointer at @offset among @at[@n] that is in use together with @field. */
static const struct pointer_field *beside(const struct pointer_field *at,
					  size_t n,
					  const struct pointer_field *field,
					  uint64_t offset)
{
	const struct pointer_field *f = pointer_field_in(at, n, offset);

	for (; f && f < at + n && f->offset == offset; f++) {
		if (f->when == field->when)
			return f;
	}
	return NULL;
}

bool follow_triple(struct follow *f, const struct pointer_field *at, size_t n,
		   const struct pointer_field *field, uint64_t addr,
		   uint64_t word[3])
{
	uint64_t size = follow_type(f, field->target)->size;

	for (uint64_t i = 1; i < 3; i++) {
		const struct pointer_field *next =
			beside(at, n, field, field->offset + i * 8);

		if (!next || next->target != field->target || size == 0)
			return false;
	}
	for (uint64_t i = 0; i < 3; i++) {
		if (!window_u64(&f->infer->window, addr + i * 8, &word[i]))
			return false;
	}
	return word[1] > word[0] && word[2] >= word[1] &&
	       (word[1] - word[0]) % size == 0 &&
	       (word[2] - word[0]) % size == 0;
}

/*
 * Begin <= end <= limit, begin at the start of a block: the array of a vector.
 * They tell how many elements are alive; what lies behind the last one is dead
 * capacity. No claim for none: in an iterator of a deque {current, first,
 * last} look like that. A limit in the middle of the block: others have the
 * rest of it.
 */
bool follow_range(struct follow *f, const struct place *from,
		  const struct pointer_field *at, size_t n,
		  const struct pointer_field *field, struct claim *claim,
		  bool *found)
{
	uint64_t size = follow_type(f, field->target)->size, word[3], count;
	uint64_t usable = heap_size(f->heap, claim->node);

	*found = follow_triple(f, at, n, field, from->addr + claim->why_offset,
			       word) && word[2] - word[0] <= usable;
	if (!*found)
		return true;
	count = (word[1] - word[0]) / size;
	if (count > UINT32_MAX)
		return true;
	if (!infer_fits(f->heap, claim->node, word[2] - word[0], true))
		return follow_note_place(f, from, claim, word[0], field->target,
					 count);
	claim->type = field->target;
	claim->count = (uint32_t)count;
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_RANGE;
	return follow_submit(f, from, claim);
}

/* --- behind a void pointer --- */

/* How many bytes are in use, and how many there are: pointers. */
static bool read_pointers(struct follow *f, const struct raw_range *range,
			  uint64_t element, uint64_t start, uint64_t *used,
			  uint64_t *room)
{
	uint64_t last, limit;

	if (!window_u64(&f->infer->window, element + range->used_at, &last) ||
	    !window_u64(&f->infer->window, element + range->room_at, &limit) ||
	    last <= start || limit < last)
		return false;
	*used = last - start;
	*room = limit - start;
	return true;
}

/* The same in elements: numbers, in either order. */
static bool read_numbers(struct follow *f, const struct raw_range *range,
			 uint64_t element, uint64_t *used, uint64_t *room)
{
	uint64_t a, b;

	if (!follow_number(f, element + range->used_at, range->size, &a) ||
	    !follow_number(f, element + range->room_at, range->size, &b))
		return false;
	*used = a < b ? a : b;
	*room = a < b ? b : a;
	return *used > 0 && *room <= UINT32_MAX;
}

/* Could @type be the element? *@count of them are alive then. */
static bool is_element(struct follow *f, const struct raw_range *range,
		       uint32_t node, uint32_t type, uint64_t used,
		       uint64_t room, uint64_t *count)
{
	uint64_t size = follow_type(f, type)->size;

	if (range->size == 0) {
		if (used % size || room % size)
			return false;
		used /= size;
		room /= size;
	}
	*count = used;
	return used <= UINT32_MAX && room <= UINT64_MAX / size &&
	       infer_fits(f->heap, node, room * size, true);
}

bool follow_range_words(struct follow *f, const struct raw_range *range,
			uint64_t element, uint64_t start, uint64_t *used,
			uint64_t *room)
{
	return range->size ? read_numbers(f, range, element, used, room) :
			     read_pointers(f, range, element, start, used, room);
}

bool follow_raw_range(struct follow *f, const struct place *from,
		      const struct raw_range *range, uint64_t element,
		      struct claim *claim)
{
	uint64_t used, room, count;
	uint32_t found = TYPE_NONE;

	if (!follow_range_words(f, range, element,
				f->heap->addr[claim->node], &used, &room))
		return true;
	for (unsigned i = 0; i < range->n_types; i++) {
		if (!is_element(f, range, claim->node, range->types[i], used,
				room, &count))
			continue;
		if (found != TYPE_NONE)
			return true;
		found = range->types[i];
		claim->count = (uint32_t)count;
	}
	if (found == TYPE_NONE)
		return true;
	claim->type = found;
	claim->evidence = EVIDENCE_ELEMENT;
	claim->confidence = SURE_RAW;
	return follow_submit(f, from, claim);
}

bool follow_packed(struct follow *f, const struct place *from,
		   const struct raw_range *range, struct claim *claim)
{
	uint32_t found = TYPE_NONE;
	uint64_t word;

	if (!window_u64(&f->infer->window, from->addr + claim->why_offset,
			&word) ||
	    (word & ~(uint64_t)PACKED_BITS) != f->heap->addr[claim->node])
		return true;
	for (unsigned i = 0; i < range->n_types; i++) {
		if (!infer_fits(f->heap, claim->node,
				follow_type(f, range->types[i])->size, false))
			continue;
		if (found != TYPE_NONE)
			return true;
		found = range->types[i];
	}
	if (found == TYPE_NONE)
		return true;
	claim->type = found;
	claim->count = 1;
	claim->confidence = SURE_PACKED;
	return follow_submit(f, from, claim);
}

/* --- with a cookie --- */

/* struct { unsigned long count; T elements[n]; }, @start bytes into it. */
static uint32_t make_array(struct type_table *types, uint32_t element,
			   uint64_t n, uint64_t start)
{
	char name[1024];
	struct type array = {
		.kind = TYPE_ARRAY, .flags = TYPE_RUNTIME, .count = n,
		.size = n * types->types.at[element].size, .target = element,
		.scope = TYPE_NONE, .module = UINT32_MAX,
	};
	struct type number = {
		.kind = TYPE_INT, .flags = TYPE_UNSIGNED | TYPE_RUNTIME,
		.size = 8, .target = TYPE_NONE, .scope = TYPE_NONE,
		.module = UINT32_MAX,
	};
	struct type whole = {
		.kind = TYPE_STRUCT, .flags = TYPE_RUNTIME, .n_members = 2,
		.size = start + array.size, .target = TYPE_NONE,
		.scope = TYPE_NONE, .module = UINT32_MAX,
	};
	struct member m[2] = { { .offset = start - 8 }, { .offset = start } };
	size_t len;

	types_name(types, element, name, sizeof(name) - 2);
	len = strlen(name);
	snprintf(name + len, sizeof(name) - len, "[]");
	whole.name = types_string(types, name);
	number.name = types_string(types, "unsigned long");
	m[0].name = types_string(types, "count");
	m[1].name = types_string(types, "elements");
	m[0].type = types_add(types, &number, NULL, NULL);
	m[1].type = types_add(types, &array, NULL, NULL);
	if (!whole.name || !number.name || !m[0].name || !m[1].name ||
	    m[0].type == TYPE_NONE || m[1].type == TYPE_NONE)
		return TYPE_NONE;
	return types_add(types, &whole, m, NULL);
}

/* The type of @n of @element behind a cookie that ends at byte @start. */
static bool array_type(struct follow *f, uint32_t element, uint64_t n,
		       uint64_t start, uint32_t *ret)
{
	uint64_t key = (uint64_t)element << 32 | n << 13 | start;
	uint64_t *slot;

	*ret = (uint32_t)map_get(&f->arrays, key, TYPE_NONE);
	if (*ret != TYPE_NONE || f->arrays.len >= MOST_MADE)
		return true;
	*ret = make_array(&f->heap->image->types, element, n, start);
	slot = map_slot(&f->arrays, key, NULL);
	if (*ret == TYPE_NONE || !slot)
		return false;
	*slot = *ret;
	return true;
}

bool follow_cookie(struct follow *f, const struct place *from, uint32_t element,
		   uint64_t at, struct claim *claim, bool *found)
{
	const struct pointer_fields *fields =
		pointer_fields_of(&f->chooser.fields, element);
	uint64_t size = follow_type(f, element)->size, n;
	uint64_t start = f->heap->addr[claim->node];

	*found = false;
	if (!fields)
		return false;
	if (types_language_is_c(follow_type(f, element)->language) ||
	    at < 8 || at > 4096 || (at & (at - 1)) || size == 0 ||
	    !types_is_record(&f->heap->image->types, element) ||
	    !window_u64(&f->infer->window, start + at - 8, &n) || n == 0 ||
	    n >= MOST_COUNTED || n * size > MOST_BYTES ||
	    !infer_fits(f->heap, claim->node, at + n * size, false) ||
	    !follow_plausible(f, start + at, element, fields, n))
		return true;
	if (!array_type(f, element, n, at, &claim->type))
		return false;
	if (claim->type == TYPE_NONE)
		return true;
	*found = true;
	claim->count = 1;
	claim->confidence = SURE_COOKIE;
	return follow_submit(f, from, claim);
}
