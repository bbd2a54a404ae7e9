/* SPDX-License-Identifier: MIT */
#include "analyze/block_fields.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyze/live_fields.h"
#include "analyze/rust_pointers.h"
#include "analyze/value_text.h"
#include "analyze/words.h"

enum {
	MAX_TEXT = 256,
	NAME_MAX_BYTES = 1024,
	MAX_LEAVES = 1 << 22,	/* each character of a text is one */
};

struct builder {
	const struct heap *heap;
	uint32_t node;
	uint32_t type;		/* of the elements, stripped */
	uint64_t start;		/* bytes of the block before the first one */
	uint64_t end;		/* of an element: elements of its own follow */
	uint64_t base;		/* offset of the element in the block */
	const char *prefix;	/* of the names of its fields */
	bool array;
	bool has_variants;	/* an enum or a variant in the element */
	size_t limit;
	struct window window;
	struct block_fields *ret;
	bool failed;
	uint64_t leaves_left;
	/* Characters that are being joined to one text. */
	uint64_t text_end;	/* 0: none */
	uint32_t text_member, text_owner;
};

static bool add(struct builder *b, const struct block_field *field)
{
	if (b->ret->at.len >= b->limit) {
		b->ret->cut = true;
		return false;
	}
	if (!field->name || !field->type || !field->value ||
	    !vec_push(&b->ret->at, *field))
		b->failed = true;
	return !b->failed;
}

static const char *field_name(struct builder *b, const struct leaf *leaf)
{
	const struct heap *heap = b->heap;
	uint64_t stride = heap->image->types.types.at[b->type].size;
	char name[NAME_MAX_BYTES];

	live_field_name(&heap->image->types, leaf, name, sizeof(name));
	if (!b->array)
		return arena_text(&b->ret->arena, name, strlen(name));
	return arena_printf(&b->ret->arena, "%s[%" PRIu64 "]%s%s",
			    b->prefix,
			    stride ? (b->base - b->start) / stride : 0,
			    name[0] && name[0] != '[' ? "." : "", name);
}

static const struct member *bitfield_of(struct builder *b,
					const struct leaf *leaf)
{
	const struct type_table *types = &b->heap->image->types;
	const struct member *m = leaf->member == UINT32_MAX ? NULL :
				 &types->members.at[leaf->member];

	return m && (m->flags & MEMBER_BITFIELD) ? m : NULL;
}

static const char *bits_text(struct builder *b, const struct type *t,
			     const struct member *m, uint64_t addr)
{
	uint32_t shift = m->bit_offset % 8, size = m->bit_size;
	uint32_t n = (shift + size + 7) / 8;
	uint64_t value = 0;
	uint8_t bytes[9];

	if (size == 0 || size > 64 ||
	    !image_read(b->heap->image, addr + m->bit_offset / 8, bytes, n) ||
	    image_lost_some(b->heap->image, addr + m->bit_offset / 8, n))
		return "?";
	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)(bytes[(shift + i) / 8] >>
				    (shift + i) % 8 & 1) << i;
	if (t->flags & TYPE_UNSIGNED || t->kind == TYPE_BOOL)
		return arena_printf(&b->ret->arena, "%" PRIu64, value);
	value <<= 64 - size;
	return arena_printf(&b->ret->arena, "%" PRId64,
			    (int64_t)value >> (64 - size));
}

/* "title[0]" with further characters behind it is "title". */
static const char *text_name(struct builder *b, const struct leaf *leaf)
{
	const char *name = field_name(b, leaf);
	size_t n = name ? strlen(name) : 0;

	if (n > 3 && !strcmp(name + n - 3, "[0]"))
		n -= 3;
	return name ? arena_text(&b->ret->arena, name, n) : NULL;
}

static bool joins_text(struct builder *b, const struct leaf *leaf)
{
	if (b->text_end != b->base + leaf->offset ||
	    b->text_member != leaf->member || b->text_owner != leaf->owner)
		return false;
	b->text_end++;
	b->ret->at.at[b->ret->at.len - 1].size++;
	return true;
}

static bool add_char(struct builder *b, const struct leaf *leaf)
{
	struct block_field field = {
		.offset = b->base + leaf->offset, .size = 1,
		.name = text_name(b, leaf), .type = "char",
		.value = "", .target = NODE_NONE,
	};

	if (!add(b, &field))
		return false;
	b->text_end = field.offset + 1;
	b->text_member = leaf->member;
	b->text_owner = leaf->owner;
	return true;
}

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct builder *b = ctx;
	const struct heap *heap = b->heap;
	const struct type_table *types = &heap->image->types;
	struct block_field field = {
		.offset = b->base + leaf->offset, .target = NODE_NONE,
	};
	const struct member *bits = bitfield_of(b, leaf);
	const char *variant;
	char name[NAME_MAX_BYTES];
	const struct type *t;
	uint8_t bytes[16] = {0};
	uint64_t word, addr = heap->addr[b->node] + field.offset;

	b->leaves_left--;
	b->has_variants |= (leaf->flags & MEMBER_DISCRIMINANT) != 0;
	if (leaf->type == TYPE_NONE || leaf->offset >= b->end)
		return true;
	if (live_field_is_dead(heap->image, leaf,
			       heap->addr[b->node] + b->base)) {
		b->has_variants = true;
		return true;
	}
	t = &types->types.at[leaf->type];
	/* An empty class has no value: its byte is padding or another's. */
	if (types_is_record(types, leaf->type))
		return true;
	if (t->kind == TYPE_CHAR)
		return joins_text(b, leaf) || add_char(b, leaf);
	b->text_end = 0;
	field.size = t->size;
	field.name = field_name(b, leaf);
	types_name(types, leaf->type, name, sizeof(name));
	field.type = arena_text(&b->ret->arena, name, strlen(name));
	variant = leaf->flags & MEMBER_DISCRIMINANT ?
		  live_field_variant(heap->image, leaf, addr - leaf->offset) :
		  NULL;
	if (bits)
		field.value = bits_text(b, t, bits, addr);
	else if (t->size > sizeof(bytes) ||
		 !image_read(heap->image, addr, bytes, t->size) ||
		 image_lost_some(heap->image, addr, t->size))
		field.value = "?";
	else if (variant)
		field.value = variant;
	else
		field.value = value_text(heap->image, &b->ret->arena, t, bytes);
	memcpy(&word, bytes, sizeof(word));
	if (t->size == 8 && !variant && pointer_decode(word))
		field.target = heap_find(heap, word);
	return add(b, &field);
}

/* Fill in the texts, now that their lengths are known. */
static bool read_texts(struct builder *b)
{
	struct block_fields *ret = b->ret;

	for (size_t i = 0; i < ret->at.len; i++) {
		struct block_field *f = &ret->at.at[i];
		size_t n = f->size < MAX_TEXT ? (size_t)f->size : MAX_TEXT;
		char text[MAX_TEXT];
		bool there;

		if (strcmp(f->type, "char") || f->value[0])
			continue;
		there = image_read(b->heap->image, b->heap->addr[b->node] +
				   f->offset, text, n);
		there = there && !image_lost_some(b->heap->image,
						  b->heap->addr[b->node] +
						  f->offset, n);
		n = there ? strnlen(text, n) : 0;
		f->value = !there ? "?" :
			   arena_printf(&ret->arena, "\"%.*s\"%s", (int)n, text,
					f->size > MAX_TEXT && n == MAX_TEXT ?
					"..." : "");
		if (f->size > 1)
			f->type = arena_printf(&ret->arena, "char [%" PRIu64 "]",
					       f->size);
		if (!f->value || !f->type)
			return false;
	}
	return true;
}

/* A word of an enum or a variant that what is there does not use: the path ends
 * at the enum, or at the union. */
static bool add_unused(struct builder *b, uint64_t offset)
{
	const struct heap *heap = b->heap;
	uint64_t addr = heap->addr[b->node] + b->base, word;
	char name[NAME_MAX_BYTES];
	struct block_field field = {
		.offset = b->base + offset, .size = 8, .type = "",
	};

	if (!window_u64(&b->window, addr + offset, &word) ||
	    !pointer_decode(word))
		return true;
	field.target = heap_find(heap, word);
	live_field_at(heap->image, b->type, addr, offset, name, sizeof(name));
	if (field.target == NODE_NONE || (!name[0] && !b->array))
		return true;
	field.name = b->array ?
		     arena_printf(&b->ret->arena, "%s[%" PRIu64 "]%s%s",
				  b->prefix, (b->base - b->start) /
				  heap->image->types.types.at[b->type].size,
				  name[0] ? "." : "", name) :
		     arena_text(&b->ret->arena, name, strlen(name));
	field.value = arena_printf(&b->ret->arena, "0x%" PRIx64, word);
	return add(b, &field);
}

struct field_order {
	uint64_t offset;
	size_t i;
};

/* Those of one offset stay in their order. */
static int by_offset(const void *a, const void *b)
{
	const struct field_order *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

static bool is_in_order(const struct block_fields *fields, size_t first)
{
	for (size_t i = first + 1; i < fields->at.len; i++) {
		if (fields->at.at[i].offset < fields->at.at[i - 1].offset)
			return false;
	}
	return true;
}

/* Put the fields from @first on in order of their offsets. */
static bool sort_fields(struct block_fields *fields, size_t first)
{
	size_t n = fields->at.len - first;
	struct block_field *sorted;
	struct field_order *order;
	bool ok;

	if (is_in_order(fields, first))
		return true;
	order = calloc(n, sizeof(*order));
	sorted = calloc(n, sizeof(*sorted));
	ok = order && sorted;
	for (size_t i = 0; ok && i < n; i++)
		order[i] = (struct field_order){
			fields->at.at[first + i].offset, first + i,
		};
	if (ok)
		qsort(order, n, sizeof(*order), by_offset);
	for (size_t i = 0; ok && i < n; i++)
		sorted[i] = fields->at.at[order[i].i];
	if (ok)
		memcpy(fields->at.at + first, sorted, n * sizeof(*sorted));
	free(order);
	free(sorted);
	return ok;
}

/* What else refers to blocks in an element whose fields begin at @first: the
 * words that no field speaks of as a whole. A tag may have been written over
 * the first byte of what was there. */
static bool add_all_unused(struct builder *b, size_t first)
{
	uint64_t size = b->heap->image->types.types.at[b->type].size;
	size_t shown = first, n = b->ret->at.len;
	uint64_t end = 0;	/* of the fields before @shown */

	if (!sort_fields(b->ret, first))
		return false;
	for (uint64_t at = 0; at + 8 <= size && at + 8 <= b->end; at += 8) {
		for (; shown < n && b->ret->at.at[shown].offset <
		     b->base + at + 8; shown++) {
			const struct block_field *f = &b->ret->at.at[shown];

			if (f->size >= 8 && f->offset + f->size > end)
				end = f->offset + f->size;
		}
		if (end <= b->base + at && !add_unused(b, at))
			break;
	}
	return sort_fields(b->ret, first);
}

/* The fields of @count elements of b->type, from b->start on. */
static void typed_elements(struct builder *b, uint64_t count)
{
	const struct heap *heap = b->heap;
	const struct type_table *types = &heap->image->types;
	uint64_t stride = types->types.at[b->type].size;
	size_t first;

	for (uint64_t i = 0; i < count; i++) {
		b->base = b->start + i * stride;
		if (stride == 0 || b->base + stride > heap_size(heap, b->node) ||
		    b->ret->cut || b->failed)
			return;
		first = b->ret->at.len;
		b->has_variants = false;
		types_leaves(types, b->type, b->leaves_left, visit, b);
		if (b->leaves_left == 0)
			b->ret->cut = true;
		if (b->has_variants && !b->ret->cut && !b->failed &&
		    !add_all_unused(b, first))
			b->failed = true;
	}
}

/* T data[] or data[0] at the end of a struct. */
static bool open_end_of(const struct type_table *types, uint32_t type,
			struct rust_tail *ret)
{
	const struct type *t = &types->types.at[type];
	const struct type *array = types_is_record(types, type) ?
				   types_tail(types, type) : NULL;

	if (!array || !(array->flags & TYPE_NO_COUNT || array->count == 0))
		return false;
	ret->member = t->first_member + t->n_members - 1;
	ret->start = types->members.at[ret->member].offset;
	ret->element = types_strip(types, array->target);
	return ret->element != TYPE_NONE;
}

static void typed_fields(struct builder *b)
{
	const struct heap *heap = b->heap;
	const struct type_table *types = &heap->image->types;
	struct rust_tail tail;
	bool follows;

	b->type = types_strip(types, heap->type[b->node]);
	/* Bytes behind a header are text or the like. */
	follows = heap_count(heap, b->node) == 1 &&
		  (rust_tail_of(types, b->type, &tail) ||
		   open_end_of(types, b->type, &tail)) &&
		  types->types.at[tail.element].size >= 8;
	b->end = follows ? tail.start : UINT64_MAX;
	typed_elements(b, heap_count(heap, b->node));
	if (!follows)
		return;
	b->end = UINT64_MAX;
	b->type = tail.element;
	b->start = tail.start;
	b->prefix = types_text(types, types->members.at[tail.member].name);
	b->array = true;
	typed_elements(b, UINT64_MAX);
}

static void untyped_fields(struct builder *b)
{
	const struct heap *heap = b->heap;
	uint64_t start = heap->addr[b->node], word;

	for (uint64_t at = 0; at + 8 <= heap_size(heap, b->node); at += 8) {
		struct block_field field = {
			.offset = at, .size = 8, .name = "", .type = "",
			.target = NODE_NONE, .value = "?",
		};

		if (window_u64(&b->window, start + at, &word) &&
		    !image_is_redacted(heap->image, start + at)) {
			field.value = arena_printf(&b->ret->arena,
						   "0x%" PRIx64, word);
			if (pointer_decode(word))
				field.target = heap_find(heap, word);
		}
		if (!add(b, &field))
			return;
	}
}

bool block_fields_build(const struct heap *heap, uint32_t node, size_t limit,
			struct block_fields *ret, struct err *err)
{
	struct builder b = {
		.heap = heap, .node = node, .limit = limit, .ret = ret,
		.window = window_of(heap->image), .leaves_left = MAX_LEAVES,
		.array = heap_count(heap, node) > 1, .prefix = "",
	};

	*ret = (struct block_fields){0};
	if (types_strip(&heap->image->types, heap->type[node]) != TYPE_NONE)
		typed_fields(&b);
	/* A class that only RTTI knows has no fields to show. */
	if (ret->at.len == 0 && !b.failed)
		untyped_fields(&b);
	window_close(&b.window);
	if (!b.failed && read_texts(&b))
		return true;
	block_fields_free(ret);
	return err_nomem(err, "fields");
}

void block_fields_free(struct block_fields *fields)
{
	vec_free(&fields->at);
	arena_free(&fields->arena);
}
