/* SPDX-License-Identifier: MIT */
#include "analyze/shapes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/infer.h"
#include "analyze/rust_pointers.h"
#include "analyze/shape_rust.h"
#include "analyze/words.h"

enum { MAX_SHAPE = 512 };

/* Tenths: see struct shape_score. */
enum {
	BROKEN = -1000,
	KEPT_TYPED = 80,	/* leads to a block of just that type */
	KEPT_CODE = 60,
	KEPT_SIZE = 50,		/* leads to a block of a rare, right size */
	KEPT_ALIKE = 20,	/* ... of its own type that looks like itself */
	KEPT_LEAST = 20,	/* counts as evidence of its own */
	KEPT_TEXT = 40,
	KEPT_ROUGHLY = 10,
	DOUBTFUL = -30,
	UNLIKELY = -80,
};

/* --- what a type promises --- */

/* What Rust's core has is a part of other things: Option, Cell, &str, tuples. */
static bool is_part(const char *name)
{
	return strncmp(name, "core::", 6) == 0 || name[0] == '&' ||
	       name[0] == '*' || name[0] == '(';
}

bool shape_is_record(const struct type_table *types, const struct type *t)
{
	const char *name = types_text(types, t->name);

	return (t->kind == TYPE_STRUCT || t->kind == TYPE_CLASS) &&
	       t->n_members > 0 && t->popularity > 0 &&
	       !(t->flags & (TYPE_DECLARATION | TYPE_POLYMORPHIC)) &&
	       name[0] != '\0' && strncmp(name, "__va_list", 9) != 0 &&
	       !is_part(name);
}

struct fill {
	const struct type_table *types;
	struct shape_word at[MAX_SHAPE];
	uint32_t n;
};

static enum shape_kind pointer_kind(const struct type_table *types,
				    uint32_t target)
{
	if (target == TYPE_NONE)
		return SHAPE_VOID;
	switch (types->types.at[target].kind) {
	case TYPE_STRUCT:
	case TYPE_CLASS:
	case TYPE_UNION:
		return SHAPE_RECORD;
	case TYPE_CHAR:
		return SHAPE_TEXT;
	case TYPE_POINTER:
		return SHAPE_POINTERS;
	case TYPE_FUNCTION:
		return SHAPE_CODE;
	case TYPE_INT:
	case TYPE_FLOAT:
		return SHAPE_NUMBERS;
	default:
		return SHAPE_VOID;
	}
}

/* uintptr_t and its kind hold pointers, with bits of their own perhaps. */
static bool is_pointer_sized(const struct type_table *types,
			     const struct leaf *leaf)
{
	uint32_t id = leaf->member == UINT32_MAX ? TYPE_NONE :
		      types->members.at[leaf->member].type;

	while (id != TYPE_NONE && (types->types.at[id].kind == TYPE_TYPEDEF ||
				   types->types.at[id].kind == TYPE_ARRAY)) {
		if (strstr(types_text(types, types->types.at[id].name),
			   "intptr"))
			return true;
		id = types->types.at[id].target;
	}
	return false;
}

static struct shape_word word_of(const struct type_table *types,
				 const struct leaf *leaf)
{
	const struct type *t = &types->types.at[leaf->type];
	struct shape_word word = { .kind = SHAPE_ANY, .target = TYPE_NONE };

	if (leaf->flags & (MEMBER_VARIANT | MEMBER_DISCRIMINANT))
		word.kind = SHAPE_VARIANT;
	if (leaf->in_union || word.kind == SHAPE_VARIANT)
		return word;
	switch (t->kind) {
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		word.target = types_strip(types, t->target);
		word.kind = (uint8_t)pointer_kind(types, word.target);
		shape_rust_promise(types, leaf, &word);
		break;
	case TYPE_INT:
		word.kind = t->size < 8 ? SHAPE_SMALL :
			    is_pointer_sized(types, leaf) ? SHAPE_ANY :
			    SHAPE_WIDE;
		break;
	case TYPE_ENUM:
	case TYPE_BOOL:
		word.kind = SHAPE_SMALL;
		break;
	case TYPE_FLOAT:
		word.kind = t->size == 8 ? SHAPE_FLOAT : SHAPE_SMALL;
		break;
	case TYPE_CHAR:
		word.kind = SHAPE_BYTES;
		break;
	default:
		break;
	}
	return word;
}

static bool is_open(uint8_t kind)
{
	return kind == SHAPE_ANY || kind == SHAPE_VARIANT;
}

/* Of two members in one word, neither is a pointer. */
static bool visit(void *ctx, const struct leaf *leaf)
{
	struct fill *f = ctx;
	uint64_t i = leaf->offset / 8;
	struct shape_word word;

	if (leaf->type == TYPE_NONE || i >= f->n)
		return true;
	word = word_of(f->types, leaf);
	if (f->at[i].kind == SHAPE_PAD)
		f->at[i] = word;
	else if (f->at[i].kind != word.kind)
		f->at[i].kind = is_open(f->at[i].kind) ? f->at[i].kind :
				is_open(word.kind) ? word.kind : SHAPE_SMALL;
	return true;
}

static struct shape *make_shape(struct shape_cache *cache, uint32_t type)
{
	uint64_t words = (cache->types->types.at[type].size + 7) / 8;
	struct fill f = { .types = cache->types };
	struct shape_word *at;
	struct shape *shape;

	f.n = words < MAX_SHAPE ? (uint32_t)words : MAX_SHAPE;
	for (uint32_t i = 0; i < f.n; i++)
		f.at[i].kind = SHAPE_PAD;
	types_leaves(cache->types, type, (uint64_t)MAX_SHAPE * 8, visit, &f);
	shape = arena_alloc(&cache->arena, sizeof(*shape));
	at = arena_alloc(&cache->arena, (f.n + 1) * sizeof(*at));
	if (!shape || !at)
		return NULL;
	memcpy(at, f.at, f.n * sizeof(*at));
	*shape = (struct shape){ .n = f.n, .at = at };
	return shape;
}

const struct shape *shape_of(struct shape_cache *cache, uint32_t type)
{
	uint64_t *slot = map_slot(&cache->by_type, type, NULL);

	if (slot && !*slot)
		*slot = (uintptr_t)make_shape(cache, type);
	return slot ? (const struct shape *)(uintptr_t)*slot : NULL;
}

void shape_cache_free(struct shape_cache *cache)
{
	map_free(&cache->by_type);
	arena_free(&cache->arena);
}

/* --- what a block holds --- */

/* The exponent of a number between 10^-9 and 10^15, or so. */
static bool is_common_float(uint64_t word)
{
	unsigned exponent = word >> 52 & 0x7ff;

	return exponent >= 0x3e0 && exponent <= 0x432;
}

static bool in_heap(const struct heap *heap, uint64_t addr)
{
	size_t low = 0, high = heap->extents.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (heap->extents.at[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < heap->extents.len && heap->extents.at[low].start <= addr;
}

static enum word_seen see(const struct heap *heap, uint64_t word,
			  uint32_t *node)
{
	uint64_t addr = pointer_decode(word);
	const struct mapping *m;

	*node = NODE_NONE;
	if (word == 0)
		return SEEN_ZERO;
	if (addr)
		*node = heap_find(heap, addr);
	if (*node != NODE_NONE)
		return heap->addr[*node] == addr ? SEEN_START : SEEN_INSIDE;
	m = addr ? image_mapping(heap->image, addr) : NULL;
	if (m && in_heap(heap, addr))
		return SEEN_DEAD;
	if (m)
		return m->perms & PERM_EXEC ? SEEN_CODE : SEEN_DATA;
	if (word <= UINT32_MAX)
		return SEEN_SMALL;
	if ((uint32_t)word < 1 << 16 && word >> 32 < 1 << 16)
		return SEEN_PACKED;
	return is_common_float(word) ? SEEN_FLOAT : SEEN_OTHER;
}

void shape_look(const struct heap *heap, struct window *window, uint32_t node,
		struct seen_block *ret)
{
	uint64_t words = heap->size[node] / 8;

	ret->node = node;
	ret->n = words < SHAPE_WORDS ? (uint32_t)words : SHAPE_WORDS;
	for (uint32_t i = 0; i < ret->n; i++) {
		struct seen_word *w = &ret->at[i];

		w->seen = SEEN_OTHER;
		w->node = NODE_NONE;
		w->value = 0;
		if (window_u64(window, heap->addr[node] + i * 8, &w->value))
			w->seen = (uint8_t)see(heap, w->value, &w->node);
	}
}

bool shape_element(const struct seen_block *all, uint32_t i, uint32_t words,
		   struct seen_block *ret)
{
	if (words == 0 || i >= all->n / words)
		return false;
	ret->node = all->node;
	ret->n = words;
	memcpy(ret->at, all->at + i * words, words * sizeof(*ret->at));
	return true;
}

/* --- one against the other --- */

/* Behind a pointer to the start of a block one into it, or just behind it:
 * the end of what is used, and of what there is. */
static bool is_end_of_range(const struct heap *heap,
			    const struct seen_block *block, uint32_t i)
{
	uint32_t node;

	while (i > 0 && block->at[i - 1].seen == SEEN_INSIDE)
		i--;
	if (i == 0 || block->at[i - 1].seen != SEEN_START)
		return false;
	node = block->at[i - 1].node;
	return block->at[i].value - heap->addr[node] <= heap->size[node];
}

bool size_weights_build(const struct heap *heap, struct size_weights *ret,
			struct err *err)
{
	struct map_slot slot;
	size_t i = 0;

	*ret = (struct size_weights){0};
	for (uint32_t b = 0; b < heap->n_blocks; b++) {
		uint64_t *count = map_slot(&ret->by_size, heap->size[b], NULL);

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
	return target == m->type && m->heap->size[node] ==
	       m->heap->size[m->node] && m->heap->content[node] ==
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

/* A pointer to a record leads to the start of block @node. */
static int compare_record(const struct match *m, uint32_t target, uint32_t node)
{
	const struct heap *heap = m->heap;
	const struct type_table *types = &heap->image->types;
	uint64_t size = types->types.at[target].size, n;

	if (heap->type[node] == target)
		return KEPT_TYPED;
	if (heap->type[node] != TYPE_NONE)
		return types_is_record(types, types_strip(types,
				       heap->type[node])) &&
		       types->types.at[heap->type[node]].size >= size ?
		       DOUBTFUL : BROKEN;
	if (size == 0)
		return KEPT_ROUGHLY;
	if (heap->content[node] == CONTENT_TEXT)
		return begins_with_letters(types, target) ? UNLIKELY : BROKEN;
	if (infer_fits(heap, node, size, false))
		return (int)map_get(&m->weights->by_size, heap->size[node], 0) +
		       looks_alike(m, target, node);
	if (size > heap->size[node])
		return BROKEN;
	n = heap->size[node] / size;
	return n > 1 && infer_fits(heap, node, n * size, false) ?
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
		return compare_record(m, p->target, w->node);
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
		return 0;
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
		       DOUBTFUL : BROKEN;
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

static int compare(const struct match *m, const struct shape_word *p,
		   const struct seen_word *w)
{
	switch (w->seen) {
	case SEEN_ZERO:
		return p->never_null ? BROKEN : 0;
	case SEEN_START:
		return is_pointer(p->kind) ? compare_start(m, p, w) :
		       compare_surprise(p, w);
	case SEEN_INSIDE:
		return is_pointer(p->kind) ? -KEPT_ROUGHLY :
		       compare_surprise(p, w);
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
		    is_end_of_range(heap, block, i))
			one = KEPT_ROUGHLY;

		score.sum += one;
		if (one >= KEPT_LEAST && is_pointer_or_code(shape->at[i].kind))
			score.kept += one;
		if (one == BROKEN)
			score.broken = true;
	}
	/* Behind the type lies what malloc gave too much, if it fits at all. */
	for (uint32_t i = n; i < block->n; i++) {
		if (block->at[i].seen == SEEN_START ||
		    block->at[i].seen == SEEN_INSIDE)
			score.sum += UNLIKELY;
		else if (block->at[i].seen != SEEN_ZERO)
			score.sum -= 2 * KEPT_ROUGHLY;
	}
	return score;
}
