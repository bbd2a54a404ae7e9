/* SPDX-License-Identifier: MIT */
/* How well a block keeps what a type promises. */
#include "analyze/shapes.h"

#include <math.h>

#include "analyze/infer.h"
#include "analyze/rust_pointers.h"
#include "analyze/shape_rust.h"
#include "analyze/type_prefix.h"
#include "analyze/words.h"

enum { MIN_LETTERS = 4 };	/* fewer are as likely a small number */

/* Tenths: see struct shape_score. */
enum {
	BROKEN = -1000,
	KEPT_TYPED = 80,	/* leads to a block of just that type */
	KEPT_CODE = 60,
	KEPT_SIZE = 50,		/* leads to a block of a rare, right size */
	KEPT_ALIKE = 20,	/* ... of its own type that looks like itself */
	KEPT_COUNT = 30,	/* says how long the array behind it is */
	KEPT_LEAST = 20,	/* counts as evidence of its own */
	KEPT_TEXT = 40,
	KEPT_RANGE = 30,	/* begin, end and limit, in order */
	KEPT_ONE_OF = 30,	/* as a pointer in a union says */
	KEPT_OWN = 40,		/* leads to a member of its own, of that type */
	KEPT_ROUGHLY = 10,
	DOUBTFUL = -30,
	UNLIKELY = -80,
};

/* Promised is a record, and @node has no room for one at @addr; nor do whole
 * ones end there. */
static bool is_cut(const struct heap *heap, const struct shape_word *p,
		   uint32_t node, uint64_t addr)
{
	uint64_t at = pointer_decode(addr) - heap->addr[node], size;

	if (p->kind != SHAPE_RECORD)
		return false;
	size = heap->image->types.types.at[p->target].size;
	return size > 0 && at + size > heap_size(heap, node) && at % size != 0;
}

/* Behind a pointer to the start of a block one of its kind into it, or just
 * behind it: the end of what is used, and of what there is. */
static bool is_end_of_range(const struct heap *heap, const struct shape *shape,
			    const struct seen_block *block, uint32_t i)
{
	const struct shape_word *end = &shape->at[i];
	uint32_t first = i;

	do {
		if (first-- == 0 || shape->at[first].kind != end->kind ||
		    shape->at[first].target != end->target)
			return false;
	} while (block->at[first].seen == SEEN_INSIDE);
	return block->at[first].seen == SEEN_START &&
	       block->at[i].value - heap->addr[block->at[first].node] <=
	       heap_size(heap, block->at[first].node) &&
	       !is_cut(heap, end, block->at[first].node, block->at[i].value);
}

/* ... and the third in order: begin, end, and limit. */
static bool is_limit(const struct heap *heap, const struct shape *shape,
		     const struct seen_block *block, uint32_t i)
{
	return block->at[i - 1].seen == SEEN_INSIDE &&
	       block->at[i - 1].value <= block->at[i].value &&
	       is_end_of_range(heap, shape, block, i - 1);
}

bool size_weights_build(const struct heap *heap, struct size_weights *ret,
			struct err *err)
{
	struct map_slot slot;
	size_t i = 0;

	*ret = (struct size_weights){0};
	for (uint32_t b = 0; b < heap->n_blocks; b++) {
		uint64_t *count = map_slot(&ret->by_size, heap_size(heap, b),
					   NULL);

		if (!count) {
			size_weights_free(ret);
			return err_nomem(err, "sizes of blocks");
		}
		++*count;
	}
	while (map_next(&ret->by_size, &i, &slot)) {
		double rare = log((double)heap->n_blocks / (double)slot.value);
		int weight = (int)(12 * rare);

		map_set(&ret->by_size, slot.key, weight > KEPT_SIZE ?
			KEPT_SIZE : (uint64_t)weight);
	}
	return true;
}

void size_weights_free(struct size_weights *weights)
{
	map_free(&weights->by_size);
}

/* The comparison of one block with one type. */
struct match {
	const struct heap *heap;
	const struct size_weights *weights;
	uint32_t type;
	uint32_t node;
};

/* Two blocks of one type have one size, and look alike. */
static int looks_alike(const struct match *m, uint32_t target, uint32_t node)
{
	return target == m->type && heap_size(m->heap, node) ==
	       heap_size(m->heap, m->node) && m->heap->content[node] ==
	       m->heap->content[m->node] ? KEPT_ALIKE : 0;
}

/* The members that come first are letters: a name inside the record. */
static bool begins_with_letters(const struct type_table *types, uint32_t type)
{
	for (int depth = 0; depth < 8 && type != TYPE_NONE; depth++) {
		const struct type *t = &types->types.at[type];

		if (t->kind == TYPE_CHAR || t->kind == TYPE_UNION)
			return true;
		if (t->kind == TYPE_ARRAY)
			type = types_strip(types, t->target);
		else if (types_is_record(types, type) && t->n_members > 0)
			type = types_strip(types, types->members.at[
					   t->first_member].type);
		else
			return false;
	}
	return false;
}

/* A pointer to what the type itself begins with, as nodes of C++ containers
 * link each other: to another of them, when it has the size. */
static int compare_link(const struct match *m, uint32_t node)
{
	return heap_size(m->heap, node) != heap_size(m->heap, m->node) ? 0 :
	       (int)map_get(&m->weights->by_size, heap_size(m->heap, node), 0) +
	       looks_alike(m, m->type, node);
}

/* A pointer to a record leads to the start of block @node. */
static int compare_record(const struct match *m, const struct shape_word *p,
			  uint32_t node)
{
	const struct heap *heap = m->heap;
	uint32_t target = p->target;
	const struct type_table *types = &heap->image->types;
	uint64_t size = types->types.at[target].size, n;

	if (heap->type[node] == target)
		return KEPT_TYPED;
	if (heap->type[node] != TYPE_NONE &&
	    type_begins_with(types, heap->type[node], target))
		return KEPT_TYPED;
	if (heap->type[node] != TYPE_NONE)
		return types_is_record(types, types_strip(types,
				       heap->type[node])) &&
		       types->types.at[heap->type[node]].size >= size ?
		       DOUBTFUL : BROKEN;
	if (size == 0)
		return KEPT_ROUGHLY;
	if (node == m->node && target == m->type)
		return KEPT_ALIKE;
	if (heap->content[node] == CONTENT_TEXT &&
	    !(shape_name_bytes(types, target) > 0 &&
	      infer_fits(heap, node, size, false)))
		return begins_with_letters(types, target) ? UNLIKELY : BROKEN;
	if (infer_fits(heap, node, size, false))
		return (int)map_get(&m->weights->by_size,
				    heap_size(heap, node), 0) +
		       looks_alike(m, target, node);
	if (size > heap_size(heap, node))
		return BROKEN;
	if (type_begins_with(types, m->type, target))
		return compare_link(m, node);
	n = heap_size(heap, node) / size;
	return p->base || (n > 1 && infer_fits(heap, node, n * size, false)) ?
	       0 : -KEPT_ROUGHLY;
}

static int compare_text(const struct heap *heap, const struct seen_word *w)
{
	uint32_t type = types_strip(&heap->image->types, heap->type[w->node]);

	if (type != TYPE_NONE)
		return heap->image->types.types.at[type].size == 1 ?
		       KEPT_TEXT : UNLIKELY;
	return heap->content[w->node] == CONTENT_TEXT ? KEPT_TEXT :
	       heap->content[w->node] == CONTENT_POINTERS ? UNLIKELY : 0;
}

static int compare_start(const struct match *m, const struct shape_word *p,
			 const struct seen_word *w)
{
	const struct heap *heap = m->heap;
	uint8_t content = heap->content[w->node];

	switch (p->kind) {
	case SHAPE_RECORD:
		return compare_record(m, p, w->node);
	case SHAPE_TEXT:
		return compare_text(heap, w);
	case SHAPE_POINTERS:
		return content == CONTENT_POINTERS ? KEPT_TEXT :
		       content == CONTENT_ZERO ? 0 : DOUBTFUL;
	case SHAPE_NUMBERS:
		return content == CONTENT_NUMBERS ? KEPT_ROUGHLY :
		       content == CONTENT_POINTERS ? UNLIKELY : 0;
	case SHAPE_VOID:
		return KEPT_ROUGHLY;
	default:
		return p->text && content == CONTENT_TEXT ? KEPT_ONE_OF : 0;
	}
}

static bool is_pointer(uint8_t kind)
{
	return kind >= SHAPE_RECORD && kind <= SHAPE_VOID;
}

static bool is_pointer_or_code(uint8_t kind)
{
	return is_pointer(kind) || kind == SHAPE_CODE;
}

/* What no pointer promised, but is one. */
static int compare_surprise(const struct shape_word *p,
			    const struct seen_word *w)
{
	bool block = w->seen == SEEN_START || w->seen == SEEN_INSIDE;

	switch (p->kind) {
	case SHAPE_FLOAT:
	case SHAPE_SMALL:
		return block ? BROKEN : UNLIKELY;
	case SHAPE_WIDE:
		return block ? UNLIKELY : DOUBTFUL;
	case SHAPE_CODE:
		return BROKEN;
	case SHAPE_BYTES:
		return block ? DOUBTFUL : 0;
	case SHAPE_OVERLAID:
		return block ? -KEPT_ROUGHLY : 0;
	default:
		return 0;
	}
}

static int compare_number(const struct shape_word *p, const struct seen_word *w)
{
	if (p->never_null && w->value == UINT64_MAX)
		return 0;	/* rc::Weak::new() */
	if (is_pointer(p->kind))
		return p->kind == SHAPE_VOID && w->seen == SEEN_SMALL ?
		       -KEPT_ROUGHLY : BROKEN;
	switch (p->kind) {
	case SHAPE_CODE:
		return BROKEN;
	case SHAPE_FLOAT:
		return w->seen == SEEN_FLOAT ? KEPT_ROUGHLY * 2 : DOUBTFUL;
	case SHAPE_WIDE:
		return w->seen == SEEN_PACKED ? -2 * KEPT_ROUGHLY : 0;
	case SHAPE_SMALL:
		return w->seen == SEEN_FLOAT ? -KEPT_ROUGHLY :
		       w->seen == SEEN_PACKED ? KEPT_ROUGHLY : 0;
	default:
		return 0;
	}
}

/* An integer with the address of a block, and a tag in its low bits. */
static int compare_tagged(const struct match *m, const struct seen_word *w)
{
	const struct heap *heap = m->heap;

	if (pointer_decode(w->value) - heap->addr[w->node] >= 8)
		return 0;
	return heap_size(heap, w->node) == heap_size(heap, m->node) &&
	       heap->content[w->node] == heap->content[m->node] ?
	       KEPT_ALIKE :
	       w->value != heap->addr[w->node] ? KEPT_ROUGHLY : 0;
}

static int compare(const struct match *m, const struct shape_word *p,
		   const struct seen_word *w)
{
	if (p->tagged && (w->seen == SEEN_START || w->seen == SEEN_INSIDE))
		return compare_tagged(m, w);
	switch (w->seen) {
	case SEEN_ZERO:
		return p->never_null ? BROKEN : 0;
	case SEEN_START:
		return is_pointer(p->kind) || p->text ? compare_start(m, p, w) :
		       compare_surprise(p, w);
	case SEEN_INSIDE:
		return !is_pointer(p->kind) ? compare_surprise(p, w) :
		       is_cut(m->heap, p, w->node, w->value) ? UNLIKELY :
							       -KEPT_ROUGHLY;
	case SEEN_CODE:
		return p->kind == SHAPE_CODE ? KEPT_CODE :
		       p->kind == SHAPE_VOID ? 0 :
		       is_pointer(p->kind) ? UNLIKELY : compare_surprise(p, w);
	case SEEN_DATA:
		return is_pointer(p->kind) ? 0 : compare_surprise(p, w);
	case SEEN_DEAD:
		return is_pointer(p->kind) ? DOUBTFUL : compare_surprise(p, w);
	default:
		return compare_number(p, w);
	}
}

static int compare_owner(const struct heap *heap, const struct shape_word *p,
			 const struct seen_block *block, uint32_t i)
{
	switch (shape_rust_check(heap, p, block, i)) {
	case RUST_KEPT:
		return KEPT_TYPED;
	case RUST_EMPTY:
		return KEPT_ROUGHLY;
	case RUST_BROKEN:
		return BROKEN;
	default:
		return 0;
	}
}

/* Is there a record @target at byte @at of @type? */
static bool has_record_at(const struct type_table *types, uint32_t type,
			  uint64_t at, uint32_t target)
{
	for (int depth = 0; depth < 16 && type != TYPE_NONE; depth++) {
		const struct type *t = &types->types.at[type];
		uint32_t inner = TYPE_NONE;

		if (at == 0 && type == target)
			return true;
		for (uint32_t i = 0; types_is_record(types, type) &&
		     i < t->n_members && inner == TYPE_NONE; i++) {
			const struct member *m =
				&types->members.at[t->first_member + i];
			uint32_t id = types_strip(types, m->type);

			/* Empty bases take no room. */
			if (id == TYPE_NONE || at < m->offset ||
			    types->types.at[id].size <= 1 ||
			    at - m->offset >= types->types.at[id].size)
				continue;
			inner = id;
			at -= m->offset;
		}
		type = inner;
	}
	return false;
}

/* Does the word lead to a member of the record itself that is what it points
 * at? So do short strings, empty lists and the one bucket of a small table. */
static bool leads_to_own(const struct match *m, const struct shape *shape,
			 const struct seen_block *block, uint32_t i)
{
	const struct type_table *types = &m->heap->image->types;
	const struct shape_word *p = &shape->at[i], *own;
	uint64_t at = pointer_decode(block->at[i].value) -
		      m->heap->addr[m->node];

	if (block->at[i].node != m->node || at >= shape->size || at % 8 != 0 ||
	    at / 8 >= shape->n || at / 8 == i || p->target == TYPE_NONE)
		return false;
	own = &shape->at[at / 8];
	switch (p->kind) {
	case SHAPE_ANY:
	case SHAPE_TEXT:
		return own->letters &&
		       types->types.at[p->target].kind == TYPE_CHAR &&
		       (shape_text_at(block, at) > 0 || (at / 8 < block->n &&
			(block->at[at / 8].value & 0xff) == 0));
	case SHAPE_POINTERS:
		return is_pointer(own->kind) && own->target == types_strip(
			types, types->types.at[p->target].target);
	case SHAPE_RECORD:
		return p->target != m->type &&
		       has_record_at(types, m->type, at, p->target);
	default:
		return false;
	}
}

/* Behind the type lies what malloc gave too much. */
static void compare_slack(const struct seen_block *block, uint32_t first,
			  struct shape_score *score)
{
	for (uint32_t i = first; i < block->n; i++) {
		if (block->at[i].seen == SEEN_START ||
		    block->at[i].seen == SEEN_INSIDE)
			score->sum += DOUBTFUL;
		else if (block->at[i].seen != SEEN_ZERO)
			score->sum -= 2 * KEPT_ROUGHLY;
	}
}

/* A pointer out of a header leads behind it, into the same block. */
static bool leads_behind(const struct match *m, const struct shape *shape,
			 const struct seen_word *w)
{
	return w->seen == SEEN_INSIDE && w->node == m->node &&
	       pointer_decode(w->value) - m->heap->addr[m->node] >= shape->size;
}

static int compare_behind(const struct match *m, const struct shape_word *p,
			  const struct seen_block *block, uint32_t i, int one)
{
	uint64_t at = pointer_decode(block->at[i].value) -
		      m->heap->addr[m->node];

	const struct type_table *types = &m->heap->image->types;
	uint64_t letters = shape_text_at(block, at);

	/* Bytes may be anything, and the end of what is used of them. */
	if (p->kind == SHAPE_TEXT &&
	    !(types->types.at[p->target].flags & TYPE_UNSIGNED))
		return letters >= MIN_LETTERS ? KEPT_ALIKE :
		       letters > 0 ? 0 : DOUBTFUL;
	return is_pointer(p->kind) || p->kind == SHAPE_ANY ? KEPT_ALIKE : one;
}

static uint64_t count_at(const struct seen_block *block,
			 const struct shape_count *c)
{
	unsigned shift = c->offset % 8 * 8 + c->shift;
	uint64_t word;

	if (c->offset / 8 >= block->n || shift + c->bits > 64)
		return 0;
	word = block->at[c->offset / 8].value >> shift;
	return c->bits == 64 ? word : word & ((UINT64_C(1) << c->bits) - 1);
}

uint64_t shape_count_used(const struct heap *heap, const struct shape_tail *tail,
			  const struct seen_block *block)
{
	uint64_t room = (heap_size(heap, block->node) - tail->offset) /
			tail->size;
	uint64_t used = room;

	for (uint32_t i = 0; i < tail->n_counts; i++) {
		uint64_t n = count_at(block, &tail->count[i]);

		if (n > 0 && n < used)
			used = n;
	}
	return used;
}

/*
 * Does a number in front of the array say how long it is, so that it fits the
 * block? (A byte does that easily by chance: it must be the length of a text
 * of @letters, or count pointers.)
 */
static bool is_counted(const struct match *m, const struct shape_tail *tail,
		       const struct seen_block *block, uint64_t letters)
{
	uint64_t room = (heap_size(m->heap, m->node) - tail->offset) /
			tail->size;
	bool counted = false;

	for (uint32_t i = 0; i < tail->n_counts; i++) {
		uint64_t n = count_at(block, &tail->count[i]), size;

		/* One is a reference count as well. */
		if (n <= 1 || n > room || (tail->count[i].bits < 16 &&
					   tail->size < 8 && n != letters))
			continue;
		size = tail->offset + n * tail->size;
		counted |= infer_fits(m->heap, m->node, size, false) ||
			   (tail->size == 1 &&
			    infer_fits(m->heap, m->node, size + 1, false));
	}
	return counted;
}

uint64_t shape_text_at(const struct seen_block *block, uint64_t at)
{
	for (uint64_t i = at; i / 8 < block->n; i++) {
		const struct seen_word *w = &block->at[i / 8];
		uint8_t c = (uint8_t)(w->value >> i % 8 * 8);

		if (w->seen >= SEEN_START && w->seen <= SEEN_DEAD)
			return 0;
		if (c == 0)
			return i - at;
		if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
			return 0;
	}
	return block->n == SHAPE_WORDS ? SHAPE_WORDS * UINT64_C(8) - at : 0;
}

/* An array of any length follows the header. */
static void compare_tail(const struct match *m, const struct shape_tail *tail,
			 const struct seen_block *block, uint32_t first,
			 struct shape_score *score)
{
	bool whole = tail->offset % 8 == 0 && tail->size % 8 == 0;
	uint64_t letters = tail->text ? shape_text_at(block, tail->offset) : 0;
	int evidence = letters >= MIN_LETTERS ? KEPT_LEAST : 0;
	uint64_t end = tail->offset + tail->size *
		       shape_count_used(m->heap, tail, block);

	if (is_counted(m, tail, block, letters) &&
	    (tail->text ? letters > 0 : tail->size > 1))
		evidence += KEPT_COUNT;
	score->kept += evidence;
	score->sum += evidence > 0 ? evidence : DOUBTFUL;
	for (uint64_t i = first; i < block->n && i * 8 + 8 <= end; i++) {
		const struct shape_word other = {
			.kind = tail->size == 1 ? SHAPE_BYTES : SHAPE_SMALL,
			.target = TYPE_NONE,
		};
		int one = compare(m, whole ? &tail->at[(i - tail->offset / 8) %
						       tail->n] : &other,
				  &block->at[i]);

		score->sum += one;
		score->broken |= one == BROKEN;
	}
}

struct shape_score shape_compare(const struct heap *heap,
				 const struct size_weights *weights,
				 uint32_t type, const struct shape *shape,
				 const struct seen_block *block)
{
	const struct match m = { heap, weights, type, block->node };
	struct shape_score score = {0};
	uint32_t n = shape->n < block->n ? shape->n : block->n;

	for (uint32_t i = 0; i < n; i++) {
		const struct shape_word *p = &shape->at[i];
		int one = p->rust != RUST_DECLARED ?
			  compare_owner(heap, p, block, i) :
			  compare(&m, p, &block->at[i]);

		if (block->at[i].seen == SEEN_INSIDE &&
		    is_pointer(shape->at[i].kind) &&
		    is_end_of_range(heap, shape, block, i))
			one = is_limit(heap, shape, block, i) ? KEPT_RANGE :
								KEPT_ROUGHLY;
		if (leads_to_own(&m, shape, block, i))
			one = KEPT_OWN;
		if (leads_behind(&m, shape, &block->at[i]))
			one = compare_behind(&m, p, block, i, one);
		score.sum += one;
		if (one >= KEPT_LEAST && (is_pointer_or_code(p->kind) ||
					  p->kind == SHAPE_ANY))
			score.kept += one;
		if (one == BROKEN)
			score.broken = true;
	}
	if (shape->tail && shape->tail->offset < heap_size(heap, block->node))
		compare_tail(&m, shape->tail, block, n, &score);
	else if (infer_fits(heap, block->node, shape->size, false))
		compare_slack(block, n, &score);
	return score;
}

bool shape_is_contradicted(const struct shape *shape,
			   const struct seen_block *block)
{
	for (uint32_t i = 0; i < shape->n && i < block->n; i++) {
		uint8_t kind = shape->at[i].kind, seen = block->at[i].seen;

		if ((kind == SHAPE_FLOAT || kind == SHAPE_SMALL) &&
		    (seen == SEEN_START || seen == SEEN_INSIDE))
			return true;
	}
	return false;
}
