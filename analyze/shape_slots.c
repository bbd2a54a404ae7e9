/* SPDX-License-Identifier: MIT */
#include "analyze/shape_slots.h"

#include "analyze/shape_clusters.h"

enum { MAX_PREFIX = 32 };	/* bytes before a text in its block */

/* Words of a typed node that say nothing about what they refer to: of a type
 * that is not defined here, or anything. */
static bool says_nothing(const struct heap *heap,
			 const struct shape_word *word)
{
	return word->kind == SHAPE_VOID || word->kind == SHAPE_WIDE ||
	       ((word->kind == SHAPE_ANY || word->kind == SHAPE_OVERLAID) &&
		!word->closed) ||
	       (word->kind == SHAPE_RECORD &&
		heap->image->types.types.at[word->target].n_members == 0);
}

/* A pointer to letters or bytes, but there are pointers: it may be used for
 * anything, as if it were void. */
static bool is_no_text(const struct heap *heap, const struct shape_word *word,
		       uint32_t to)
{
	return word->kind == SHAPE_TEXT &&
	       (heap->content[to] == CONTENT_MIXED ||
		heap->content[to] == CONTENT_POINTERS);
}

/* A pointer to a header that several types begin with. */
static bool is_header(const struct beginnings *b,
		      const struct shape_word *word)
{
	return (word->kind == SHAPE_RECORD || word->kind == SHAPE_ANY) &&
	       word->target < b->n_types &&
	       b->row[word->target] < b->row[word->target + 1];
}

/* How far into @to a word of @node refers: a tag in the low bits, or what
 * stands before a text. False when it is farther. */
static bool is_near_start(struct infer *infer, uint32_t node, uint64_t offset,
			  uint32_t where, uint32_t to, uint32_t *inside)
{
	const struct heap *heap = infer->heap;
	uint64_t addr = heap_is_root(heap, node) ?
			heap_root(heap, node)->addr : heap->addr[node], word;

	*inside = 0;
	if (raw_is_start(where))
		return true;
	if (!window_u64(&infer->window, addr + offset, &word) ||
	    word - heap->addr[to] > MAX_PREFIX)
		return false;
	*inside = (uint32_t)(word - heap->addr[to]);
	return true;
}

/* Words that could have told what they refer to: if they did not, the type is
 * in doubt. (What stands in padding or among numbers is old.) */
static bool is_typed_pointer(uint8_t kind)
{
	return kind == SHAPE_RECORD || kind == SHAPE_TEXT ||
	       kind == SHAPE_POINTERS || kind == SHAPE_NUMBERS;
}

/* The module that a typed node belongs to. */
static uint32_t module_of(const struct heap *heap, uint32_t node, uint32_t type)
{
	const struct image *image = heap->image;
	const struct module *m;

	if (!heap_is_root(heap, node))
		return image->types.types.at[type].module;
	m = image_module(image, heap_root(heap, node)->addr);
	return m ? (uint32_t)(m - image->modules.at) :
		   image->types.types.at[type].module;
}

uint64_t slot_key(uint64_t key, const struct slot *slot)
{
	if (slot->tag)
		key = cluster_key(key, slot->tag);
	if (slot->header != TYPE_NONE)
		return cluster_key(key, UINT64_C(1) << 40 | slot->header);
	key = cluster_key(cluster_key(key, slot->type), slot->at);
	return cluster_key(cluster_key(key, slot->inside), slot->owner);
}

/*
 * An array of pointers to anything says nothing of its own: the field that owns
 * it does, as the keys of a table and its values differ. 0: no such array.
 */
static uint64_t owner_of(const struct heap *heap, uint32_t node, uint32_t type)
{
	uint32_t why = heap_is_root(heap, node) ? NODE_NONE :
		       heap->why_node[node], owner;
	uint64_t size, at;

	if (why == NODE_NONE ||
	    heap->image->types.types.at[type].kind != TYPE_POINTER)
		return 0;
	owner = slot_node_type(heap, why);
	size = owner == TYPE_NONE ? 0 : heap->image->types.types.at[owner].size;
	at = size ? heap->why_offset[node] % size : 0;
	if (heap_is_root(heap, why))
		return (uint64_t)why << 1 | 1;
	return ((uint64_t)owner << 32 | at) << 1;
}

bool slot_of(struct infer *infer, const struct beginnings *beginnings,
	     uint32_t node, uint32_t type, const struct shape *shape,
	     uint64_t e, struct slot *ret)
{
	const struct heap *heap = infer->heap;
	uint32_t where = infer->raw->where[e], to = infer->raw->target[e];
	uint64_t offset = raw_offset(where);
	const struct shape_word *word;

	*ret = (struct slot){ .type = type, .header = TYPE_NONE };
	word = shape_word_at(shape, heap_is_root(heap, node) ? 1 :
			     heap_count(heap, node), offset, &ret->at);
	if (!word)
		return false;
	ret->told = is_typed_pointer(word->kind);
	if (is_header(beginnings, word) && raw_is_start(where))
		ret->header = word->target;
	else if (!(says_nothing(heap, word) || is_no_text(heap, word, to)) ||
		 !is_near_start(infer, node, offset, where, to, &ret->inside))
		return false;
	ret->module = module_of(heap, node, type);
	ret->owner = owner_of(heap, node, type);
	return true;
}

bool slot_read_tag(struct discriminators *tags, struct block_heads *heads,
		   uint32_t to, struct slot *slot)
{
	if (slot->header != TYPE_NONE) {
		const struct block_head *head = block_heads_get(heads, to);

		if (!head || !discriminators_read(tags, slot->header, head,
						  &slot->tag))
			return false;
	}
	slot->field = slot_key(heap_size(heads->heap, to), slot);
	return true;
}
