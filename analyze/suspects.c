/* SPDX-License-Identifier: MIT */
#include "analyze/suspects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/block_key.h"
#include "base/human.h"
#include "base/map.h"
#include "base/short_name.h"

#define THRESHOLD 0.10	/* of all live bytes */
#define BIG_DROP 0.7	/* a child with less than this of its parent */
#define MOST 0.5	/* what one type must retain to be named */

enum { MAX_STEPS = 1000, NAME_MAX_BYTES = 4096, READABLE = 90 };

/* What the blocks of one key below a node retain. */
struct pile {
	uint64_t key, count, retained;
	uint32_t largest;	/* id */
};

struct builder {
	const struct facts *facts;
	const struct dominators *dom;
	struct suspects *ret;
	uint64_t total;		/* live bytes */
	VEC(struct pile) piles;
	struct map pile_of;	/* key -> index in piles */
};

static bool is_block(const struct builder *b, uint32_t id)
{
	return id < b->facts->heap.n_blocks;
}

/* Sum up the children of @id by key: those that are blocks. */
static bool sum_children(struct builder *b, uint32_t id, uint64_t at_most)
{
	const struct dominators *dom = b->dom;
	uint32_t p = dom->position[id];

	b->piles.len = 0;
	map_free(&b->pile_of);
	b->pile_of = (struct map){0};
	for (uint32_t c = p + 1; c < dom->end[p]; c = dom->end[c]) {
		uint32_t child = dom->order[c];
		struct pile *pile;
		uint64_t *slot;
		bool added;

		if (!is_block(b, child) || dom->retained[child] > at_most)
			continue;
		slot = map_slot(&b->pile_of, block_key(&b->facts->heap, child,
						       false), &added);
		if (!slot)
			return false;
		if (added) {
			struct pile new = {
				.key = block_key(&b->facts->heap, child, false),
				.largest = child,
			};

			*slot = b->piles.len;
			if (!vec_push(&b->piles, new))
				return false;
		}
		pile = &b->piles.at[*slot];
		pile->count++;
		pile->retained += dom->retained[child];
		if (dom->retained[child] > dom->retained[pile->largest])
			pile->largest = child;
	}
	return true;
}

static uint32_t largest_child(const struct dominators *dom, uint32_t id)
{
	uint32_t p = dom->position[id], best = NODE_NONE;

	for (uint32_t c = p + 1; c < dom->end[p]; c = dom->end[c]) {
		uint32_t child = dom->order[c];

		if (best == NODE_NONE ||
		    dom->retained[child] > dom->retained[best])
			best = child;
	}
	return best;
}

/* The accumulation point below @id. */
static uint32_t find_pile(const struct dominators *dom, uint32_t id)
{
	for (int i = 0; i < MAX_STEPS; i++) {
		uint32_t child = largest_child(dom, id);

		if (child == NODE_NONE || (double)dom->retained[child] <
		    BIG_DROP * (double)dom->retained[id])
			break;
		id = child;
	}
	return id;
}

/* Which type piles up below s->pile, if one does. */
static bool find_through(struct builder *b, struct suspect *s)
{
	const struct pile *best = NULL;

	if (!sum_children(b, s->pile, UINT64_MAX))
		return false;
	for (size_t i = 0; i < b->piles.len; i++) {
		if (!best || b->piles.at[i].retained > best->retained)
			best = &b->piles.at[i];
	}
	if (best && best->count > 1 && (double)best->retained >=
	    MOST * (double)b->dom->retained[s->pile]) {
		s->through = best->key;
		s->count = best->count;
	}
	return true;
}

/* --- sentences --- */

static const char *label(const struct builder *b, uint64_t key,
			 char buf[NAME_MAX_BYTES])
{
	block_key_label(&b->facts->heap, key, buf, NAME_MAX_BYTES);
	short_name(buf, READABLE);
	return buf;
}

static const char *holder_text(const struct builder *b,
			       const struct suspect *s,
			       char buf[NAME_MAX_BYTES])
{
	const struct heap *heap = &b->facts->heap;
	char name[NAME_MAX_BYTES - 64];

	if (!is_block(b, s->id))
		return heap_root(heap, s->id)->name;
	block_key_label(heap, block_key(heap, s->id, false), name,
			sizeof(name));
	snprintf(buf, NAME_MAX_BYTES, "one %s at 0x%" PRIx64
		 " (several roots share it)", name, heap->addr[s->id]);
	return buf;
}

/* " through 4000000 dictEntry", and where when it is not the holder itself. */
static const char *through_text(struct builder *b, const struct suspect *s)
{
	const struct heap *heap = &b->facts->heap;
	char name[NAME_MAX_BYTES], at[NAME_MAX_BYTES];
	struct arena *arena = &b->ret->arena;

	if (s->count == 0 && (s->pile == s->id || !is_block(b, s->pile)))
		return "";
	if (s->count == 0)
		return arena_printf(arena, ", most of it by one %s at 0x%" PRIx64,
				    label(b, block_key(heap, s->pile, false),
					  at), heap->addr[s->pile]);
	if (s->pile == s->id || !is_block(b, s->pile))
		return arena_printf(arena, " through %" PRIu64 " %s", s->count,
				    label(b, s->through, name));
	return arena_printf(arena, " through %" PRIu64 " %s below one %s",
			    s->count, label(b, s->through, name),
			    label(b, block_key(heap, s->pile, false), at));
}

static const char *leak_text(struct builder *b, const struct suspect *s,
			     const char *size)
{
	const struct leak_group *group =
		&b->facts->leaks.groups[s->id - b->facts->heap.n_nodes - 1];
	char name[NAME_MAX_BYTES];

	return arena_printf(&b->ret->arena, "%s (%.0f %%) is lost with %" PRIu64
		" %s%s that %s", size, 100 * s->share, group->count,
		group->cycle ? "cycles of " : "", label(b, group->key, name),
		group->verdict == STATE_LEAKED ? "nothing refers to" :
		group->verdict == STATE_STALE ? "only dead words refer to" :
						"only weak references hold");
}

static const char *sentence(struct builder *b, const struct suspect *s)
{
	char size[HUMAN_MAX], name[NAME_MAX_BYTES];
	const char *through;

	human_size(s->retained, false, size);
	if (s->kind == SUSPECT_LEAK)
		return leak_text(b, s, size);
	if (s->kind == SUSPECT_TYPE)
		return arena_printf(&b->ret->arena, "%s (%.0f %%) is held by %"
			PRIu64 " %s, each of which several roots share", size,
			100 * s->share, s->count, label(b, s->through, name));
	through = through_text(b, s);
	return through ? arena_printf(&b->ret->arena,
				      "%s (%.0f %%) is held by %s%s", size,
				      100 * s->share, holder_text(b, s, name),
				      through) : NULL;
}

static bool add(struct builder *b, struct suspect *s)
{
	s->share = b->total ? (double)s->retained / (double)b->total : 0;
	s->text = sentence(b, s);
	return s->text && vec_push(&b->ret->at, *s);
}

/* --- the two kinds of search --- */

static bool add_single(struct builder *b, uint32_t id)
{
	struct suspect s = {
		.id = id, .retained = b->dom->retained[id],
		.kind = is_block(b, id) ? SUSPECT_BLOCK :
			id > b->facts->heap.n_nodes ? SUSPECT_LEAK :
						      SUSPECT_ROOT,
	};

	s.pile = find_pile(b->dom, id);
	return find_through(b, &s) && add(b, &s);
}

static bool find_single(struct builder *b, uint64_t threshold)
{
	const struct dominators *dom = b->dom;

	for (uint32_t c = 1; c < dom->n_order; c = dom->end[c]) {
		if (dom->retained[dom->order[c]] > threshold &&
		    !add_single(b, dom->order[c]))
			return false;
	}
	return true;
}

static bool find_types(struct builder *b, uint64_t threshold)
{
	if (!sum_children(b, dom_root(b->dom), threshold))
		return false;
	for (size_t i = 0; i < b->piles.len; i++) {
		const struct pile *pile = &b->piles.at[i];
		struct suspect s = {
			.kind = SUSPECT_TYPE, .id = pile->largest,
			.pile = pile->largest, .retained = pile->retained,
			.through = pile->key, .count = pile->count,
		};

		if (pile->retained > threshold && !add(b, &s))
			return false;
	}
	return true;
}

static int by_retained(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	if (x->retained != y->retained)
		return x->retained < y->retained ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

bool suspects_build(const struct facts *facts, struct suspects *ret,
		    struct err *err)
{
	struct builder b = { .facts = facts, .dom = &facts->dom, .ret = ret };
	uint64_t threshold;
	bool ok;

	*ret = (struct suspects){0};
	b.total = facts->dom.retained[dom_root(&facts->dom)];
	threshold = (uint64_t)(THRESHOLD * (double)b.total);
	ok = find_single(&b, threshold) && find_types(&b, threshold);
	vec_free(&b.piles);
	map_free(&b.pile_of);
	if (!ok) {
		suspects_free(ret);
		return err_nomem(err, "suspects");
	}
	if (ret->at.len > 0)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at),
		      by_retained);
	return true;
}

void suspects_free(struct suspects *suspects)
{
	vec_free(&suspects->at);
	arena_free(&suspects->arena);
}
