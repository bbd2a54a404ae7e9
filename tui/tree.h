/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Trees that unfold: the model behind every view with `+` and `-`.
 *
 * Items are loaded when their parent is unfolded, at most TREE_BATCH at a
 * time; what is left stands behind them as one item "more", which loads the
 * next. So a node with a million children unfolds at once, and a tree may be
 * as deep, or as endless, as it likes. Rows are the items in sight.
 *
 * A view with a tree puts `struct tree` first in its data and takes
 * tree_functions for its model.
 */
#ifndef TUI_TREE_H
#define TUI_TREE_H

#include "base/vec.h"
#include "tui/view.h"

enum { TREE_BATCH = 1000, TREE_MAX_ITEMS = 200000 };

#define TREE_NONE UINT32_MAX
#define TREE_UNCOUNTED UINT64_MAX

struct tree_item {
	uint64_t id;		/* the view's: a node */
	uint32_t parent, first, last, next;	/* items, or TREE_NONE */
	uint32_t depth;
	uint32_t n_children;	/* loaded */
	uint64_t left;		/* of an item "more": children not loaded, or
				 * TREE_UNCOUNTED */
	bool more;
	bool inner;		/* may have children */
	bool loaded, open;
};

struct tree;

struct tree_ops {
	/**
	 * Add children of @item with tree_add(), so that there are @limit of
	 * them with those that are there already, or all; those there already
	 * are not added twice. *@left is the number of further ones.
	 */
	bool (*children)(struct tree *tree, uint32_t item, uint64_t limit,
			 uint64_t *left, struct err *err);
	uint64_t (*number)(struct tree *tree, uint32_t item, int column);
	void (*text)(struct tree *tree, uint32_t item, int column,
		     struct cell_out *out);
	/** Do the items below @item (TREE_NONE: the first level) stay as they
	 * were added, whatever they are sorted by? NULL: none do. */
	bool (*keeps_order)(const struct tree *tree, uint32_t item);
};

struct tree {
	const struct tree_ops *ops;
	const struct view_class *class;
	VEC(struct tree_item) items;
	VEC(uint32_t) rows;	/* items in sight */
	uint32_t first, last;	/* without a parent */
	uint32_t hidden;	/* item of which only the children are shown,
				 * or TREE_NONE */
	int sort_column;	/* -1: as loaded */
	bool descending;
};

void tree_init(struct tree *tree, const struct tree_ops *ops,
	       const struct view_class *class);
void tree_free(struct tree *tree);

/** Add a child behind the others of @parent, or of none (TREE_NONE). Returns
 * the item; TREE_NONE on no memory. Call tree_show() when all are there. */
uint32_t tree_add(struct tree *tree, uint32_t parent, uint64_t id, bool inner);

/** Load the next children of @item and unfold it. */
bool tree_load(struct tree *tree, uint32_t item, struct err *err);

/** Unfold @item, whose further children, @left of them, can be loaded. False
 * on no memory. */
bool tree_others(struct tree *tree, uint32_t item, uint64_t left);

/** Recompute the rows. */
bool tree_show(struct tree *tree, struct err *err);

static inline const struct tree_item *tree_item(const struct tree *tree,
						uint32_t row)
{
	return &tree->items.at[tree->rows.at[row]];
}

/** Model functions for data that begins with a struct tree. Rows of `more`
 * get the text "... 17 more" in the column of width 0. */
uint32_t tree_n_rows(const void *data);
void tree_cell(void *data, uint32_t row, int column, struct cell_out *out);
uint64_t tree_number(void *data, uint32_t row, int column);

extern const struct tree_model tree_functions;

#endif
