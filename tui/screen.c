/* SPDX-License-Identifier: MIT */
#include "tui/screen.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { ESCAPED_MAX = 8192 };

static const char *const glyphs[N_GLYPHS][2] = {
	[GLYPH_BAR] = { "\xe2\x96\x88", "#" },
	[GLYPH_FOLDED] = { "\xe2\x96\xb8", "+" },
	[GLYPH_UNFOLDED] = { "\xe2\x96\xbe", "-" },
	[GLYPH_LEVEL] = { "\xe2\x94\x82", "|" },
	[GLYPH_ASCENDING] = { "\xe2\x96\xb4", "^" },
	[GLYPH_DESCENDING] = { "\xe2\x96\xbe", "v" },
};

static struct cell *cell_at(struct screen *s, int row, int col)
{
	return &s->cells[(size_t)row * (size_t)s->cols + (size_t)col];
}

static bool inside(const struct screen *s, int row, int col)
{
	return row >= 0 && row < s->rows && col >= 0 && col < s->cols;
}

static void blank(struct cell *cell, enum style style)
{
	memset(cell->text, 0, sizeof(cell->text));
	cell->text[0] = ' ';
	cell->style = (uint8_t)style;
}

bool screen_resize(struct screen *s, int rows, int cols)
{
	struct cell *cells;

	rows = rows < 1 ? 1 : rows > SCREEN_MAX_ROWS ? SCREEN_MAX_ROWS : rows;
	cols = cols < 1 ? 1 : cols > SCREEN_MAX_COLS ? SCREEN_MAX_COLS : cols;
	cells = calloc((size_t)rows * (size_t)cols, sizeof(*cells));
	if (!cells)
		return false;
	free(s->cells);
	s->cells = cells;
	s->rows = rows;
	s->cols = cols;
	screen_clear(s);
	return true;
}

void screen_free(struct screen *s)
{
	free(s->cells);
	*s = (struct screen){0};
}

void screen_clear(struct screen *s)
{
	for (int i = 0; i < s->rows * s->cols; i++)
		blank(&s->cells[i], STYLE_NORMAL);
}

/* The next character of valid UTF-8, which human_escape() makes. */
static size_t next_char(const char *text, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 :
			p[0] < 0xf0 ? 3 : 4;

	*ret = length == 1 ? p[0] : p[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++)
		*ret = *ret << 6 | (p[i] & 0x3f);
	return length;
}

static int char_width(uint32_t c)
{
	return c < 0x80 ? 1 : wcwidth((wchar_t)c);
}

/* What was there may have been half of a wide character: clear the rest. */
static void detach(struct screen *s, int row, int col)
{
	if (cell_at(s, row, col)->text[0] == '\0' && col > 0)
		blank(cell_at(s, row, col - 1), cell_at(s, row, col)->style);
	if (col + 1 < s->cols && cell_at(s, row, col + 1)->text[0] == '\0')
		blank(cell_at(s, row, col + 1), cell_at(s, row, col)->style);
}

static void put(struct screen *s, int row, int col, int width,
		enum style style, const char *text, size_t n)
{
	if (!inside(s, row, col) || !inside(s, row, col + width - 1))
		return;
	for (int i = 0; i < width; i++) {
		detach(s, row, col + i);
		blank(cell_at(s, row, col + i), style);
	}
	memcpy(cell_at(s, row, col)->text, text, n);
	if (width == 2)
		cell_at(s, row, col + 1)->text[0] = '\0';
}

/* Add a mark to the character that stands before column @col. */
static void combine(struct screen *s, int row, int col, const char *text,
		    size_t n)
{
	struct cell *cell;
	size_t len;

	if (!inside(s, row, col - 1))
		return;
	cell = cell_at(s, row, col - 1);
	if (cell->text[0] == '\0' && col > 1)
		cell--;
	len = strlen(cell->text);
	/* The cell was zeroed, so what is added ends in NUL. */
	if (len + n < sizeof(cell->text))
		memcpy(cell->text + len, text, n);
}

/* Text on its way into cells [at, end); below 0 it is being skipped. */
struct pen {
	struct screen *s;
	int row, start, at, end;
	enum style style;
};

/* False when there is no more room. */
static bool write_char(struct pen *pen, const char *text, size_t n, uint32_t c)
{
	int width = char_width(c);

	if (width == 0) {
		if (pen->at > pen->start)
			combine(pen->s, pen->row, pen->at, text, n);
		return true;
	}
	if (width < 0) {
		text = "?";
		n = 1;
		width = 1;
	}
	if (pen->at + width > pen->end)
		return false;
	if (pen->at >= pen->start)
		put(pen->s, pen->row, pen->at, width, pen->style, text, n);
	else if (pen->at + width > pen->start)
		put(pen->s, pen->row, pen->start, 1, pen->style, " ", 1);
	pen->at += width;
	return true;
}

int screen_text_from(struct screen *s, int row, int col, int width,
		     enum style style, const char *text, int skip)
{
	struct pen pen = {
		.s = s, .row = row, .start = col, .at = col - skip,
		.end = col + width, .style = style,
	};
	char escaped[ESCAPED_MAX];
	const char *p = escaped;
	size_t n;
	uint32_t c;

	human_escape(text, strlen(text), s->charset, escaped, sizeof(escaped));
	for (int i = 0; i < width; i++)
		put(s, row, col + i, 1, style, " ", 1);
	for (; *p; p += n) {
		n = next_char(p, &c);
		if (!write_char(&pen, p, n, c))
			break;
	}
	if (*p && width > 0)
		put(s, row, col + width - 1, 1, style, "~", 1);
	if (skip > 0 && width > 0 && escaped[0])
		put(s, row, col, 1, style, "~", 1);
	return col + width;
}

int screen_width(const struct screen *s, const char *text)
{
	char escaped[ESCAPED_MAX];
	int width = 0;
	uint32_t c;

	human_escape(text, strlen(text), s->charset, escaped, sizeof(escaped));
	for (const char *p = escaped; *p;) {
		int w;

		p += next_char(p, &c);
		w = char_width(c);
		width += w < 0 ? 1 : w;
	}
	return width;
}

int screen_right(struct screen *s, int row, int col, int width,
		 enum style style, const char *text)
{
	int blanks = width - screen_width(s, text);

	if (blanks > 0)
		screen_text(s, row, col, blanks, style, "");
	else
		blanks = 0;
	return screen_text(s, row, col + blanks, width - blanks, style, text);
}

int screen_glyph(struct screen *s, int row, int col, enum style style,
		  enum glyph glyph)
{
	const char *text = glyphs[glyph][s->charset == HUMAN_ASCII];

	put(s, row, col, 1, style, text, strlen(text));
	return col + 1;
}

void screen_style(struct screen *s, int row, int col, int width,
		  enum style style)
{
	for (int i = 0; i < width; i++) {
		if (inside(s, row, col + i))
			cell_at(s, row, col + i)->style = (uint8_t)style;
	}
}

void screen_dump(const struct screen *s, FILE *out)
{
	for (int row = 0; row < s->rows; row++) {
		const struct cell *line = &s->cells[row * s->cols];
		int end = s->cols;

		while (end > 0 && !strcmp(line[end - 1].text, " "))
			end--;
		for (int col = 0; col < end; col++)
			fputs(line[col].text, out);
		fputc('\n', out);
	}
}
