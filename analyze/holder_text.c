/* SPDX-License-Identifier: MIT */
#include "analyze/holder_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/block_key.h"
#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "base/short_name.h"
#include "base/sorted.h"

enum {
	ASKED = 16,		/* blocks of a set */
	TRIED = 64,		/* references to one block */
	/* A holder as large as this is not searched for the word. */
	MOST_READ = 1 << 20,
	NAME_CELLS = 60,
};

bool holder_finder_build(const struct facts *facts, struct holder_finder *ret,
			 struct err *err)
{
	const struct dominators *dom = &facts->dom;
	uint32_t n = dom_n_children(dom, dom_root(dom));

	*ret = (struct holder_finder){
		.facts = facts, .window = window_of(facts->heap.image),
		.tops = malloc(((size_t)n + 1) * sizeof(*ret->tops)),
	};
	if (!ret->tops)
		return err_nomem(err, "holders");
	for (uint32_t c = 1; c < dom->end[0]; c = dom->end[c])
		ret->tops[ret->n_tops++] = c;
	return true;
}

void holder_finder_free(struct holder_finder *finder)
{
	if (finder->facts)
		window_close(&finder->window);
	free(finder->tops);
	*finder = (struct holder_finder){0};
}

/* The child of the virtual root whose subtree @node is in, or NODE_NONE. */
static uint32_t top_of(const struct holder_finder *f, uint32_t node)
{
	const struct dominators *dom = &f->facts->dom;
	size_t i;
	uint32_t p = dom->position[node];

	if (p == NODE_NONE)
		return NODE_NONE;
	sorted_skip(i, 0, f->n_tops, f->tops[i] <= p);
	return i ? dom->order[f->tops[i - 1]] : NODE_NONE;
}

/* A place that refers to a block. */
struct place {
	uint32_t node;
	uint64_t offset;	/* UINT64_MAX: not looked for */
};

uint32_t best_referrer(const struct heap *heap, uint32_t node)
{
	const struct graph *g = &heap->referrers;
	uint32_t best = NODE_NONE;
	uint8_t kind = N_REF_KINDS;

	uint64_t first = graph_row(g, node), end = graph_row(g, node + 1);

	for (uint64_t e = first; e < end && e < first + TRIED; e++) {
		if (g->target[e] == node || (g->kind && g->kind[e] >= kind))
			continue;
		best = g->target[e];
		kind = g->kind ? g->kind[e] : REF_STRONG;
	}
	return best;
}

static uint64_t bytes_of(const struct heap *heap, uint32_t node)
{
	return heap_is_root(heap, node) ? heap_root(heap, node)->size :
					  heap_size(heap, node);
}

/* Does @node refer to @target? */
static bool refers(const struct heap *heap, uint32_t node, uint32_t target)
{
	const struct graph *g = &heap->referrers;

	uint64_t first = graph_row(g, target), end = graph_row(g, target + 1);

	for (uint64_t e = first; e < end && e < first + TRIED; e++) {
		if (g->target[e] == node)
			return true;
	}
	return false;
}

static struct place place_of(struct holder_finder *f, uint32_t node)
{
	const struct heap *heap = &f->facts->heap;
	struct place place = { heap->why_node[node], UINT64_MAX };

	if (!heap->referrers.target)
		return (struct place){ NODE_NONE, 0 };
	if (place.node != NODE_NONE && place.node != node &&
	    refers(heap, place.node, node)) {
		place.offset = heap->why_offset[node];
		return place;
	}
	place.node = best_referrer(heap, node);
	if (place.node == NODE_NONE || bytes_of(heap, place.node) > MOST_READ)
		return place;
	place.offset = ref_offset(heap, &f->window, place.node, node);
	return place;
}

/* Where a container of a library keeps its array is its own business. */
static void drop_inner(char *field)
{
	static const char *const inner[] = {
		"_M_dataplus._M_p", "_M_impl._M_start", "__begin_",
		"_M_h._M_buckets", "_M_t._M_impl", "_M_impl._M_map",
		"_M_refcount._M_pi", "_M_ptr", "__cntrl_", "__ptr_",
		"vec.buf.inner.ptr.pointer.pointer",
		"buf.inner.ptr.pointer.pointer", "buf.ptr.pointer.pointer",
		"base.map.table.table.ctrl.pointer",
		"base.table.table.ctrl.pointer", "ptr.pointer",
	};
	size_t n = strlen(field);

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		size_t k = strlen(inner[i]);

		if (n < k || strcmp(field + n - k, inner[i]) ||
		    (n > k && field[n - k - 1] != '.'))
			continue;
		n -= k;
		field[n && field[n - 1] == '.' ? n - 1 : n] = '\0';
		return;
	}
}

const char *holder_place(const struct facts *facts, uint32_t holder,
			 uint64_t offset, char buf[HOLDER_TEXT_MAX])
{
	char name[HOLDER_TEXT_MAX / 2], field[HOLDER_TEXT_MAX / 4] = "";

	node_label_of(facts, holder, name, sizeof(name));
	short_name(name, NAME_CELLS);
	if (offset != UINT64_MAX)
		ref_field(&facts->heap, holder, offset, field, sizeof(field));
	drop_inner(field);
	return ref_place(name, field, buf, HOLDER_TEXT_MAX);
}

static const char *place_text(struct holder_finder *f, uint32_t node,
			      const struct place *place,
			      char buf[HOLDER_TEXT_MAX])
{
	const struct heap *heap = &f->facts->heap;
	char name[HOLDER_TEXT_MAX / 2];
	uint32_t top = top_of(f, node);
	size_t n;

	holder_place(f->facts, place->node, place->offset, buf);
	n = strlen(buf);
	if (top == NODE_NONE || top == place->node || top == node ||
	    heap_is_root(heap, place->node))
		return buf;
	node_label_of(f->facts, top, name, sizeof(name));
	short_name(name, NAME_CELLS);
	snprintf(buf + n, HOLDER_TEXT_MAX - n, ", %s", name);
	return buf;
}

/* A word for places that read alike: kind of holder and offset in it. */
static bool alike(const struct heap *heap, const struct place *a,
		  const struct place *b)
{
	if (heap_is_root(heap, a->node) || heap_is_root(heap, b->node))
		return a->node == b->node;
	return block_key(heap, a->node, false) ==
	       block_key(heap, b->node, false) &&
	       (a->offset == b->offset || heap_count(heap, a->node) > 1);
}

const char *holder_text(struct holder_finder *finder, const uint32_t *nodes,
			size_t n, char buf[HOLDER_TEXT_MAX])
{
	const struct heap *heap = &finder->facts->heap;
	size_t asked = n < ASKED ? n : ASKED, best = 0;
	struct place places[ASKED];
	unsigned votes[ASKED] = {0};

	for (size_t i = 0; i < asked; i++) {
		places[i] = place_of(finder, nodes[i * n / asked]);
		for (size_t k = 0; places[i].node != NODE_NONE && k <= i; k++) {
			if (places[k].node == NODE_NONE ||
			    !alike(heap, &places[k], &places[i]))
				continue;
			votes[k]++;
			break;
		}
	}
	for (size_t i = 1; i < asked; i++)
		best = votes[i] > votes[best] ? i : best;
	if (!votes[best])
		return NULL;
	return place_text(finder, nodes[best * n / asked], &places[best], buf);
}
