/* SPDX-License-Identifier: MIT */
/* Dominators: who retains what, as a tree that unfolds. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/dom_children.h"
#include "analyze/node_label.h"
#include "base/map.h"
#include "base/progress.h"
#include "tui/tree.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_SHARE, COL_BAR, COL_SHALLOW, COL_HOLDER };

/* Levels above a node that its own tree shows; a list may have millions. */
enum { MAX_ABOVE = 64 };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 0, false },
	[COL_SHARE] = { "Share", COLUMN_RIGHT, 7, STYLE_NORMAL, 0, 3, false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 2, false },
	[COL_SHALLOW] = { "Shallow", COLUMN_SIZE, 10, STYLE_SIZE, 'S', 4, false },
	[COL_HOLDER] = { "Holder", COLUMN_TEXT, 0, STYLE_TYPE, 'H', 0, true },
};

struct holders {
	struct tree tree;	/* id: id of the dominator tree */
	struct session *session;
};

static const struct dominators *dom_of(const struct tree *tree)
{
	return &((const struct holders *)tree)->session->facts->dom;
}

static bool is_inner(const struct dominators *dom, uint32_t id)
{
	uint32_t p = dom->position[id];

	return dom->end[p] > p + 1;
}

/* Those that hold nothing (roots that share all they hold) are no news. */
static bool add_children(struct tree *tree, uint32_t item,
			 const struct dom_children *children, struct err *err)
{
	const struct dominators *dom = dom_of(tree);
	struct map there = {0};
	bool ok = true;

	for (uint32_t c = tree->items.at[item].first; ok && c != TREE_NONE;
	     c = tree->items.at[c].next)
		ok = map_set(&there, tree->items.at[c].id, 1);
	for (size_t i = 0; ok && i < children->id.len; i++) {
		uint32_t id = children->id.at[i];

		if (!map_find(&there, id) && dom->retained[id] > 0)
			ok = tree_add(tree, item, id, is_inner(dom, id)) !=
			     TREE_NONE;
	}
	map_free(&there);
	return ok || err_nomem(err, "the dominator tree");
}

static bool children(struct tree *tree, uint32_t item, uint64_t limit,
		     uint64_t *left, struct err *err)
{
	struct dom_children list;
	bool ok;

	progress_begin("sorting what it holds", 0);
	ok = dom_children_build(dom_of(tree),
				(uint32_t)tree->items.at[item].id, limit, &list,
				err);
	progress_end();
	if (!ok)
		return false;
	ok = add_children(tree, item, &list, err);
	*left = list.left_bytes > 0 ? list.left_out : 0;
	dom_children_free(&list);
	return ok;
}

static uint64_t shallow(const struct tree *tree, uint32_t item)
{
	const struct holders *h = (const struct holders *)tree;
	const struct heap *heap = &h->session->facts->heap;
	uint64_t id = tree->items.at[item].id;

	return id < heap->n_blocks ? heap_size(heap, id) : 0;
}

static uint64_t number(struct tree *tree, uint32_t item, int column)
{
	const struct dominators *dom = dom_of(tree);
	uint64_t retained = dom->retained[tree->items.at[item].id];

	switch (column) {
	case COL_BAR:
		return thousandths(retained, dom->retained[dom_root(dom)]);
	case COL_SHALLOW:
		return shallow(tree, item);
	default:
		return retained;
	}
}

static void text(struct tree *tree, uint32_t item, int column,
		 struct cell_out *out)
{
	const struct holders *h = (const struct holders *)tree;
	const struct dominators *dom = dom_of(tree);
	uint32_t id = (uint32_t)tree->items.at[item].id;

	switch (column) {
	case COL_SHARE:
		view_share_cell(dom->retained[id],
				dom->retained[dom_root(dom)], out);
		break;
	case COL_HOLDER:
		view_node_text(h->session, id, out->text, sizeof(out->text));
		if (id > dom->n_nodes)
			out->style = STYLE_LEAK;
		break;
	case COL_SHALLOW:
		if (id < h->session->facts->heap.n_blocks)
			view_size_cell(h->session, shallow(tree, item), out);
		break;
	default:
		view_size_cell(h->session, dom->retained[id], out);
	}
}

static const struct tree_ops ops = {
	.children = children, .number = number, .text = text,
};

static struct subject subject(void *data, uint32_t row)
{
	const struct holders *h = data;
	const struct tree_item *item = tree_item(&h->tree, row);
	uint32_t n_nodes = h->session->facts->dom.n_nodes;

	if (item->more)
		return (struct subject){ .kind = SUBJECT_NONE };
	if (item->id > n_nodes)
		return (struct subject){ SUBJECT_GROUP,
					 item->id - n_nodes - 1 };
	return (struct subject){ SUBJECT_NODE, item->id };
}

static void free_holders(void *data)
{
	struct holders *h = data;

	tree_free(&h->tree);
	free(h);
}

static const struct view_class holders_class = {
	.name = "Dominators", .columns = columns, .n_columns = 5,
	.sorted_by = COL_RETAINED, .descending = true,
	.model = {
		.n_rows = tree_n_rows, .cell = tree_cell,
		.number = tree_number, .subject = subject,
		.tree = &tree_functions, .free = free_holders,
	},
};

static struct holders *new_holders(struct session *session, struct err *err)
{
	struct holders *h = calloc(1, sizeof(*h));

	if (!h) {
		err_nomem(err, "the dominator tree");
		return NULL;
	}
	tree_init(&h->tree, &ops, &holders_class);
	h->session = session;
	return h;
}

static struct view *show(struct holders *h, const char *title,
			 struct err *err)
{
	struct view *v;

	if (!tree_show(&h->tree, err)) {
		free_holders(h);
		return NULL;
	}
	v = view_new(&holders_class, h, h->session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "%s", title);
	return v;
}

struct view *view_dominators_open(struct session *session, struct err *err)
{
	struct holders *h = new_holders(session, err);

	if (!h)
		return NULL;
	h->tree.hidden = tree_add(&h->tree, TREE_NONE,
				  dom_root(&session->facts->dom), true);
	if (h->tree.hidden == TREE_NONE ||
	    !tree_load(&h->tree, h->tree.hidden, err)) {
		err_nomem(err, "the dominator tree");
		free_holders(h);
		return NULL;
	}
	return show(h, "Dominators", err);
}

static bool only_child(const struct dominators *dom, uint32_t above,
		       uint32_t id)
{
	uint32_t p = dom->position[above];

	return dom->position[id] == p + 1 &&
	       dom->end[dom->position[id]] == dom->end[p];
}

/* Add the levels above @id, @n of them, and it; returns its item. */
static uint32_t add_chain(struct holders *h, uint32_t id, uint32_t n)
{
	const struct dominators *dom = &h->session->facts->dom;
	uint32_t chain[MAX_ABOVE + 1], item = TREE_NONE;

	for (uint32_t i = n + 1; i-- > 0; id = dom_idom(dom, id))
		chain[i] = id;
	for (uint32_t i = 0; i <= n; i++) {
		uint32_t above = item;
		bool alone = i == 0 || only_child(dom, chain[i - 1], chain[i]);

		item = tree_add(&h->tree, above, chain[i],
				is_inner(dom, chain[i]));
		/* How many others there are would have to be counted. */
		if (item == TREE_NONE ||
		    (above != TREE_NONE &&
		     !tree_others(&h->tree, above,
				  alone ? 0 : TREE_UNCOUNTED)))
			return TREE_NONE;
	}
	return item;
}

struct view *view_dominator_chain_open(struct session *session, uint32_t id,
				       struct err *err)
{
	const struct dominators *dom = &session->facts->dom;
	char title[VIEW_TITLE], label[VIEW_TITLE - 32];
	struct holders *h;
	uint32_t n = 0, item;
	struct view *v;

	if (!dom_has(dom, id)) {
		err_set(err, ERR_FORMAT, "it is in no dominator tree: nothing "
			"that holds memory leads to it");
		return NULL;
	}
	h = new_holders(session, err);
	if (!h)
		return NULL;
	for (uint32_t up = dom_idom(dom, id); up != dom_root(dom) && n < MAX_ABOVE;
	     up = dom_idom(dom, up))
		n++;
	item = add_chain(h, id, n);
	if (item == TREE_NONE || !tree_load(&h->tree, item, err)) {
		err_nomem(err, "the dominator tree");
		free_holders(h);
		return NULL;
	}
	snprintf(title, sizeof(title), "dominators of %s",
		 view_node_text(session, id, label, sizeof(label)));
	v = show(h, title, err);
	for (uint32_t i = 0; v && i < v->n_shown; i++) {
		if (h->tree.rows.at[i] == item)
			v->selected = i;
	}
	return v;
}
