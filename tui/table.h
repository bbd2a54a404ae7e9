/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What every view does alike: moving, scrolling, sorting, searching,
 * filtering, folding, drawing.
 *
 * Cost of a key: O(rows on the screen), but for sorting, filtering and
 * searching, which look at all rows, report progress and can be cancelled;
 * a view stays as it was then.
 */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include "tui/view.h"

/** Draw columns and rows into @n_lines lines of @s from @line on. */
void table_draw(struct view *v, struct screen *s, int line, int n_lines);

/**
 * Do @command if it is a table's. *@done tells whether it was. False with an
 * error when it failed or was cancelled.
 */
bool table_command(struct view *v, enum command command, bool *done,
		   struct err *err);

/** Sort by the column of letter @key, again to reverse. *@done as above. */
bool table_sort_key(struct view *v, int key, bool *done, struct err *err);

/** Show only rows that hold @pattern; "" shows all. */
bool table_filter(struct view *v, const char *pattern, struct err *err);

/** Go to the next row that holds @pattern, the selected one included. */
bool table_search(struct view *v, const char *pattern, struct err *err);

/** The model's row at shown position @position. */
uint32_t table_row(struct view *v, uint32_t position);

/** Select the model's @row, if it is shown. */
void table_select(struct view *v, uint32_t row);

/** The rows of the model have changed; @keep stays selected. */
bool table_changed(struct view *v, uint32_t keep, struct err *err);

/** What @command asks about: the selected row, or what the view is about. */
struct subject table_subject(struct view *v, enum command command);

/** Write all shown rows as text with full columns. ERR_IO, ERR_CANCELLED. */
bool table_save(struct view *v, const char *path, struct err *err);

#endif
