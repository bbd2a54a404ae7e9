/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A view is a table: a name, columns, and a model that answers for cells.
 *
 * What every table does alike (moving, scrolling, sorting, searching,
 * filtering, folding, drawing) is in tui/table.c, once. A view's own file
 * holds only what is particular to it. A model numbers its rows from 0 in an
 * order of its own; the table keeps the order that is shown, so a model is
 * never sorted, and rows of a million blocks cost nothing until somebody
 * looks at them.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tui/keymap.h"
#include "tui/row_order.h"
#include "tui/screen.h"

struct session;

enum { CELL_OUT = 2048, VIEW_TITLE = 512, PATTERN_MAX = 128 };

enum column_kind {
	COLUMN_TEXT,		/* to the left */
	COLUMN_RIGHT,		/* text to the right */
	COLUMN_SIZE,		/* wider when units are exact */
	COLUMN_BAR,		/* number() is in thousandths */
};

struct column {
	const char *title;
	enum column_kind kind;
	int width;		/* cells; 0 takes what is left */
	enum style style;
	char sort_key;		/* the key that sorts by it, or 0 */
	/* Columns leave a narrow screen in this order, highest first; 0 stays. */
	int drop;
	bool by_text;		/* sorts by its text, not by number() */
};

/* A cell as its model formats it: raw text, which the grid escapes. */
struct cell_out {
	char text[CELL_OUT];
	enum style style;	/* the column's, unless the model changes it */
};

/* What a row is about, for the keys that ask about it. */
enum subject_kind {
	SUBJECT_NONE,
	SUBJECT_NODE,		/* id: a node of the heap */
	SUBJECT_TYPE,		/* id: block_key(), untyped ones not by size */
	SUBJECT_GROUP,		/* id: a group of leaks */
	SUBJECT_CYCLES,		/* id: a group of cycles */
	SUBJECT_CHANGE,		/* id: a row of the comparison */
	SUBJECT_TAB,		/* id: the digit of a view */
	SUBJECT_THREAD,		/* id: index of a thread that has frames */
	SUBJECT_WASTE,		/* the views of waste and of counts */
	SUBJECT_COUNTS,
	SUBJECT_COPIES,		/* id: a group of the session's duplicates */
};

struct subject {
	enum subject_kind kind;
	uint64_t id;
};

enum fold { FOLD_NONE, FOLD_CLOSED, FOLD_OPEN };

/* What a tree adds; rows are the unfolded items in order. */
struct tree_model {
	uint32_t (*depth)(const void *data, uint32_t row);
	enum fold (*fold)(const void *data, uint32_t row);
	/**
	 * Show or hide what is below @row, or with @all everything below that
	 * a bound allows. Rows behind it move.
	 */
	bool (*unfold)(void *data, uint32_t row, bool all, struct err *err);
	void (*close)(void *data, uint32_t row);
	/** Order the items of one parent by @column. */
	bool (*sort)(void *data, int column, bool descending, struct err *err);
};

struct model {
	uint32_t (*n_rows)(const void *data);
	/** Format one cell; never fails. */
	void (*cell)(void *data, uint32_t row, int column,
		     struct cell_out *out);
	/** What sorting and bars go by; may be NULL when no column needs it. */
	uint64_t (*number)(void *data, uint32_t row, int column);
	bool pure_number;	/* several threads may call number() at once */
	/**
	 * Prepare to look for @pattern in millions of rows; NULL when only
	 * their cells tell. match() answers as these would, @worker as in
	 * base/pool.h. May all be NULL.
	 */
	void *(*match_new)(void *data, const char *pattern);
	bool (*match)(void *data, void *match, uint32_t row, unsigned worker);
	void (*match_free)(void *match);
	/** Rows that have a bar; NULL: all. */
	bool (*has_bar)(void *data, uint32_t row);
	/** NULL: no row is about anything. */
	struct subject (*subject)(void *data, uint32_t row);
	/** What the whole view is about: asked by all keys but those that
	 * open a row. NULL: each row is asked. */
	struct subject (*about)(void *data);
	const struct tree_model *tree;	/* NULL: flat */
	/** A line above the columns; false: there are no more. May be NULL. */
	bool (*head)(void *data, int line, struct cell_out *out);
	void (*free)(void *data);
};

struct view_class {
	const char *name;	/* in the help and as name of saved files */
	const struct column *columns;
	int n_columns;
	int least;		/* cells of the column of width 0 on a screen of
				 * 80, below which others leave; 0: 24 */
	int sorted_by;		/* column of the model's own order, or -1 */
	bool descending;
	struct model model;
};

struct view {
	const struct view_class *class;
	void *data;		/* owned; class->model.free() */
	struct session *session;	/* borrowed */
	char title[VIEW_TITLE];
	struct view *parent;	/* where it was opened, or NULL */

	/* The table's: positions count shown rows. */
	uint32_t top, selected;
	int sort_column;
	bool descending;
	struct row_order order;	/* of the rows that are shown */
	uint32_t n_shown;
	char filter[PATTERN_MAX], search[PATTERN_MAX];
	int skip;		/* cells of the widest column left out */
	int page;		/* rows that fit on the screen, as last drawn */
	bool used;		/* the browser's mark: still needed */
};

/**
 * A view of @data, which it takes over even on failure (NULL on no memory).
 * Owned by the caller; release with view_free().
 */
struct view *view_new(const struct view_class *class, void *data,
		      struct session *session, struct err *err);

void view_free(struct view *view);

#endif
