/* SPDX-License-Identifier: MIT */
/*
 * Pointers into the middle of a block. Most are to a member of what the block
 * is. Others are to objects that share a block which nobody types: of an
 * arena, behind the control bytes of a hash table, in the room that a vector
 * has inside. Such a place is followed by itself, though its block has no
 * type, or another one.
 */
#include "analyze/infer_follow.h"

#include "analyze/words.h"

enum {
	SURE_STRING = 75,	/* see choose_text_tail() */
	MAX_HEADER = 32,	/* bytes before a text */
	SURE_BYTES = 81,	/* more than what a char * makes of a block */
	SURE_PLACE = 85,	/* no size says that it is right */
	SURE_ROOM = 95,
};

enum { MOST_PLACES = 1 << 20 };	/* in the middle of blocks */

/* Does a string of *@length begin at @addr, and end before @end? What was left
 * out of the capture might have been one. */
static bool is_string(struct follow *f, uint32_t node, uint64_t addr,
		      uint64_t end, uint64_t *length)
{
	const uint8_t *at;
	size_t n, i = 0;

	if (f->heap->image->redacted.spans.len > 0) {
		infer_bar(f->heap, node, SURE_STRING);
		return false;
	}
	at = window_span(&f->infer->window, addr, 1, &n);
	if (!at)
		return false;
	if (n > end - addr)
		n = end - addr;
	while (i < n && at[i] >= ' ' && at[i] < 0x7f)
		i++;
	*length = i;
	return i > 0 && i < n && at[i] == '\0';
}

bool follow_note_sure(struct follow *f, const struct place *from,
		      const struct claim *claim, uint64_t addr, uint32_t type,
		      uint64_t count, uint8_t confidence)
{
	struct place place = {
		.node = claim->node, .type = type, .kind = UINT32_MAX,
		.confidence = from->confidence < confidence ?
			      from->confidence : confidence,
		.addr = f->heap->addr[claim->node], .count = count,
		.start = addr - f->heap->addr[claim->node],
		.n_live = UINT64_MAX,
		.why_node = from->why_node ? from->why_node :
					     claim->why_node + 1,
		.why_offset = from->why_node ? from->why_offset :
					       claim->why_offset,
	};
	bool added;

	if (addr % 8 != 0 || f->inside_seen.len >= MOST_PLACES)
		return true;
	if (!map_slot(&f->inside_seen, hash_u64(addr) ^ type, &added))
		return false;
	return !added || vec_push(&f->inside, place);
}

bool follow_note_place(struct follow *f, const struct place *from,
		       const struct claim *claim, uint64_t addr, uint32_t type,
		       uint64_t count)
{
	return follow_note_sure(f, from, claim, addr, type, count, SURE_PLACE);
}

bool follow_take_inside(struct follow *f, struct place *ret)
{
	if (f->next_inside == f->inside.len) {
		f->next_inside = f->inside.len = 0;
		return false;
	}
	*ret = f->inside.at[f->next_inside++];
	return true;
}

/* Is @type a part of other types, or what they begin with? Then a pointer to
 * it does not tell what stands there. */
static bool is_part(const struct follow *f, uint32_t type)
{
	const struct holders *h = &f->chooser.holders;
	const struct beginnings *b = &f->chooser.beginnings;

	return type >= h->n_types || h->row[type] < h->row[type + 1] ||
	       b->row[type] < b->row[type + 1];
}

/* Another pointer of the same element refers to the start of the block, and
 * from @at on there is room for just so many: elements behind their control
 * bytes. 0 when it is not so. */
static uint64_t count_behind_control(struct follow *f,
				     const struct pointer_fields *fields,
				     uint64_t element, uint32_t node,
				     uint64_t at, uint64_t size)
{
	uint64_t n = (heap_size(f->heap, node) - at) / size, word;

	if (n < 2 || !infer_fits(f->heap, node, at + n * size, true))
		return 0;
	for (size_t i = 0; i < fields->n; i++) {
		if (follow_type(f, fields->at[i].target)->size == 1 &&
		    window_u64(&f->infer->window, element +
			       fields->at[i].offset, &word) &&
		    word == f->heap->addr[node])
			return n;
	}
	return 0;
}

/* The second or third pointer of a range: where it ends, nothing begins. */
static bool ends_range(struct follow *f, const struct place *from,
		       const struct pointer_fields *fields,
		       const struct pointer_field *field,
		       const struct claim *claim)
{
	for (uint64_t back = 8; back <= 16 && back <= field->offset; back += 8) {
		const struct pointer_field *first =
			pointer_field_at(fields, field->offset - back);
		uint64_t word[3];

		if (first && first->target == field->target &&
		    follow_triple(f, fields->at, fields->n, first, from->addr +
				  claim->why_offset - back, word))
			return true;
	}
	return false;
}

/* The pointer refers to byte @at of a block that has no one type. */
static bool follow_shared(struct follow *f, const struct place *from,
			  const struct pointer_fields *fields,
			  const struct pointer_field *field, uint64_t element,
			  uint64_t at, const struct claim *claim)
{
	struct heap *heap = f->heap;
	uint64_t addr = heap->addr[claim->node] + at;
	uint64_t size = follow_type(f, field->target)->size, n, word[3];

	if (size == 0 || heap_size(heap, claim->node) - at < size ||
	    !types_is_record(&heap->image->types, field->target))
		return true;
	n = count_behind_control(f, fields, element, claim->node, at, size);
	if (n > 0) {
		/* Whoever takes all of it for bytes is wrong. */
		infer_bar(heap, claim->node, SURE_BYTES);
	} else if (heap->type[claim->node] != TYPE_NONE) {
		return true;
	} else if (follow_triple(f, fields->at, fields->n, field, from->addr +
				 claim->why_offset, word) &&
		   word[2] - word[0] <= heap_size(heap, claim->node) - at) {
		n = (word[1] - word[0]) / size;
	}
	if (n == 0 && (is_part(f, field->target) ||
		       ends_range(f, from, fields, field, claim)))
		return true;
	return follow_note_place(f, from, claim, addr, field->target,
				 n ? n : 1);
}

/* To text behind a header that ends in char text[]; or that is not described,
 * where header and text fill the block. */
static bool follow_text(struct follow *f, const struct place *from, uint64_t at,
			uint32_t pointee, struct claim *claim)
{
	uint64_t addr = f->heap->addr[claim->node], n;
	uint64_t usable = heap_size(f->heap, claim->node);
	struct choice choice;

	if (!is_string(f, claim->node, addr + at, addr + usable, &n))
		return true;
	choose_text_tail(&f->chooser, at, &choice);
	if (choice.type != TYPE_NONE) {
		claim->type = choice.type;
		claim->count = 1;
		claim->evidence = choice.evidence;
		claim->confidence = choice.confidence;
		return follow_submit(f, from, claim);
	}
	if (at > MAX_HEADER ||
	    !infer_fits(f->heap, claim->node, at + n + 1, false))
		return true;
	claim->type = pointee;
	claim->count = usable > UINT32_MAX ? UINT32_MAX : (uint32_t)usable;
	claim->confidence = SURE_STRING;
	return follow_submit(f, from, claim);
}

bool follow_inside(struct follow *f, const struct place *from,
		   const struct pointer_fields *fields,
		   const struct pointer_field *field, uint64_t element,
		   struct claim *claim)
{
	struct heap *heap = f->heap;
	struct choice choice = { .type = TYPE_NONE };
	bool typed = heap->type[claim->node] != TYPE_NONE, found;
	uint64_t word, at;

	if ((typed && heap->confidence[claim->node] >= SURE_BYTES) ||
	    !window_u64(&f->infer->window, from->addr + claim->why_offset,
			&word))
		return true;
	at = word - heap->addr[claim->node];
	if (at >= heap_size(heap, claim->node))
		return true;
	if (!typed && field->rust.what != RUST_DECLARED)
		return follow_rust(f, from, field, element, at, claim);
	if (follow_type(f, field->target)->kind == TYPE_CHAR)
		return typed || follow_text(f, from, at, field->target, claim);
	if (!typed && types_is_record(&heap->image->types, field->target) &&
	    !choose_inside(&f->chooser, claim->node, field->target, at,
			   &choice))
		return false;
	/* A member is likelier than a number of elements that fits as well. */
	if (!typed && choice.type == TYPE_NONE &&
	    (!follow_cookie(f, from, field->target, at, claim, &found) ||
	     found))
		return found;
	if (choice.type == TYPE_NONE)
		return follow_shared(f, from, fields, field, element, at,
				     claim);
	claim->type = choice.type;
	claim->count = 1;
	claim->evidence = choice.evidence;
	claim->confidence = choice.confidence;
	return follow_submit(f, from, claim);
}

/* The one record among the elements that @range may have, or TYPE_NONE. */
static uint32_t record_of(const struct follow *f, const struct raw_range *range)
{
	const struct type_table *types = &f->heap->image->types;
	uint32_t found = TYPE_NONE;

	for (unsigned i = 0; i < range->n_types; i++) {
		uint32_t id = range->types[i];

		if (!types_is_record(types, id) &&
		    types->types.at[id].kind != TYPE_POINTER)
			continue;
		if (found != TYPE_NONE)
			return TYPE_NONE;
		found = id;
	}
	return found;
}

bool follow_room_inside(struct follow *f, const struct place *from,
			const struct raw_range *range, uint64_t element,
			uint32_t node)
{
	uint32_t type = record_of(f, range);
	uint64_t size = type == TYPE_NONE ? 0 : follow_type(f, type)->size;
	uint64_t whole = follow_type(f, from->type)->size, word, used, room;
	const struct claim claim = {
		.node = node, .why_node = from->node,
		.why_offset = (uint32_t)(element - from->addr + range->offset),
	};

	if (size == 0 || node != from->node ||
	    !window_u64(&f->infer->window, element + range->offset, &word) ||
	    word < element || word - element >= whole ||
	    !follow_range_words(f, range, element, word, &used, &room))
		return true;
	if (range->size == 0 && used % size != 0)
		return true;
	if (range->size == 0)
		used /= size;
	if (used > (element + whole - word) / size)
		return true;
	return follow_note_sure(f, from, &claim, word, type, used, SURE_ROOM);
}
