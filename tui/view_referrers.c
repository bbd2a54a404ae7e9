/* SPDX-License-Identifier: MIT */
/* Who refers to a block, who refers to those, level by level to the roots. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "base/map.h"
#include "base/progress.h"
#include "base/sorted.h"
#include "tui/row_sort.h"
#include "tui/tree.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_KIND, COL_WHO };

/* The word in a larger source is not looked for: the screen would wait. */
enum { MAX_SOURCE = 8 << 20, TICK = 1 << 16 };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 1,
			   false },
	[COL_KIND] = { "Kind", COLUMN_TEXT, 12, STYLE_DIM, 'K', 2, false },
	[COL_WHO] = { "Who refers to it", COLUMN_TEXT, 0, STYLE_TYPE, 'W', 0,
		      true },
};

struct referrers {
	struct tree tree;	/* id: node */
	struct session *session;
};

static const struct heap *heap_of(const struct tree *tree)
{
	return &((const struct referrers *)tree)->session->facts->heap;
}

/* Best holders first: named roots, other roots, then blocks by the kind of
 * their reference; of those, what retains most. */
static uint64_t rank(const struct facts *facts, uint64_t edge)
{
	const struct heap *heap = &facts->heap;
	uint32_t from = heap->referrers.target[edge];
	uint8_t kind = heap->referrers.kind[edge];
	uint64_t class = 2 + (uint64_t)kind;

	if (heap_is_root(heap, from) && ref_holds(kind))
		class = root_is_named(heap_root(heap, from)->kind) ? 0 : 1;
	return class << 56 |
	       (~facts->dom.retained[from] & ((UINT64_C(1) << 56) - 1));
}

static bool is_above(const struct tree *tree, uint32_t item, uint64_t id)
{
	for (; item != TREE_NONE; item = tree->items.at[item].parent) {
		if (tree->items.at[item].id == id)
			return true;
	}
	return false;
}

/* Add the @n nodes of @from that are not there yet. */
static bool add(struct tree *tree, uint32_t item, const uint32_t *from,
		size_t n)
{
	const struct graph *g = &heap_of(tree)->referrers;
	struct map there = {0};
	bool ok = true;

	for (uint32_t c = tree->items.at[item].first; ok && c != TREE_NONE;
	     c = tree->items.at[c].next)
		ok = map_set(&there, tree->items.at[c].id, 1);
	for (size_t i = 0; ok && i < n; i++) {
		bool inner = graph_row(g, from[i]) <
			     graph_row(g, from[i] + 1) &&
			     !is_above(tree, item, from[i]);

		if (!map_find(&there, from[i]))
			ok = tree_add(tree, item, from[i], inner) != TREE_NONE;
	}
	map_free(&there);
	return ok;
}

static bool find_best(const struct tree *tree, uint64_t first, uint64_t n,
		      struct row_best *best, struct err *err)
{
	const struct facts *f = ((const struct referrers *)tree)->session->facts;
	const uint32_t *from = f->heap.referrers.target;

	for (uint64_t i = first; i < first + n; i++) {
		if (i % TICK == 0) {
			progress_add(TICK);
			if (progress_cancelled())
				return err_set(err, ERR_CANCELLED, "cancelled");
		}
		if (!row_best_offer(best, from[i], rank(f, i)))
			return err_nomem(err, "referrers");
	}
	return row_best_end(best, err);
}

static bool children(struct tree *tree, uint32_t item, uint64_t limit,
		     uint64_t *left, struct err *err)
{
	const struct graph *g = &heap_of(tree)->referrers;
	uint32_t id = (uint32_t)tree->items.at[item].id;
	uint64_t first = graph_row(g, id), n = graph_row(g, id + 1) - first;
	struct row_best best = { .limit = limit, .below = UINT64_MAX };
	bool ok;

	progress_begin("sorting who refers to it", n);
	ok = find_best(tree, first, n, &best, err);
	progress_end();
	if (ok && !add(tree, item, best.rows, best.len))
		ok = err_nomem(err, "referrers");
	*left = n > limit ? n - limit : 0;
	row_best_free(&best);
	return ok;
}

/* How @item refers to its parent; REF_STRONG for the top. */
static uint8_t kind_of(const struct tree *tree, uint32_t item)
{
	const struct graph *g = &heap_of(tree)->refs;
	uint32_t parent = tree->items.at[item].parent;
	uint32_t from = (uint32_t)tree->items.at[item].id;
	uint64_t end = graph_row(g, from + 1), i;

	if (parent == TREE_NONE)
		return REF_STRONG;
	sorted_skip(i, graph_row(g, from), end,
		    g->target[i] < tree->items.at[parent].id);
	return i < end ? g->kind[i] : REF_STRONG;
}

static uint64_t number(struct tree *tree, uint32_t item, int column)
{
	const struct referrers *r = (const struct referrers *)tree;

	if (column == COL_KIND)
		return kind_of(tree, item);
	return r->session->facts->dom.retained[tree->items.at[item].id];
}

/* "Session.next  0x55d0c0ffee00" */
static void who(const struct referrers *r, uint32_t item, char *to,
		size_t size)
{
	const struct heap *heap = &r->session->facts->heap;
	uint32_t parent = r->tree.items.at[item].parent;
	uint32_t node = (uint32_t)r->tree.items.at[item].id;
	char label[1024], field[512] = "";
	uint64_t bytes = heap_is_root(heap, node) ?
			 heap_root(heap, node)->size : heap_size(heap, node);

	if (parent != TREE_NONE && bytes <= MAX_SOURCE) {
		uint64_t offset = ref_offset(
			heap, &r->session->window, node,
			(uint32_t)r->tree.items.at[parent].id);

		if (offset != UINT64_MAX)
			ref_field(heap, node, offset, field, sizeof(field));
	}
	view_label(r->session, node, label, sizeof(label));
	ref_place(label, field, to, size);
	if (node < heap->n_blocks)
		snprintf(to + strlen(to), size - strlen(to), "  0x%" PRIx64,
			 heap->addr[node]);
}

static void text(struct tree *tree, uint32_t item, int column,
		 struct cell_out *out)
{
	const struct referrers *r = (const struct referrers *)tree;
	const struct heap *heap = heap_of(tree);
	uint32_t parent = tree->items.at[item].parent;
	uint64_t id = tree->items.at[item].id;
	size_t n;

	switch (column) {
	case COL_RETAINED:
		view_size_cell(r->session, number(tree, item, column), out);
		return;
	case COL_KIND:
		if (parent != TREE_NONE)
			snprintf(out->text, sizeof(out->text), "%s",
				 ref_kind_names[kind_of(tree, item)]);
		return;
	default:
		break;
	}
	who(r, item, out->text, sizeof(out->text));
	if (heap_is_root(heap, (uint32_t)id))
		out->style = STYLE_KEY;
	n = strlen(out->text);
	if (parent != TREE_NONE && is_above(tree, parent, id))
		snprintf(out->text + n, sizeof(out->text) - n,
			 "  (a cycle: it stands above)");
}

static const struct tree_ops ops = {
	.children = children, .number = number, .text = text,
};

static struct subject subject(void *data, uint32_t row)
{
	const struct tree_item *item = tree_item(data, row);

	if (item->more)
		return (struct subject){ .kind = SUBJECT_NONE };
	return (struct subject){ SUBJECT_NODE, item->id };
}

static void free_referrers(void *data)
{
	struct referrers *r = data;

	tree_free(&r->tree);
	free(r);
}

static const struct view_class referrers_class = {
	.name = "Referrers", .columns = columns, .n_columns = 3,
	.sorted_by = -1,
	.model = {
		.n_rows = tree_n_rows, .cell = tree_cell,
		.number = tree_number, .subject = subject,
		.tree = &tree_functions, .free = free_referrers,
	},
};

struct view *view_referrers_open(struct session *session, uint32_t node,
				 struct err *err)
{
	struct referrers *r = calloc(1, sizeof(*r));
	char label[VIEW_TITLE - 32];
	struct view *v;

	if (!r) {
		err_nomem(err, "referrers");
		return NULL;
	}
	tree_init(&r->tree, &ops, &referrers_class);
	r->session = session;
	if (tree_add(&r->tree, TREE_NONE, node, true) == TREE_NONE ||
	    !tree_load(&r->tree, 0, err) || !tree_show(&r->tree, err)) {
		err_nomem(err, "referrers");
		free_referrers(r);
		return NULL;
	}
	v = view_new(&referrers_class, r, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "who refers to %s",
			 view_node_text(session, node, label, sizeof(label)));
	return v;
}
