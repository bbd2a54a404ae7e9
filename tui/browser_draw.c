/* SPDX-License-Identifier: MIT */
/* The screen around a view: tabs, where we are, and the last line. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/browser.h"
#include "tui/table.h"

/* Screens with fewer lines leave out the tabs, then the head of a view. */
enum { LINES_FOR_TABS = 8, LINES_FOR_HEAD = 14, MAX_HEAD = 4 };

/* How the tabs are written, "1 Types", "1Types", "1": the first that fits. */
enum tab_form { TAB_WIDE, TAB_NARROW, TAB_DIGIT };

static int tab_width(const struct browser *b, size_t i, enum tab_form form)
{
	if (!tab_is_there(&b->session, i))
		return 0;
	return form == TAB_DIGIT ? 3 :
	       screen_width(&b->screen, tabs[i].name) +
	       (form == TAB_WIDE ? 3 : 2);
}

static enum tab_form find_form(const struct browser *b)
{
	for (enum tab_form form = TAB_WIDE; form < TAB_DIGIT; form++) {
		int all = 0;

		for (size_t i = 0; i < n_tabs; i++)
			all += tab_width(b, i, form);
		if (all <= b->screen.cols)
			return form;
	}
	return TAB_DIGIT;
}

static void draw_tabs(struct browser *b, int current)
{
	struct screen *s = &b->screen;
	enum tab_form all = find_form(b);
	int col = 0;

	screen_text(s, 0, 0, s->cols, STYLE_TITLE, "");
	for (size_t i = 0; i < n_tabs; i++) {
		bool is_current = tabs[i].digit == current;
		enum tab_form form = is_current && all == TAB_DIGIT ?
				     TAB_WIDE : all;
		char text[64];

		if (!tab_is_there(&b->session, i))
			continue;
		snprintf(text, sizeof(text), "%s%c%s%s ",
			 form == TAB_DIGIT ? " " : "", tabs[i].digit,
			 form == TAB_WIDE ? " " : "",
			 form == TAB_DIGIT ? "" : tabs[i].name);
		col = screen_text(s, 0, col, tab_width(b, i, form),
				  is_current ? STYLE_SELECTED : STYLE_TITLE,
				  text);
	}
	if (col + 12 <= s->cols)
		screen_right(s, 0, col, s->cols - col - 1, STYLE_TITLE,
			     "holdfast");
}

/* "Types > all Session > Session  0x55d0"; its end is what matters. */
static void draw_way(struct browser *b, int line)
{
	const struct view *way[16] = {0};
	struct screen *s = &b->screen;
	char text[16 * (VIEW_TITLE + 4)];
	size_t n = 0, len = 0;
	int skip;

	for (const struct view *v = b->current; v && n < 16; v = v->parent) {
		/* The first view is where everything begins: no news. */
		if (v->parent || v == b->current)
			way[n++] = v;
	}
	while (n-- > 0) {
		int more = snprintf(text + len, sizeof(text) - len, "%s%s",
				    len ? " > " : "", way[n]->title);

		len += more > 0 ? (size_t)more : 0;
		if (len >= sizeof(text))
			len = sizeof(text) - 1;
	}
	skip = screen_width(s, text) - s->cols;
	screen_text_from(s, line, 0, s->cols, STYLE_HEADER, text,
			 skip > 0 ? skip : 0);
}

static int draw_head(struct browser *b, int line)
{
	struct view *v = b->current;
	struct cell_out out;

	for (int i = 0; v->class->model.head && i < MAX_HEAD; i++) {
		out.text[0] = '\0';
		out.style = STYLE_NORMAL;
		if (!v->class->model.head(v->data, i, &out))
			break;
		screen_text(&b->screen, line++, 0, b->screen.cols, out.style,
			    out.text);
	}
	return line;
}

static const char *hints(const struct view *v)
{
	if (v->class->model.tree)
		return "Enter open  + unfold  r referrers  p path  ? help";
	if (v->class->model.subject)
		return "Enter open  r referrers  d dominators  ? help";
	return "q back  / search  ? help";
}

static void draw_status(struct browser *b, int line)
{
	const struct view *v = b->current;
	struct screen *s = &b->screen;
	char text[512];
	int n, width;

	n = snprintf(text, sizeof(text), "%" PRIu32 " of %" PRIu32,
		     v->n_shown ? v->selected + 1 : 0, v->n_shown);
	if (v->filter[0] && n > 0)
		snprintf(text + n, sizeof(text) - (size_t)n,
			 "  only \"%s\" (& changes)", v->filter);
	screen_text(s, line, 0, s->cols, STYLE_TITLE, text);
	width = s->cols - screen_width(s, text) - 2;
	if (width >= (int)strlen(hints(v)))
		screen_right(s, line, s->cols - width, width, STYLE_TITLE,
			     hints(v));
	else if (width >= 6)
		screen_right(s, line, s->cols - width, width, STYLE_TITLE,
			     "? help");
}

static void draw_prompt(struct browser *b, int line)
{
	struct screen *s = &b->screen;
	char text[256 + PATTERN_MAX];
	int skip;

	snprintf(text, sizeof(text), "%s%s_", b->prompt.label, b->prompt.text);
	skip = screen_width(s, text) - s->cols;
	screen_text_from(s, line, 0, s->cols, STYLE_HEADER, text,
			 skip > 0 ? skip : 0);
}

void browser_draw(struct browser *b)
{
	struct screen *s = &b->screen;
	int line = 0, last = s->rows - 1;

	screen_clear(s);
	if (s->rows >= LINES_FOR_TABS) {
		draw_tabs(b, browser_tab(b));
		line++;
	}
	if (s->rows > 2)
		draw_way(b, line++);
	if (s->rows >= LINES_FOR_HEAD)
		line = draw_head(b, line);
	table_draw(b->current, s, line, last - line);
	if (b->prompt.command != CMD_NONE)
		draw_prompt(b, last);
	else if (b->message[0])
		screen_text(s, last, 0, s->cols, b->is_error ? STYLE_ERROR :
			    STYLE_TITLE, b->message);
	else
		draw_status(b, last);
}

void browser_progress(struct browser *b, const char *phase, uint64_t done,
		      uint64_t total)
{
	struct screen *s = &b->screen;
	char text[128];

	if (total > 0 && done <= total)
		snprintf(text, sizeof(text), "%s: %u %%; Esc cancels", phase,
			 (unsigned)((double)done * 100 / (double)total));
	else
		snprintf(text, sizeof(text), "%s; Esc cancels", phase);
	screen_text(s, s->rows - 1, 0, s->cols, STYLE_HEADER, text);
}
