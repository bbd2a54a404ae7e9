/* SPDX-License-Identifier: MIT */
/* What a pointer says of the block whose start it refers to, by its pointee. */
#include "analyze/infer_follow.h"

/* Percent, as measured for each rule on containers of C and C++ programs. */
enum { PREFIX = 4 };	/* bytes of a length before its text */

enum {
	SURE_CONTENT = 90,
	/* Below what references are taken for: contents may be left out. */
	SURE_NUMBERS = 88,
	SURE_BYTES = 80,	/* char * may be a pointer to anything */
};

bool follow_may_be_text(struct follow *f, uint32_t type)
{
	const struct shape *shape = shape_of(&f->shapes, type);

	return shape && shape->n > 0 && shape->at[0].letters;
}

bool follow_submit(struct follow *f, const struct place *from,
		   struct claim *claim)
{
	const struct type_table *types = &f->heap->image->types;

	/* Who is in doubt should not make claims that are visibly wrong. */
	if (from->confidence < SURE_CONTENT &&
	    f->heap->content[claim->node] == CONTENT_TEXT &&
	    types_is_record(types, types_strip(types, claim->type)) &&
	    !(from->told && follow_may_be_text(f, types_strip(types, claim->type))))
		return true;
	if (claim->confidence > from->confidence)
		claim->confidence = from->confidence;
	if (from->why_node) {
		claim->why_node = from->why_node - 1;
		claim->why_offset = from->why_offset;
	}
	return infer_claim(f->infer, claim);
}

unsigned follow_short_string(struct follow *f, uint32_t node)
{
	uint64_t word;
	unsigned n = 0;

	if (!window_u64(&f->infer->window, f->heap->addr[node], &word) ||
	    heap_find(f->heap, word) != NODE_NONE)
		return 0;
	while (n < 8 && (word >> 8 * n & 0xff) >= ' ' &&
	       (word >> 8 * n & 0xff) < 0x7f)
		n++;
	return n < 8 && (word >> 8 * n & 0xff) == 0 ? n : 0;
}

/* A string with its length in front, as classes keep those that may have any
 * byte in them: {unsigned length; char text[];}. */
bool follow_is_counted_text(struct follow *f, uint32_t node)
{
	uint64_t size = heap_size(f->heap, node), length;
	size_t n, i = 0;
	const uint8_t *at;

	if (!follow_number(f, f->heap->addr[node], PREFIX, &length) ||
	    length == 0 || length > size - PREFIX)
		return false;
	at = window_span(&f->infer->window, f->heap->addr[node] + PREFIX, 1, &n);
	if (!at)
		return false;
	n = n < length ? n : length;
	while (i < n && (at[i] >= ' ' || at[i] == '\n' || at[i] == '\t') &&
	       at[i] != 0x7f)
		i++;
	return i == n && (length + PREFIX == size || n < length ||
			  infer_fits(f->heap, node, PREFIX + length, true) ||
			  infer_fits(f->heap, node, PREFIX + length + 1, true));
}

/* char *, surely to bytes that read as text. */
static bool claim_text(struct follow *f, const struct place *from,
		       struct claim *claim, uint32_t pointee)
{
	const struct heap *heap = f->heap;

	if (heap->content[claim->node] == CONTENT_UNKNOWN)
		infer_bar(f->heap, claim->node, SURE_CONTENT);
	if (heap->content[claim->node] == CONTENT_UNKNOWN ||
	    ((heap->content[claim->node] == CONTENT_POINTERS ||
	      heap->content[claim->node] == CONTENT_MIXED) &&
	     follow_short_string(f, claim->node) == 0 &&
	     !follow_is_counted_text(f, claim->node)))
		return true;
	claim->type = pointee;
	claim->count = heap_size(heap, claim->node) > UINT32_MAX ? UINT32_MAX :
		       (uint32_t)heap_size(heap, claim->node);
	claim->confidence = heap->content[claim->node] == CONTENT_TEXT ?
			    SURE_CONTENT : SURE_BYTES;
	return follow_submit(f, from, claim);
}

static bool is_number(const struct follow *f, uint32_t type)
{
	const struct type *t = follow_type(f, type);

	return (t->kind == TYPE_INT || t->kind == TYPE_FLOAT) && t->size > 1;
}

/* int * to a block that looks like numbers: as many as there is room for. */
static bool claim_numbers(struct follow *f, const struct place *from,
			  struct claim *claim, uint32_t pointee)
{
	const struct heap *heap = f->heap;
	uint64_t count = heap_size(heap, claim->node) /
			 follow_type(f, pointee)->size;
	uint8_t content = heap->content[claim->node];

	if (content == CONTENT_UNKNOWN)
		infer_bar(f->heap, claim->node, SURE_CONTENT);
	if (count == 0 || count > UINT32_MAX || content == CONTENT_UNKNOWN ||
	    content == CONTENT_TEXT || content == CONTENT_POINTERS)
		return true;
	claim->type = pointee;
	claim->count = (uint32_t)count;
	claim->confidence = SURE_NUMBERS;
	return follow_submit(f, from, claim);
}

/* Its own vtable says that @node is of another class, and there are some that
 * are derived from @type. */
static bool is_base_of(const struct follow *f, uint32_t node, uint32_t type)
{
	const struct beginnings *b = &f->chooser.beginnings;

	return f->heap->evidence[node] == EVIDENCE_VTABLE &&
	       f->heap->confidence[node] == SURE_UNSIZED &&
	       follow_type(f, type)->flags & TYPE_POLYMORPHIC &&
	       type < b->n_types && b->row[type] < b->row[type + 1];
}

/* What the chooser makes of a pointer to the start of a block. */
static bool claim_chosen(struct follow *f, const struct place *from,
			 uint32_t kind, struct claim *claim)
{
	uint32_t pointee = pointer_kind_at(&f->chooser.fields, kind)->target;
	struct choice choice;
	uint64_t size, count;
	bool done;

	if (!choose_start(&f->chooser, claim->node, kind, &choice))
		return false;
	if (relatives_any(&f->relatives, pointee)) {
		if (!follow_relatives(f, from, pointee, &choice, claim, &done))
			return false;
		if (done)
			return true;
	}
	if (choice.type == TYPE_NONE) {
		if (follow_type(f, pointee)->kind == TYPE_CHAR)
			return claim_text(f, from, claim, pointee);
		if (is_number(f, pointee))
			return claim_numbers(f, from, claim, pointee);
		return choice.rivals ||
		       !types_is_record(&f->heap->image->types, pointee) ||
		       follow_larger(f, from, claim, pointee);
	}
	if (choice.type == pointee && is_base_of(f, claim->node, pointee))
		return true;
	size = follow_type(f, choice.type)->size;
	claim->type = choice.type;
	claim->count = 1;
	count = size ? heap_size(f->heap, claim->node) / size : 0;
	if (choice.is_array && count <= UINT32_MAX)
		claim->count = (uint32_t)count;
	claim->confidence = choice.confidence;
	if (choice.evidence != EVIDENCE_NONE)
		claim->evidence = choice.evidence;
	return follow_submit(f, from, claim);
}

bool follow_pointer(struct follow *f, const struct place *from, uint32_t kind,
		    struct claim *claim)
{
	uint32_t pointee = pointer_kind_at(&f->chooser.fields, kind)->target;

	if (follow_type(f, pointee)->kind == TYPE_POINTER)
		return follow_pointers(f, from, kind, claim);
	return claim_chosen(f, from, kind, claim);
}
