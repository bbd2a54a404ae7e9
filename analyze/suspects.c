/* SPDX-License-Identifier: MIT */
#include "analyze/suspects.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/block_key.h"
#include "analyze/common_way.h"
#include "analyze/suspect_text.h"
#include "base/map.h"

#define THRESHOLD 0.10	/* of all live bytes */
#define BIG_DROP 0.7	/* a child with less than this of its parent */
#define MOST 0.5	/* what one type must retain to be named */
#define FREE_LEAST (1 << 20)	/* bytes of free memory worth a sentence */

/* The walk goes MAX_STEPS deep; CHAIN blocks alike, each below the one before,
 * are a list; SAMPLES of many blocks are asked for a way. */
enum { MAX_STEPS = 1000, CHAIN = 4, SAMPLES = 1000 };

/* What the blocks of one key below a node retain. */
struct pile {
	uint64_t key, count, retained;
	uint32_t largest;	/* id */
};

struct builder {
	const struct facts *facts;
	const struct dominators *dom;
	struct suspects *ret;
	struct err *err;
	uint64_t total;		/* bytes: live, and not understood */
	VEC(struct pile) piles;
	struct map pile_of;	/* key -> index in piles */
	struct map told;	/* keys by size that have a suspect */
};

static bool is_block(const struct builder *b, uint32_t id)
{
	return id < b->facts->heap.n_blocks;
}

static bool is_told(struct builder *b, uint32_t block)
{
	return map_find(&b->told, block_key(&b->facts->heap, block, true));
}

/* Sum up the children of @id by key: those that are blocks. */
static bool sum_children(struct builder *b, uint32_t id, uint64_t at_most,
			 bool by_size)
{
	const struct dominators *dom = b->dom;
	uint32_t p = dom->position[id];

	b->piles.len = 0;
	map_free(&b->pile_of);
	b->pile_of = (struct map){0};
	for (uint32_t c = p + 1; c < dom->end[p]; c = dom->end[c]) {
		uint32_t child = dom->order[c];
		struct pile *pile;
		uint64_t *slot, key;
		bool added;

		if (!is_block(b, child) || dom->retained[child] > at_most ||
		    (!by_size && is_told(b, child)))
			continue;
		key = block_key(&b->facts->heap, child, by_size);
		slot = map_slot(&b->pile_of, key, &added);
		if (!slot)
			return false;
		if (added) {
			struct pile new = { .key = key, .largest = child };

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

/* Blocks of @key below @id, at any depth. */
static uint64_t count_below(const struct builder *b, uint32_t id, uint64_t key)
{
	const struct dominators *dom = b->dom;
	uint64_t n = 0;

	for (uint32_t p = dom->position[id] + 1;
	     p < dom->end[dom->position[id]]; p++)
		n += is_block(b, dom->order[p]) &&
		     block_key(&b->facts->heap, dom->order[p], true) == key;
	return n;
}

/*
 * Go to the accumulation point. Where blocks alike follow each other, as in a
 * list, each holds the next one: things pile up below what stands before
 * them, then, and all of them count.
 */
static void find_pile(struct builder *b, struct suspect *s)
{
	const struct dominators *dom = b->dom;
	uint32_t id = s->id, before = s->id, alike = 0;
	uint64_t key = 0;

	for (int i = 0; i < MAX_STEPS && alike < CHAIN; i++) {
		uint32_t child = largest_child(dom, id);
		uint64_t next;

		if (child == NODE_NONE || (double)dom->retained[child] <
		    BIG_DROP * (double)dom->retained[id])
			break;
		next = is_block(b, child) ?
		       block_key(&b->facts->heap, child, true) : 0;
		if (alike == 0 || next != key) {
			before = id;
			alike = 0;
		}
		alike += is_block(b, child);
		key = next;
		id = child;
	}
	s->pile = id;
	if (alike < CHAIN)
		return;
	s->pile = before;
	s->through = key;
	s->count = count_below(b, before, key);
}

/* Which type piles up below s->pile, if one does; without types, which size,
 * else which class of content. */
static bool find_through(struct builder *b, struct suspect *s)
{
	for (int by_size = 1; by_size >= 0 && s->count == 0; by_size--) {
		const struct pile *best = NULL;

		if (!sum_children(b, s->pile, UINT64_MAX, by_size))
			return false;
		for (size_t i = 0; i < b->piles.len; i++) {
			if (!best || b->piles.at[i].retained > best->retained)
				best = &b->piles.at[i];
		}
		if (best && best->count > 1 && (double)best->retained >=
		    MOST * (double)b->dom->retained[s->pile]) {
			s->through = best->key;
			s->count = by_size ? count_below(b, s->pile, best->key) :
					     best->count;
		}
	}
	return true;
}

/* The suspect to whose blocks the same way leads, or NULL. */
static struct suspect *same_way(struct builder *b, const struct suspect *s)
{
	for (size_t i = 0; i < b->ret->at.len; i++) {
		struct suspect *other = &b->ret->at.at[i];

		if (other->kind == s->kind && other->way && s->way &&
		    !strcmp(other->way, s->way))
			return other;
	}
	return NULL;
}

/* Two blocks are told by the larger one. */
static void join(const struct builder *b, struct suspect *into,
		 const struct suspect *s)
{
	struct suspect sum = b->dom->retained[s->id] >
			     b->dom->retained[into->id] ? *s : *into;

	sum.blocks = into->blocks + s->blocks;
	sum.retained = into->retained + s->retained;
	sum.count = 0;
	sum.pile = sum.id;
	*into = sum;
}

/* @nodes [n], if any: blocks that several roots share. */
static bool add(struct builder *b, struct suspect *s, const uint32_t *nodes,
		size_t n)
{
	struct common_way way = {0};
	struct suspect *other;

	if (n > 0 && !common_way_find(b->facts, nodes, n, &b->ret->arena, &way,
				      b->err))
		return false;
	s->way = way.text;
	s->way_share = way.share;
	other = s->kind == SUSPECT_BLOCK ? same_way(b, s) : NULL;
	if (!other)
		return vec_push(&b->ret->at, *s);
	join(b, other, s);
	return true;
}

static bool tell_all(struct builder *b)
{
	for (size_t i = 0; i < b->ret->at.len; i++) {
		struct suspect *s = &b->ret->at.at[i];

		s->share = b->total ? (double)s->retained / (double)b->total :
				      0;
		s->text = suspect_text(b->facts, s, &b->ret->arena);
		s->next = suspect_next(b->facts, s, &b->ret->arena);
		if (!s->text || !s->next)
			return false;
	}
	return true;
}

/* --- the two kinds of search --- */

static bool add_single(struct builder *b, uint32_t id)
{
	struct suspect s = {
		.id = id, .retained = b->dom->retained[id], .blocks = 1,
		.kind = is_block(b, id) ? SUSPECT_BLOCK :
			id > b->facts->heap.n_nodes ? SUSPECT_LEAK :
						      SUSPECT_ROOT,
	};

	find_pile(b, &s);
	return find_through(b, &s) &&
	       add(b, &s, &id, s.kind == SUSPECT_BLOCK);
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

/* Blocks of @pile, some at even distances where they are many. */
static uint32_t *sample(struct builder *b, const struct pile *pile,
			uint64_t threshold, bool by_size, size_t *n)
{
	const struct dominators *dom = b->dom;
	uint32_t *nodes = calloc(SAMPLES + 1, sizeof(*nodes));
	uint64_t seen = 0, stride = pile->count / SAMPLES + 1;

	*n = 0;
	for (uint32_t c = 1; nodes && c < dom->n_order; c = dom->end[c]) {
		uint32_t child = dom->order[c];

		if (!is_block(b, child) || dom->retained[child] > threshold ||
		    block_key(&b->facts->heap, child, by_size) != pile->key ||
		    (!by_size && is_told(b, child)))
			continue;
		if (seen++ % stride == 0 && *n < SAMPLES)
			nodes[(*n)++] = child;
	}
	return nodes;
}

static bool add_type(struct builder *b, const struct pile *pile,
		     uint64_t threshold, bool by_size)
{
	struct suspect s = {
		.kind = SUSPECT_TYPE, .id = pile->largest,
		.pile = pile->largest, .retained = pile->retained,
		.through = pile->key, .count = pile->count,
	};
	size_t n;
	uint32_t *nodes = sample(b, pile, threshold, by_size, &n);
	bool added, ok = nodes && add(b, &s, nodes, n) &&
			 (!by_size || map_slot(&b->told, pile->key, &added));

	free(nodes);
	return ok;
}

/* All blocks below the root that are no suspects, by type or size; then the
 * untyped ones of all other sizes by class of content. */
static bool find_types(struct builder *b, uint64_t threshold)
{
	for (int by_size = 1; by_size >= 0; by_size--) {
		if (!sum_children(b, dom_root(b->dom), threshold, by_size))
			return false;
		for (size_t i = 0; i < b->piles.len; i++) {
			const struct pile *pile = &b->piles.at[i];

			if (pile->retained > threshold &&
			    !add_type(b, pile, threshold, by_size))
				return false;
		}
	}
	return true;
}

/* --- what is no block --- */

static bool find_unknown(struct builder *b, uint64_t threshold)
{
	const struct heap *heap = &b->facts->heap;

	for (size_t i = 0; i < heap->allocators.len; i++) {
		struct suspect s = {
			.kind = SUSPECT_UNKNOWN, .id = (uint32_t)i,
			.pile = NODE_NONE,
			.retained = heap->allocators.at[i].mapped_bytes,
		};

		if (!heap->allocators.at[i].understood &&
		    s.retained > threshold && !add(b, &s, NULL, 0))
			return false;
	}
	return true;
}

/* It is no part of what the others have shares of. */
static bool find_free(struct builder *b)
{
	struct suspect s = {
		.kind = SUSPECT_FREE, .id = NODE_NONE, .pile = NODE_NONE,
	};

	for (size_t i = 0; i < b->facts->heap.allocators.len; i++)
		s.retained += b->facts->heap.allocators.at[i].free_bytes;
	return s.retained <= b->total || s.retained < FREE_LEAST ||
	       add(b, &s, NULL, 0);
}

static int by_retained(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	if (x->retained != y->retained)
		return x->retained < y->retained ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

static uint64_t all_bytes(const struct facts *facts)
{
	uint64_t total = facts->dom.retained[dom_root(&facts->dom)];

	for (size_t i = 0; i < facts->heap.allocators.len; i++) {
		if (!facts->heap.allocators.at[i].understood)
			total += facts->heap.allocators.at[i].mapped_bytes;
	}
	return total;
}

bool suspects_build(const struct facts *facts, struct suspects *ret,
		    struct err *err)
{
	struct builder b = {
		.facts = facts, .dom = &facts->dom, .ret = ret, .err = err,
		.total = all_bytes(facts),
	};
	uint64_t threshold = (uint64_t)(THRESHOLD * (double)b.total);
	bool ok;

	*ret = (struct suspects){0};
	ok = find_single(&b, threshold) && find_types(&b, threshold) &&
	     find_unknown(&b, threshold) && find_free(&b);
	if (ok && ret->at.len > 0)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at),
		      by_retained);
	ok = ok && tell_all(&b);
	vec_free(&b.piles);
	map_free(&b.pile_of);
	map_free(&b.told);
	if (ok)
		return true;
	suspects_free(ret);
	return err->code != ERR_NONE ? false : err_nomem(err, "suspects");
}

void suspects_free(struct suspects *suspects)
{
	vec_free(&suspects->at);
	arena_free(&suspects->arena);
}
