/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where the columns of a table stand on a line, and one line of it.
 *
 * Columns keep their width; the one of width 0 takes what is left. When that
 * is too little, columns leave by their `drop`, so that a screen of 20
 * columns still shows the two that matter.
 */
#ifndef TUI_TABLE_LAYOUT_H
#define TUI_TABLE_LAYOUT_H

#include "tui/view.h"

enum { LAYOUT_MAX_COLUMNS = 12, SAVE_COLUMNS = 1000 };

struct layout {
	int col[LAYOUT_MAX_COLUMNS];	/* where it begins */
	int width[LAYOUT_MAX_COLUMNS];	/* 0: not shown */
};

/** The layout of @v on lines of @cols cells. */
struct layout layout_of(const struct view *v, int cols);

void layout_header(const struct view *v, struct screen *s, int line,
		   const struct layout *layout);

/** Draw the row shown at @position. */
void layout_row(struct view *v, struct screen *s, int line, uint32_t position,
		const struct layout *layout);

#endif
