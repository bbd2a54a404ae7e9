/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A grid of cells: what views draw on.
 *
 * Views know this file and no terminal library: tui/term_curses.c copies the
 * grid to the terminal, tests print it with screen_dump(). Coordinates are
 * (row, column) from 0, top left; what lies outside the grid is clipped.
 *
 * All text goes through human_escape() on its way into a cell, and nowhere
 * else: bytes of the heap never reach a terminal as they are. Widths are
 * those of wcwidth(), which curses asks too; in HUMAN_ASCII every character
 * takes one cell.
 */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/human.h"

/* What a cell means; the terminal decides how that looks. */
enum style {
	STYLE_NORMAL,
	STYLE_TITLE,
	STYLE_HEADER,
	STYLE_SELECTED,
	STYLE_ADDRESS,
	STYLE_TYPE,
	STYLE_SIZE,
	STYLE_LEAK,
	STYLE_KEY,
	STYLE_ERROR,
	STYLE_DIM,
	N_STYLES,
};

/* Characters with a replacement for terminals that know only ASCII. */
enum glyph {
	GLYPH_BAR,
	GLYPH_FOLDED,
	GLYPH_UNFOLDED,
	GLYPH_LEVEL,		/* a line down the levels of a tree */
	GLYPH_ASCENDING,
	GLYPH_DESCENDING,
	N_GLYPHS,
};

enum { CELL_TEXT = 15, SCREEN_MAX_ROWS = 1000, SCREEN_MAX_COLS = 2000 };

struct cell {
	/* One character in UTF-8 with the marks that combine with it; ""
	 * behind one that is two cells wide. */
	char text[CELL_TEXT];
	uint8_t style;
};

struct screen {
	int rows, cols;
	enum human_charset charset;
	struct cell *cells;	/* [rows * cols], owned */
};

/** Change the size (at least 1 x 1) and clear. False on no memory. */
bool screen_resize(struct screen *s, int rows, int cols);
void screen_free(struct screen *s);
void screen_clear(struct screen *s);

/**
 * Write @text from (@row, @col) on into @width cells, and blanks into what is
 * left of them. The first @skip cells of the text are left out; text that
 * does not fit ends in '~'. Returns @col + @width.
 */
int screen_text_from(struct screen *s, int row, int col, int width,
		     enum style style, const char *text, int skip);

static inline int screen_text(struct screen *s, int row, int col, int width,
			      enum style style, const char *text)
{
	return screen_text_from(s, row, col, width, style, text, 0);
}

/** The same, at the right end of the @width cells. */
int screen_right(struct screen *s, int row, int col, int width,
		 enum style style, const char *text);

/** Cells that @text would take. */
int screen_width(const struct screen *s, const char *text);

/** One cell of a glyph. Returns @col + 1. */
int screen_glyph(struct screen *s, int row, int col, enum style style,
		  enum glyph glyph);

/** Give @width cells another style. */
void screen_style(struct screen *s, int row, int col, int width,
		  enum style style);

/** One line of text for each row, without blanks at its end. */
void screen_dump(const struct screen *s, FILE *out);

#endif
