/* SPDX-License-Identifier: MIT */
#include "analyze/shapes.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/infer.h"
#include "analyze/shape_rust.h"
#include "analyze/words.h"
#include "base/sorted.h"

enum { MAX_SHAPE = 512 };

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

	word.letters = t->kind == TYPE_CHAR && leaf->offset % 8 == 0;
	if (leaf->flags & (MEMBER_VARIANT | MEMBER_DISCRIMINANT))
		word.kind = SHAPE_VARIANT;
	/* What a union refers to may begin with the one header that it names. */
	if (leaf->in_union && t->kind == TYPE_POINTER)
		word.target = types_strip(types, t->target);
	else if (leaf->in_union && word.kind == SHAPE_ANY &&
		 t->kind != TYPE_REFERENCE)
		word.kind = SHAPE_OVERLAID;
	word.text = leaf->in_union && word.target != TYPE_NONE &&
		    types->types.at[word.target].kind == TYPE_CHAR;
	word.closed = word.target != TYPE_NONE || t->size < 8 ||
		      t->kind == TYPE_FLOAT;
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
		word.tagged = t->size == 8 && is_pointer_sized(types, leaf);
		word.kind = t->size < 8 ? SHAPE_SMALL :
			    word.tagged ? SHAPE_ANY : SHAPE_WIDE;
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

static bool is_alternative(uint8_t kind)
{
	return kind == SHAPE_ANY || kind == SHAPE_OVERLAID;
}

/* One more alternative of a union: keep the one record that is named. */
static void add_alternative(const struct type_table *types,
			    struct shape_word *word,
			    const struct shape_word *more)
{
	bool had = word->target != TYPE_NONE &&
		   types_is_record(types, word->target);
	bool has = more->target != TYPE_NONE &&
		   types_is_record(types, more->target);

	if (word->kind != more->kind)
		word->kind = SHAPE_ANY;
	word->closed &= more->closed;
	word->text |= more->text;
	if (had && has && word->target != more->target)
		word->target = TYPE_NONE;
	else if (!had)
		word->target = more->target;
}

/* Of two members in one word, neither is a pointer. */
static bool visit(void *ctx, const struct leaf *leaf)
{
	struct fill *f = ctx;
	uint64_t i = leaf->offset / 8;
	struct shape_word word;

	/* An empty class takes no room beside others. */
	if (leaf->type == TYPE_NONE || i >= f->n ||
	    (types_is_record(f->types, leaf->type) &&
	     f->types->types.at[leaf->type].size <= 1))
		return true;
	word = word_of(f->types, leaf);
	f->at[i].letters |= word.letters;
	if (f->at[i].kind == SHAPE_PAD)
		f->at[i] = word;
	else if (is_alternative(f->at[i].kind) && is_alternative(word.kind))
		add_alternative(f->types, &f->at[i], &word);
	else if (f->at[i].kind != word.kind)
		f->at[i].kind = is_open(f->at[i].kind) ? f->at[i].kind :
				is_open(word.kind) ? word.kind : SHAPE_SMALL;
	return true;
}

/* The first member of each record that has one at its start. */
static bool find_bases(struct shape_cache *cache)
{
	const struct type_table *types = cache->types;
	size_t words = types->types.len / 64 + 1;

	cache->n_types = types->types.len;
	cache->bases = arena_alloc(&cache->arena, words * sizeof(*cache->bases));
	if (!cache->bases)
		return false;
	memset(cache->bases, 0, words * sizeof(*cache->bases));
	for (size_t i = 0; i < types->types.len; i++) {
		const struct type *t = &types->types.at[i];
		const struct member *m = &types->members.at[t->first_member];
		uint32_t id;

		if ((t->kind != TYPE_STRUCT && t->kind != TYPE_CLASS) ||
		    t->n_members == 0 || m->offset != 0)
			continue;
		id = types_strip(types, m->type);
		if (id != TYPE_NONE)
			cache->bases[id / 64] |= UINT64_C(1) << id % 64;
	}
	return true;
}

/* Types that were added since then begin none. */
static void mark_bases(const struct shape_cache *cache, struct fill *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t id = f->at[i].target;

		if (f->at[i].kind == SHAPE_RECORD &&
		    id < cache->n_types)
			f->at[i].base = cache->bases[id / 64] >> id % 64 & 1;
	}
}

/* The words of @type, *@n of them, or NULL when memory is exhausted. */
static const struct shape_word *words_of(struct shape_cache *cache,
					 uint32_t type, uint32_t *n)
{
	uint64_t words = (cache->types->types.at[type].size + 7) / 8;
	struct fill f = { .types = cache->types };
	struct shape_word *at;

	f.n = words < MAX_SHAPE ? (uint32_t)words : MAX_SHAPE;
	for (uint32_t i = 0; i < f.n; i++)
		f.at[i].kind = SHAPE_PAD;
	types_leaves(cache->types, type, (uint64_t)MAX_SHAPE * 8, visit, &f);
	if (!cache->bases && !find_bases(cache))
		return NULL;
	mark_bases(cache, &f);
	at = arena_alloc(&cache->arena, (f.n + 1) * sizeof(*at));
	if (at && f.n > 0)
		memcpy(at, f.at, f.n * sizeof(*at));
	*n = f.n;
	return at;
}

/* Integers in front of the array, one of which may say how long it is. */
static bool visit_count(void *ctx, const struct leaf *leaf)
{
	struct shape_tail *tail = ctx;
	const struct type_table *types = tail->types;
	const struct type *t;
	const struct member *m;
	unsigned bits;

	if (leaf->type == TYPE_NONE || leaf->member == UINT32_MAX ||
	    leaf->in_union || leaf->offset >= tail->offset)
		return true;
	t = &types->types.at[leaf->type];
	m = &types->members.at[leaf->member];
	bits = m->flags & MEMBER_BITFIELD ? m->bit_size :
	       (unsigned)(t->size * 8);
	if ((t->kind != TYPE_INT && t->kind != TYPE_CHAR) || bits < 8 ||
	    bits > 64)
		return true;
	tail->count[tail->n_counts++] = (struct shape_count){
		.offset = (uint32_t)leaf->offset, .bits = (uint8_t)bits,
		.shift = (uint8_t)(m->flags & MEMBER_BITFIELD ?
				   m->bit_offset % 64 : 0),
	};
	return tail->n_counts < MAX_COUNTS;
}

/* int data[] at the end, or data[0], or data[1], as people wrote it once. */
static bool make_tail(struct shape_cache *cache, uint32_t type,
		      struct shape *shape)
{
	const struct type_table *types = cache->types;
	const struct type *t = &types->types.at[type];
	const struct type *array = types_is_record(types, type) ?
				   types_tail(types, type) : NULL;
	uint32_t element = array ? types_strip(types, array->target) :
			   TYPE_NONE;
	struct shape_tail *tail;

	if (element == TYPE_NONE || types->types.at[element].size == 0 ||
	    (!(array->flags & TYPE_NO_COUNT) && array->count > 1))
		return true;
	tail = arena_alloc(&cache->arena, sizeof(*tail));
	if (!tail)
		return false;
	*tail = (struct shape_tail){
		.types = types, .type = element, .size = types->types.at[element].size,
		.offset = types->members.at[t->first_member +
					    t->n_members - 1].offset,
		.text = types->types.at[element].kind == TYPE_CHAR &&
			!(types->types.at[element].flags & TYPE_UNSIGNED),
	};
	tail->at = words_of(cache, element, &tail->n);
	types_leaves(types, type, MAX_SHAPE, visit_count, tail);
	shape->tail = tail;
	return tail->at != NULL;
}

static struct shape *make_shape(struct shape_cache *cache, uint32_t type)
{
	struct shape *shape = arena_alloc(&cache->arena, sizeof(*shape));

	if (!shape)
		return NULL;
	*shape = (struct shape){ .size = cache->types->types.at[type].size };
	shape->at = words_of(cache, type, &shape->n);
	return shape->at && make_tail(cache, type, shape) ? shape : NULL;
}

const struct shape *shape_of(struct shape_cache *cache, uint32_t type)
{
	uint64_t *slot = map_slot(&cache->by_type, type, NULL);

	if (slot && !*slot)
		*slot = (uintptr_t)make_shape(cache, type);
	return slot ? (const struct shape *)(uintptr_t)*slot : NULL;
}

const struct shape_word *shape_word_at(const struct shape *shape,
				       uint32_t count, uint64_t offset,
				       uint64_t *at)
{
	const struct shape_tail *tail = shape->tail;

	*at = offset;
	if (offset >= shape->size && count == 1) {
		if (!tail || tail->size % 8 != 0 || tail->n == 0)
			return NULL;
		offset = (offset - tail->offset) % tail->size;
		*at = tail->offset + offset;
		return offset / 8 < tail->n ? &tail->at[offset / 8] : NULL;
	}
	*at = shape->size ? offset % shape->size : 0;
	return *at / 8 < shape->n ? &shape->at[*at / 8] : NULL;
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
	size_t i;

	sorted_skip(i, 0, heap->extents.len, heap->extents.at[i].end <= addr);
	return i < heap->extents.len && heap->extents.at[i].start <= addr;
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
	uint64_t words = heap_size(heap, node) / 8;

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

/* --- names --- */

uint64_t shape_name_bytes(const struct type_table *types, uint32_t type)
{
	enum { MAX_DEPTH = 8 };

	for (int depth = 0; depth < MAX_DEPTH && type != TYPE_NONE; depth++) {
		const struct type *t = &types->types.at[type];
		const struct member *m = &types->members.at[t->first_member];
		uint32_t target = t->kind == TYPE_ARRAY ?
				  types_strip(types, t->target) : TYPE_NONE;

		if (target != TYPE_NONE)
			return types->types.at[target].kind == TYPE_CHAR ?
			       t->count : 0;
		if (!types_is_record(types, type) || t->kind == TYPE_UNION ||
		    t->n_members == 0 || m->offset != 0)
			return 0;
		type = types_strip(types, m->type);
	}
	return 0;
}

bool shape_name_fits(const struct type_table *types, uint32_t type,
		     const struct seen_block *block)
{
	uint64_t room = shape_name_bytes(types, type);
	uint64_t letters = shape_text_at(block, 0);

	return letters > 0 && letters <= room;
}
