/* SPDX-License-Identifier: MIT */
#include "analyze/infer.h"

#include "analyze/infer_state.h"
#include "analyze/type_prefix.h"
#include "base/fetch.h"

enum {
	/* What a claim loses when another one of its rank contradicts it. */
	DOUBT = 50,
	/* Each block changes its type a few times at most, if types are sane. */
	MAX_CHANGES = 8,
};

/*
 * Places in a queue ahead of the next block for which the cache is told what
 * will be needed (and of how many of its references): measured, following
 * 10 M blocks takes half the time.
 */
enum { AHEAD_BLOCK = 32, AHEAD_ROW = 20, AHEAD_TARGET = 10, AHEAD_EDGES = 8 };

bool infer_fits(const struct heap *heap, uint32_t node, uint64_t size,
		bool loose)
{
	const struct allocator *a =
		heap->allocators.at[heap->owner[node]].allocator;
	uint64_t usable = heap_size(heap, node), want;

	if (size == 0 || size > usable)
		return false;
	want = a->usable ? a->usable(size) : size;
	if (want == usable || (loose && want + 16 == usable))
		return true;
	/* What memalign() could cut off at the end it keeps, up to 32 bytes. */
	if (loose && heap->addr[node] % 64 == 0 && want + 32 == usable)
		return true;
	/* A mapping of its own is whole pages. */
	return size >= 128 * 1024 && usable - size < PAGE_SIZE_X86;
}

bool infer_fits_tail(const struct heap *heap, uint32_t node, uint32_t type)
{
	const struct type_table *types = &heap->image->types;
	const struct type *t = &types->types.at[type];
	const struct type *tail = types_tail(types, type);
	uint64_t usable = heap_size(heap, node), start, size;
	uint32_t element;

	if (!tail || t->size >= usable)
		return false;
	if (tail->flags & TYPE_NO_COUNT || tail->count == 0)
		return true;
	element = types_strip(types, tail->target);
	start = types->members.at[t->first_member + t->n_members - 1].offset;
	size = element == TYPE_NONE ? 0 : types->types.at[element].size;
	return tail->count == 1 && size > 0 && start < usable &&
	       infer_fits(heap, node, start + (usable - start) / size * size,
			  false);
}

static void settle(struct heap *heap, const struct claim *c)
{
	heap->type[c->node] = c->type;
	heap_set_count(heap, c->node, c->count);
	heap->evidence[c->node] = c->evidence;
	heap->confidence[c->node] = c->confidence;
	heap->why_node[c->node] = c->why_node;
	heap->why_offset[c->node] = c->why_offset;
}

/* Confidence before it was disputed: claims of less come too late. */
static unsigned rank_of(const struct heap *heap, uint32_t node)
{
	unsigned confidence = heap->confidence[node];

	return confidence < DOUBT ? confidence + DOUBT : confidence;
}

/* A container that has a length, or a vtable: surer than looks. */
static bool is_told(uint8_t evidence)
{
	return evidence == EVIDENCE_ELEMENT || evidence == EVIDENCE_VTABLE;
}

/* Is @claim, of another type than the block has, the better one? */
static bool wins(struct heap *heap, const struct claim *claim)
{
	const struct type_table *types = &heap->image->types;
	uint32_t old = heap->type[claim->node];
	unsigned rank = rank_of(heap, claim->node);

	if (old == TYPE_NONE)	/* barred, perhaps */
		return claim->confidence > heap->confidence[claim->node];
	if ((heap->evidence[claim->node] == EVIDENCE_VTABLE &&
	     rank > SURE_UNSIZED) ||
	    claim->confidence < rank || type_begins_with(types, old, claim->type))
		return false;
	if (claim->confidence > rank)
		return true;
	if (claim->evidence == EVIDENCE_SHAPE &&
	    is_told(heap->evidence[claim->node]))
		return false;
	if (is_told(claim->evidence) &&
	    heap->evidence[claim->node] == EVIDENCE_SHAPE)
		return true;
	if (heap->confidence[claim->node] < DOUBT)
		return false;
	if (type_begins_with(types, claim->type, old))
		return true;
	heap->confidence[claim->node] = (uint8_t)(rank - DOUBT);
	return false;
}

static bool accept(struct infer *infer, const struct claim *claim)
{
	settle(infer->heap, claim);
	infer->n_claims++;
	if (claim->confidence > infer->surest)
		infer->surest = claim->confidence;
	return vec_push(&infer->queues[claim->confidence].blocks, claim->node);
}

/*
 * An object of a class with virtual functions begins with the address of a
 * vtable, in some module. What does not, is none: it was, before its memory
 * was freed and used again. (What has a known vtable was looked at before.)
 */
static bool may_begin_so(struct infer *infer, const struct claim *claim)
{
	const struct image *image = infer->heap->image;
	uint32_t type = types_strip(&image->types, claim->type);
	uint64_t word;

	if (type == TYPE_NONE || claim->evidence == EVIDENCE_VTABLE ||
	    !(image->types.types.at[type].flags & TYPE_POLYMORPHIC) ||
	    infer->heap->evidence[claim->node] == EVIDENCE_VTABLE ||
	    !window_u64(&infer->window, infer->heap->addr[claim->node], &word))
		return true;
	return image_module(image, word) != NULL;
}

bool infer_claim(struct infer *infer, const struct claim *claim)
{
	struct heap *heap = infer->heap;

	if (heap->type[claim->node] == claim->type) {
		/* A surer one is followed earlier, and may know more. */
		if (claim->confidence <= rank_of(heap, claim->node))
			return true;
		return accept(infer, claim);
	}
	/* Types that contain each other could go round for ever. */
	if (infer->n_claims / MAX_CHANGES > heap->n_blocks ||
	    !may_begin_so(infer, claim) || !wins(heap, claim))
		return true;
	return accept(infer, claim);
}

/* Everything that following @node, and a claim for its first targets, will
 * touch lies at a random place in a large heap. */
FETCH fetch_targets(const struct infer *infer, uint32_t node)
{
	const struct heap *heap = infer->heap;
	uint64_t first = infer->raw->row[node];
	uint64_t last = infer->raw->row[node + 1];

	for (uint64_t e = first; e < last && e < first + AHEAD_EDGES; e++) {
		uint32_t to = infer->raw->target[e];

		__builtin_prefetch(&heap->type[to], 1);
		__builtin_prefetch(&heap->confidence[to], 1);
		__builtin_prefetch(&heap->evidence[to], 1);
		__builtin_prefetch(&heap->sizes.count[to], 1);
		__builtin_prefetch(&heap->why_node[to], 1);
		__builtin_prefetch(&heap->why_offset[to], 1);
		__builtin_prefetch(&heap->sizes.size[to]);
		__builtin_prefetch(&heap->owner[to]);
		__builtin_prefetch(&heap->content[to]);
	}
}

/* Tell the cache what the blocks that wait in @q will need, in three steps,
 * each of which reads what the one before has fetched. */
FETCH fetch_ahead(const struct infer *infer, const struct infer_queue *q)
{
	const struct heap *heap = infer->heap;
	size_t next = q->next, n = q->blocks.len;

	if (next + AHEAD_BLOCK < n) {
		uint32_t node = q->blocks.at[next + AHEAD_BLOCK];

		__builtin_prefetch(&infer->raw->row[node]);
		__builtin_prefetch(&heap->confidence[node]);
		__builtin_prefetch(&heap->type[node]);
		__builtin_prefetch(&heap->sizes.count[node]);
		__builtin_prefetch(&heap->addr[node]);
	}
	if (next + AHEAD_ROW < n) {
		uint64_t e = infer->raw->row[q->blocks.at[next + AHEAD_ROW]];

		__builtin_prefetch(&infer->raw->target[e]);
		__builtin_prefetch(&infer->raw->where[e]);
	}
	if (next + AHEAD_TARGET < n)
		fetch_targets(infer, q->blocks.at[next + AHEAD_TARGET]);
}

bool infer_take(struct infer *infer, uint32_t *node)
{
	while (infer->surest >= 0) {
		struct infer_queue *q = &infer->queues[infer->surest];

		while (q->next < q->blocks.len) {
			fetch_ahead(infer, q);
			*node = q->blocks.at[q->next++];
			/* Else it is disputed, or stands in another queue. */
			if (infer->heap->confidence[*node] == infer->surest)
				return true;
		}
		infer->surest--;
	}
	return false;
}

void infer_bar(struct heap *heap, uint32_t node, uint8_t confidence)
{
	const struct claim none = {
		.node = node, .type = TYPE_NONE, .why_node = NODE_NONE,
		.confidence = confidence,
	};

	if (rank_of(heap, node) < confidence)
		settle(heap, &none);
}

bool infer_is_disputed(const struct heap *heap, uint32_t node)
{
	return heap->type[node] != TYPE_NONE && heap->confidence[node] < DOUBT;
}

static void drop(struct heap *heap, uint32_t node)
{
	const struct claim none = {
		.node = node, .type = TYPE_NONE, .why_node = NODE_NONE,
	};

	settle(heap, &none);
}

/*
 * A wrong type is worse than none, and one of two claims is wrong. What a
 * dropped block said of others goes with it; the order in which blocks were
 * followed has those that gave a type before those that got it.
 */
static void drop_disputed(struct infer *infer)
{
	struct heap *heap = infer->heap;
	bool any = false;

	/* What was barred is not known either. */
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (!infer_is_disputed(heap, i) &&
		    (heap->type[i] != TYPE_NONE || heap->confidence[i] == 0))
			continue;
		drop(heap, i);
		any = true;
	}
	for (int c = any ? 100 : -1; c >= 0; c--) {
		for (size_t i = 0; i < infer->queues[c].blocks.len; i++) {
			uint32_t node = infer->queues[c].blocks.at[i];
			uint32_t why = heap->why_node[node];

			if (why != NODE_NONE && !heap_is_root(heap, why) &&
			    heap->type[why] == TYPE_NONE)
				drop(heap, node);
		}
	}
}

bool infer_types(struct heap *heap, const struct raw_refs *raw,
		 struct err *err)
{
	struct infer infer = {
		.heap = heap, .raw = raw, .window = window_of(heap->image),
	};
	bool ok = infer_vtables(&infer, err) && infer_fields(&infer, err);

	drop_disputed(&infer);
	window_close(&infer.window);
	for (size_t i = 0; i < sizeof(infer.queues) / sizeof(infer.queues[0]);
	     i++)
		vec_free(&infer.queues[i].blocks);
	return ok;
}
