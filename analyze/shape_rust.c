/* SPDX-License-Identifier: MIT */
#include "analyze/shape_rust.h"

#include "analyze/infer.h"
#include "analyze/rust_pointers.h"

enum {
	MAX_ALIGN = 4096,	/* what is empty points at its alignment */
	GROUP = 16,		/* hashbrown: its tables are a multiple of it */
	MAX_LEAVES = 256,	/* of an element that are looked at */
};

static uint16_t word_at(uint64_t offset)
{
	return offset / 8 < SHAPE_NO_WORD ? (uint16_t)(offset / 8) :
					    SHAPE_NO_WORD;
}

struct largest {
	const struct type_table *types;
	uint64_t size;
};

static bool note_size(void *ctx, const struct leaf *leaf)
{
	struct largest *l = ctx;
	uint64_t size = leaf->type == TYPE_NONE ? 0 :
			l->types->types.at[leaf->type].size;

	if (size > l->size && size <= GROUP && (size & (size - 1)) == 0)
		l->size = size;
	return true;
}

/* That of its largest number, as far as one can see. */
static uint16_t align_of(const struct type_table *types, uint32_t type)
{
	struct largest largest = { types, 1 };

	types_leaves(types, type, MAX_LEAVES, note_size, &largest);
	return (uint16_t)largest.size;
}

/* NonNull and what is made of it. */
static bool is_never_null(const struct type_table *types,
			  const struct leaf *leaf)
{
	for (unsigned i = 0; i < leaf->n_chain; i++) {
		uint32_t id = leaf->chain[i].record;

		if (id != TYPE_NONE &&
		    types_name_begins(types, id, "core::ptr::non_null::NonNull<"))
			return true;
	}
	return false;
}

void shape_rust_promise(const struct type_table *types,
			const struct leaf *leaf, struct shape_word *word)
{
	struct rust_pointer rust;
	uint32_t target;

	word->never_null = is_never_null(types, leaf);
	rust_pointer_of(types, leaf, &rust);
	target = rust.element != TYPE_NONE ? rust.element : word->target;
	if (rust.what == RUST_DECLARED || target == TYPE_NONE)
		return;
	word->rust = rust.what;
	word->target = target;
	word->number = word_at(rust.number_at);
	word->room = rust.what == RUST_VEC || rust.what == RUST_RING ||
		     rust.what == RUST_ROOM ? word_at(rust.capacity_at) :
					      SHAPE_NO_WORD;
	word->stride = types->types.at[target].size;
	word->align = align_of(types, target);
}

/* What refers to nothing: an address that is an alignment. */
static bool is_dangling(const struct shape_word *p, const struct seen_word *w)
{
	return w->value == p->align ||
	       (w->value > p->align && w->value <= MAX_ALIGN &&
		(w->value & (w->value - 1)) == 0 && p->stride % w->value == 0);
}

/* @count elements, and nothing else, in the block that @w refers to. */
static enum rust_promise check_elements(const struct heap *heap,
					const struct shape_word *p,
					const struct seen_word *w,
					uint64_t count)
{
	if (count == 0)
		return is_dangling(p, w) ? RUST_EMPTY : RUST_BROKEN;
	if (w->seen == SEEN_DEAD)
		return RUST_OPEN;
	if (w->seen != SEEN_START || count > heap_size(heap, w->node))
		return RUST_BROKEN;
	return infer_fits(heap, w->node, count * p->stride, true) ? RUST_KEPT :
								 RUST_BROKEN;
}

static enum rust_promise check_room(const struct heap *heap,
				    const struct shape_word *p,
				    const struct seen_word *w,
				    uint64_t room, uint64_t number)
{
	if (number > room)
		return RUST_BROKEN;
	return check_elements(heap, p, w, room);
}

/* A slice may be a part of something else, or static. */
static enum rust_promise check_slice(const struct heap *heap,
				     const struct shape_word *p,
				     const struct seen_word *w, uint64_t number)
{
	if (w->seen != SEEN_START || number == 0)
		return w->seen <= SEEN_DEAD ? RUST_OPEN :
		       is_dangling(p, w) && number == 0 ? RUST_EMPTY : RUST_BROKEN;
	return check_elements(heap, p, w, number) == RUST_KEPT ?
	       RUST_KEPT : RUST_OPEN;
}

static enum rust_promise check_table(const struct heap *heap,
				     const struct shape_word *p,
				     const struct seen_word *w, uint64_t mask)
{
	uint64_t size;

	if (mask == 0)
		return w->seen == SEEN_DATA ? RUST_EMPTY : RUST_BROKEN;
	if (w->seen == SEEN_DEAD)
		return RUST_OPEN;
	if (w->seen != SEEN_INSIDE || mask > heap_size(heap, w->node))
		return RUST_BROKEN;
	size = ((mask + 1) * p->stride + GROUP - 1) / GROUP * GROUP;
	return w->value - heap->addr[w->node] == size ? RUST_KEPT :
							RUST_BROKEN;
}

/* A vtable begins with drop, size, alignment. */
static enum rust_promise check_dynamic(const struct heap *heap,
				       const struct seen_word *w,
				       const struct seen_word *vtable)
{
	uint64_t size, align;

	if (vtable->seen != SEEN_DATA ||
	    !image_u64(heap->image, vtable->value + 8, &size) ||
	    !image_u64(heap->image, vtable->value + 16, &align) ||
	    align == 0 || align > MAX_ALIGN || (align & (align - 1)) != 0)
		return RUST_BROKEN;
	if (size == 0)
		return w->value == align ? RUST_EMPTY : RUST_OPEN;
	if (w->seen != SEEN_START)
		return w->seen <= SEEN_DEAD ? RUST_OPEN : RUST_BROKEN;
	return size <= heap_size(heap, w->node) ? RUST_KEPT : RUST_BROKEN;
}

enum rust_promise shape_rust_check(const struct heap *heap,
				   const struct shape_word *p,
				   const struct seen_block *block, uint32_t i)
{
	const struct seen_word *w = &block->at[i];
	uint64_t number;

	if (p->stride == 0 || p->number >= block->n)
		return RUST_OPEN;
	number = block->at[p->number].value;
	switch (p->rust) {
	case RUST_VEC:
	case RUST_RING:
		if (p->room >= block->n)
			return RUST_OPEN;
		return check_room(heap, p, w, block->at[p->room].value, number);
	case RUST_SLICE:
		return check_slice(heap, p, w, number);
	case RUST_TABLE:
		return check_table(heap, p, w, number);
	case RUST_DYNAMIC:
		return check_dynamic(heap, w, &block->at[p->number]);
	default:
		return RUST_OPEN;
	}
}
