/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which rows of a view hold a text.
 *
 * A model that can tell without its cells (view.h) is asked by several
 * threads, in the order of its rows, which is that of the file; else each
 * cell is formatted. All reports progress and can be cancelled.
 */
#ifndef TUI_ROW_FIND_H
#define TUI_ROW_FIND_H

#include "tui/view.h"

/** Does a cell with @text hold @pattern? Small letters match capital ones. */
bool text_holds(const char *text, const char *pattern);

/**
 * The rows that hold @pattern, and in a tree those above them, in @order
 * (room for all rows) in the model's order. *@n is their number.
 */
bool rows_that_hold(struct view *v, const char *pattern, uint32_t *order,
		    uint32_t *n, struct err *err) MUST_CHECK;

/** The position of the first shown row that holds @pattern, from @from on down
 * or up, and round; v->n_shown when none does. */
bool row_find(struct view *v, const char *pattern, uint32_t from, bool down,
	      uint32_t *ret, struct err *err) MUST_CHECK;

#endif
