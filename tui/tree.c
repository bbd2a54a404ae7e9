/* SPDX-License-Identifier: MIT */
#include "tui/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/arena.h"
#include "base/progress.h"

/* What one `*` may unfold. */
enum { MAX_UNFOLDED = 1000 };

void tree_init(struct tree *tree, const struct tree_ops *ops,
	       const struct view_class *class)
{
	*tree = (struct tree){
		.ops = ops, .class = class, .first = TREE_NONE,
		.last = TREE_NONE, .hidden = TREE_NONE, .sort_column = -1,
	};
}

void tree_free(struct tree *tree)
{
	vec_free(&tree->items);
	vec_free(&tree->rows);
}

uint32_t tree_add(struct tree *tree, uint32_t parent, uint64_t id, bool inner)
{
	struct tree_item item = {
		.id = id, .parent = parent, .first = TREE_NONE,
		.last = TREE_NONE, .next = TREE_NONE, .inner = inner,
	};
	uint32_t at = (uint32_t)tree->items.len;
	uint32_t *first = &tree->first, *last = &tree->last;

	if (tree->items.len >= TREE_NONE)
		return TREE_NONE;
	if (parent != TREE_NONE)
		item.depth = tree->items.at[parent].depth + 1;
	if (!vec_push(&tree->items, item))
		return TREE_NONE;
	if (parent != TREE_NONE) {
		first = &tree->items.at[parent].first;
		last = &tree->items.at[parent].last;
		tree->items.at[parent].n_children++;
	}
	if (*last == TREE_NONE)
		*first = at;
	else
		tree->items.at[*last].next = at;
	*last = at;
	return at;
}

/* The item "more" stands last; while children are added, it is taken off. */
static uint32_t take_more(struct tree *tree, uint32_t item)
{
	struct tree_item *items = tree->items.at, *parent = &items[item];
	uint32_t more = parent->last, before = TREE_NONE;

	if (more == TREE_NONE || !items[more].more)
		return TREE_NONE;
	for (uint32_t c = parent->first; c != more; c = items[c].next)
		before = c;
	parent->last = before;
	if (before == TREE_NONE)
		parent->first = TREE_NONE;
	else
		items[before].next = TREE_NONE;
	parent->n_children--;
	return more;
}

static bool put_more(struct tree *tree, uint32_t item, uint32_t more,
		     uint64_t left)
{
	struct tree_item *items;

	if (left == 0)
		return true;
	if (more == TREE_NONE) {
		more = tree_add(tree, item, 0, true);
		if (more == TREE_NONE)
			return false;
	} else {
		items = tree->items.at;
		if (items[item].last == TREE_NONE)
			items[item].first = more;
		else
			items[items[item].last].next = more;
		items[item].last = more;
		items[item].n_children++;
	}
	tree->items.at[more].next = TREE_NONE;
	tree->items.at[more].more = true;
	tree->items.at[more].left = left;
	return true;
}

bool tree_others(struct tree *tree, uint32_t item, uint64_t left)
{
	tree->items.at[item].loaded = true;
	tree->items.at[item].open = true;
	return put_more(tree, item, TREE_NONE, left);
}

struct sibling {
	uint64_t number;
	const char *text;	/* "" when they go by number */
	uint32_t item;
	bool more;		/* last in any order */
	bool descending;
};

static int by_column(const void *a, const void *b)
{
	const struct sibling *x = a, *y = b;
	int order;

	if (x->more != y->more)
		return x->more ? 1 : -1;
	order = strcasecmp(x->text, y->text);
	if (order == 0)
		order = (x->number > y->number) - (x->number < y->number);
	if (order == 0)
		return (x->item > y->item) - (x->item < y->item);
	return x->descending ? -order : order;
}

static bool collect(struct tree *tree, uint32_t first, struct sibling *at,
		    struct arena *arena)
{
	bool by_text = tree->class->columns[tree->sort_column].by_text;
	struct cell_out out;

	for (uint32_t c = first; c != TREE_NONE;
	     c = tree->items.at[c].next, at++) {
		*at = (struct sibling){
			.item = c, .text = "", .descending = tree->descending,
			.more = tree->items.at[c].more,
		};
		if (at->more)
			continue;
		if (!by_text) {
			at->number = tree->ops->number(tree, c,
						       tree->sort_column);
			continue;
		}
		out.text[0] = '\0';
		tree->ops->text(tree, c, tree->sort_column, &out);
		at->text = arena_text(arena, out.text, strlen(out.text));
		if (!at->text)
			return false;
	}
	return true;
}

/* Put the items behind *@first into the order of the column. */
static bool sort_siblings(struct tree *tree, uint32_t *first, uint32_t *last)
{
	struct arena arena = {0};
	struct sibling *all;
	size_t n = 0;
	bool ok;

	for (uint32_t c = *first; c != TREE_NONE; c = tree->items.at[c].next)
		n++;
	if (n < 2)
		return true;
	all = calloc(n, sizeof(*all));
	ok = all && collect(tree, *first, all, &arena);
	if (ok) {
		qsort(all, n, sizeof(*all), by_column);
		*first = all[0].item;
		*last = all[n - 1].item;
		for (size_t i = 0; i < n; i++)
			tree->items.at[all[i].item].next =
				i + 1 < n ? all[i + 1].item : TREE_NONE;
	}
	free(all);
	arena_free(&arena);
	return ok;
}

/* Put the items below @item, or the first level, into the order asked for. */
static bool sort_children(struct tree *tree, uint32_t item)
{
	if (tree->sort_column < 0 || (tree->ops->keeps_order &&
				      tree->ops->keeps_order(tree, item)))
		return true;
	if (item == TREE_NONE)
		return sort_siblings(tree, &tree->first, &tree->last);
	/* Sorting adds no items, so these stay where they are. */
	return sort_siblings(tree, &tree->items.at[item].first,
			     &tree->items.at[item].last);
}

bool tree_load(struct tree *tree, uint32_t item, struct err *err)
{
	uint32_t more = take_more(tree, item);
	uint64_t limit = (uint64_t)tree->items.at[item].n_children +
			 TREE_BATCH, left = 0;
	bool ok = tree->ops->children(tree, item, limit, &left, err);

	/* What failed can be tried again: it is all left. */
	if (!ok && more != TREE_NONE)
		left = tree->items.at[more].left;
	if (!put_more(tree, item, more, left) || !sort_children(tree, item))
		return err_nomem(err, "a tree");
	if (!ok)
		return false;
	tree->items.at[item].loaded = true;
	tree->items.at[item].inner = tree->items.at[item].first != TREE_NONE;
	tree->items.at[item].open = tree->items.at[item].inner;
	return true;
}

bool tree_show(struct tree *tree, struct err *err)
{
	const struct tree_item *items = tree->items.at;
	uint32_t at = tree->first;

	tree->rows.len = 0;
	if (tree->hidden != TREE_NONE)
		at = items[tree->hidden].first;
	while (at != TREE_NONE) {
		if (!vec_push(&tree->rows, at))
			return err_nomem(err, "a tree");
		if (items[at].open && items[at].first != TREE_NONE) {
			at = items[at].first;
			continue;
		}
		while (at != tree->hidden && at != TREE_NONE &&
		       items[at].next == TREE_NONE)
			at = items[at].parent;
		if (at == tree->hidden)
			break;
		if (at != TREE_NONE)
			at = items[at].next;
	}
	return true;
}

static bool open_item(struct tree *tree, uint32_t at, struct err *err)
{
	struct tree_item *item = &tree->items.at[at];

	if (item->more)
		return tree_load(tree, item->parent, err);
	if (!item->inner)
		return true;
	if (!item->loaded)
		return tree_load(tree, at, err);
	item->open = true;
	return true;
}

/* Breadth first, so that the levels near the item come first. */
static bool open_below(struct tree *tree, uint32_t item, struct err *err)
{
	VEC(uint32_t) queue = {0};
	bool ok = vec_push(&queue, item);

	progress_begin("unfolding", MAX_UNFOLDED);
	for (size_t i = 0; ok && i < queue.len && i < MAX_UNFOLDED &&
	     tree->items.len < TREE_MAX_ITEMS; i++) {
		ok = open_item(tree, queue.at[i], err);
		progress_add(1);
		if (progress_cancelled())
			break;
		for (uint32_t c = tree->items.at[queue.at[i]].first;
		     ok && c != TREE_NONE; c = tree->items.at[c].next)
			ok = tree->items.at[c].more || vec_push(&queue, c);
	}
	progress_end();
	vec_free(&queue);
	return ok || err_nomem(err, "a tree");
}

uint32_t tree_n_rows(const void *data)
{
	const struct tree *tree = data;

	return (uint32_t)tree->rows.len;
}

void tree_cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	struct tree *tree = data;
	const struct tree_item *item = tree_item(tree, row);

	if (!item->more) {
		tree->ops->text(tree, tree->rows.at[row], column, out);
		return;
	}
	if (tree->class->columns[column].width != 0)
		return;
	out->style = STYLE_DIM;
	if (item->left == TREE_UNCOUNTED)
		snprintf(out->text, sizeof(out->text),
			 "... others; + loads them");
	else
		snprintf(out->text, sizeof(out->text),
			 "... %" PRIu64 " more; + loads the next", item->left);
}

uint64_t tree_number(void *data, uint32_t row, int column)
{
	struct tree *tree = data;

	return tree_item(tree, row)->more ? 0 :
	       tree->ops->number(tree, tree->rows.at[row], column);
}

static uint32_t depth(const void *data, uint32_t row)
{
	const struct tree *tree = data;

	return tree_item(tree, row)->depth - (tree->hidden != TREE_NONE);
}

static enum fold fold(const void *data, uint32_t row)
{
	const struct tree_item *item = tree_item(data, row);

	return !item->inner ? FOLD_NONE : item->open ? FOLD_OPEN : FOLD_CLOSED;
}

static bool unfold(void *data, uint32_t row, bool all, struct err *err)
{
	struct tree *tree = data;
	uint32_t item = tree->rows.at[row];
	bool ok = all && !tree->items.at[item].more ?
		  open_below(tree, item, err) : open_item(tree, item, err);

	return tree_show(tree, err) && ok;
}

/* Fewer rows always fit into the memory that is there. */
static void close_item(void *data, uint32_t row)
{
	struct tree *tree = data;
	struct err err = {0};

	tree->items.at[tree->rows.at[row]].open = false;
	(void)tree_show(tree, &err);
}

static bool sort(void *data, int column, bool descending, struct err *err)
{
	struct tree *tree = data;

	tree->sort_column = column;
	tree->descending = descending;
	if (!sort_children(tree, TREE_NONE))
		return err_nomem(err, "sorting");
	for (uint32_t i = 0; i < tree->items.len; i++) {
		if (!sort_children(tree, i))
			return err_nomem(err, "sorting");
	}
	return tree_show(tree, err);
}

const struct tree_model tree_functions = {
	.depth = depth, .fold = fold, .unfold = unfold, .close = close_item,
	.sort = sort,
};
