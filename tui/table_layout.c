/* SPDX-License-Identifier: MIT */
#include "tui/table_layout.h"

#include <string.h>

#include "tui/session.h"
#include "tui/table.h"

/* The first cell of a line marks the selected row, for screens that have no
 * other way to show it. */
enum { MARKER = 1, EXACT_SIZE = 15, WIDE_ENOUGH = 60, LEAST = 24 };

static int wished_width(const struct view *v, const struct column *column)
{
	if (column->kind == COLUMN_SIZE && v->session && v->session->exact &&
	    column->width < EXACT_SIZE)
		return EXACT_SIZE;
	return column->width;
}

/* What the open-ended column gets; negative when the others need too much. */
static int rest(const struct view *v, const struct layout *layout, int cols,
		int gap)
{
	int left = cols - MARKER + gap;

	for (int c = 0; c < v->class->n_columns; c++) {
		if (layout->width[c] > 0)
			left -= layout->width[c] + gap;
		else if (v->class->columns[c].width == 0)
			left -= gap;
	}
	return left;
}

/* The column that leaves next, or -1. */
static int droppable(const struct view *v, const struct layout *layout)
{
	int drop = -1;

	for (int c = 0; c < v->class->n_columns; c++) {
		const struct column *column = &v->class->columns[c];

		if (layout->width[c] > 0 && column->drop > 0 &&
		    (drop < 0 || column->drop > v->class->columns[drop].drop))
			drop = c;
	}
	return drop;
}

struct layout layout_of(const struct view *v, int cols)
{
	int gap = cols >= WIDE_ENOUGH ? 2 : 1, drop, at = MARKER;
	int least = cols < WIDE_ENOUGH ? cols / 2 :
		    v->class->least ? v->class->least : LEAST;
	struct layout layout = {0};

	for (int c = 0; c < v->class->n_columns; c++)
		layout.width[c] = wished_width(v, &v->class->columns[c]);
	while (rest(v, &layout, cols, gap) < least) {
		drop = droppable(v, &layout);
		if (drop < 0)
			break;
		layout.width[drop] = 0;
	}
	for (int c = 0; c < v->class->n_columns; c++) {
		if (v->class->columns[c].width == 0) {
			int left = rest(v, &layout, cols, gap);

			layout.width[c] = left > 0 ? left : 0;
			break;
		}
	}
	for (int c = 0; c < v->class->n_columns; c++) {
		layout.col[c] = at;
		if (layout.width[c] > 0)
			at += layout.width[c] + gap;
	}
	return layout;
}

/* Mark the letter that sorts by the column. */
static void mark_key(struct screen *s, int line, int col, int width,
		     const struct column *column)
{
	const char *at = column->sort_key ?
			 strchr(column->title, column->sort_key) : NULL;
	int offset = at ? (int)(at - column->title) : 0;

	if (column->kind != COLUMN_TEXT)
		offset += width - screen_width(s, column->title);
	if (at && offset >= 0 && offset < width)
		screen_style(s, line, col + offset, 1, STYLE_KEY);
}

static void draw_title(const struct view *v, struct screen *s, int line, int c,
		       const struct layout *layout)
{
	const struct column *column = &v->class->columns[c];
	int col = layout->col[c], width = layout->width[c];
	bool sorted = c == v->sort_column && column->title[0];

	if (sorted) {
		screen_glyph(s, line, column->kind == COLUMN_TEXT ?
			      col + (int)strlen(column->title) + 1 :
			      col + width - 1, STYLE_HEADER,
			      v->descending ? GLYPH_DESCENDING :
					      GLYPH_ASCENDING);
	}
	if (column->kind == COLUMN_TEXT) {
		int n = (int)strlen(column->title);

		screen_text(s, line, col, n < width ? n : width, STYLE_HEADER,
			    column->title);
	} else {
		width -= sorted ? 1 : 0;
		screen_right(s, line, col, width, STYLE_HEADER, column->title);
	}
	mark_key(s, line, col, width, column);
}

void layout_header(const struct view *v, struct screen *s, int line,
		   const struct layout *layout)
{
	screen_text(s, line, 0, s->cols, STYLE_HEADER, "");
	for (int c = 0; c < v->class->n_columns; c++) {
		if (layout->width[c] > 0)
			draw_title(v, s, line, c, layout);
	}
}

static void draw_bar(struct screen *s, int line, int col, int width,
		     uint64_t share)
{
	int inner = width - 2;
	int full = (int)(((share > 1000 ? 1000 : share) * (uint64_t)inner +
			  500) / 1000);

	screen_text(s, line, col, width, STYLE_DIM, "[");
	for (int i = 0; i < full; i++)
		screen_glyph(s, line, col + 1 + i, STYLE_SIZE, GLYPH_BAR);
	screen_text(s, line, col + width - 1, 1, STYLE_DIM, "]");
}

/* Lines for the levels above and the sign of folding; deep levels, which
 * would leave no room for a name, are counted instead. Returns the cells. */
static int draw_levels(struct view *v, struct screen *s, int line, int col,
		       int width, uint32_t row)
{
	const struct tree_model *tree = v->class->model.tree;
	uint32_t depth = tree->depth(v->data, row);
	uint32_t most = (uint32_t)width / 4;
	enum fold fold = tree->fold(v->data, row);
	int at = col;
	char text[16];

	if (depth > most) {
		snprintf(text, sizeof(text), "%u:", depth);
		at = screen_text(s, line, at, (int)strlen(text), STYLE_DIM,
				 text);
	} else {
		for (uint32_t i = 0; i < depth; i++) {
			screen_glyph(s, line, at, STYLE_DIM, GLYPH_LEVEL);
			at += 2;
		}
	}
	if (fold != FOLD_NONE)
		screen_glyph(s, line, at, STYLE_KEY, fold == FOLD_OPEN ?
			      GLYPH_UNFOLDED : GLYPH_FOLDED);
	return at + 2 - col;
}

static void draw_cell(struct view *v, struct screen *s, int line, uint32_t row,
		      int c, const struct layout *layout)
{
	const struct column *column = &v->class->columns[c];
	int col = layout->col[c], width = layout->width[c];
	struct cell_out out;

	if (column->kind == COLUMN_BAR) {
		if (!v->class->model.has_bar ||
		    v->class->model.has_bar(v->data, row))
			draw_bar(s, line, col, width,
				 v->class->model.number(v->data, row, c));
		return;
	}
	out.text[0] = '\0';
	out.style = column->style;
	v->class->model.cell(v->data, row, c, &out);
	if (column->kind != COLUMN_TEXT) {
		screen_right(s, line, col, width, out.style, out.text);
		return;
	}
	if (column->width == 0 && v->class->model.tree) {
		int levels = draw_levels(v, s, line, col, width, row);

		col += levels;
		width -= levels;
	}
	if (width > 0)
		screen_text_from(s, line, col, width, out.style, out.text,
				 column->width == 0 ? v->skip : 0);
}

static bool is_marked(const struct view *v, uint32_t row)
{
	struct subject subject = { .kind = SUBJECT_NONE };

	if (v->session && v->class->model.subject)
		subject = v->class->model.subject(v->data, row);
	for (size_t i = 0; subject.kind == SUBJECT_NODE &&
	     i < v->session->marks.len; i++) {
		if (v->session->marks.at[i] == subject.id)
			return true;
	}
	return false;
}

void layout_row(struct view *v, struct screen *s, int line, uint32_t position,
		const struct layout *layout)
{
	uint32_t row = table_row(v, position);

	for (int c = 0; c < v->class->n_columns; c++) {
		if (layout->width[c] > 0)
			draw_cell(v, s, line, row, c, layout);
	}
	if (is_marked(v, row))
		screen_text(s, line, 0, 1, STYLE_KEY, "*");
	if (position != v->selected)
		return;
	screen_style(s, line, 0, s->cols, STYLE_SELECTED);
	if (!is_marked(v, row))
		screen_text(s, line, 0, 1, STYLE_SELECTED, ">");
}
