/* SPDX-License-Identifier: MIT */
#include "tui/browser.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "tui/goto.h"
#include "tui/prompt.h"
#include "tui/table.h"

static void say(struct browser *b, bool is_error, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

static void say(struct browser *b, bool is_error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(b->message, sizeof(b->message), fmt, args);
	va_end(args);
	b->is_error = is_error;
}

/* Views that neither a tab, the history nor a child needs are freed. */
static void sweep(struct browser *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->views.len; i++)
		b->views.at[i]->used = false;
	for (int i = 0; i < N_DIGITS; i++) {
		if (b->tabs[i])
			b->tabs[i]->used = true;
	}
	for (size_t i = 0; i < b->history.len; i++) {
		for (struct view *v = b->history.at[i]; v; v = v->parent)
			v->used = true;
	}
	for (size_t i = 0; i < b->views.len; i++) {
		if (b->views.at[i]->used)
			b->views.at[n++] = b->views.at[i];
		else
			view_free(b->views.at[i]);
	}
	b->views.len = n;
}

/* Go to @v, which the browser has already; what lay ahead is forgotten. */
static bool visit(struct browser *b, struct view *v)
{
	if (b->history.len > 0)
		b->history.len = b->at + 1;
	if (b->history.len == HISTORY_MAX) {
		memmove(b->history.at, b->history.at + 1,
			(HISTORY_MAX - 1) * sizeof(b->history.at[0]));
		b->history.len--;
	}
	if (!vec_push(&b->history, v))
		return false;
	b->at = b->history.len - 1;
	b->current = v;
	sweep(b);
	return true;
}

/* Take over the new view @v (NULL: it failed with @err) and go there. */
static bool enter(struct browser *b, struct view *v, struct view *parent,
		  struct err *err)
{
	if (!v)
		return false;
	v->parent = parent;
	if (!vec_push(&b->views, v)) {
		view_free(v);
		return err_nomem(err, "a view");
	}
	return visit(b, v) || err_nomem(err, "the history");
}

static bool open_tab(struct browser *b, int digit, struct err *err)
{
	size_t i = 0;

	while (i < n_tabs && tabs[i].digit != digit)
		i++;
	if (i == n_tabs)
		return err_set(err, ERR_FORMAT, "there is no view %c", digit);
	if (b->tabs[digit - '0'] == b->current && b->current)
		return true;
	if (b->tabs[digit - '0'])
		return visit(b, b->tabs[digit - '0']) ||
		       err_nomem(err, "the history");
	if (!enter(b, tabs[i].open(&b->session, err), b->tabs[1], err))
		return false;
	b->tabs[digit - '0'] = b->current;
	return true;
}

int browser_tab(const struct browser *b)
{
	for (const struct view *v = b->current; v; v = v->parent) {
		for (int i = 0; i < N_DIGITS; i++) {
			if (b->tabs[i] == v)
				return '0' + i;
		}
	}
	return '1';
}

static bool step_tab(struct browser *b, bool forward, struct err *err)
{
	size_t i = 0;

	while (i + 1 < n_tabs && tabs[i].digit != browser_tab(b))
		i++;
	do {
		i = forward ? (i + 1) % n_tabs : (i + n_tabs - 1) % n_tabs;
	} while (!tab_is_there(&b->session, i));
	return open_tab(b, tabs[i].digit, err);
}

/* Back to where the view was opened; the way there stays for `]`. */
static void back(struct browser *b)
{
	struct view *parent = b->current->parent;

	if (!parent)
		return;
	if (b->at > 0 && b->history.at[b->at - 1] == parent) {
		b->at--;
		b->current = parent;
	} else if (!visit(b, parent)) {
		say(b, true, "out of memory");
	}
}

static bool step_history(struct browser *b, bool forward, struct err *err)
{
	if (forward ? b->at + 1 >= b->history.len : b->at == 0)
		return err_set(err, ERR_FORMAT, "this is the %s of the history",
			       forward ? "end" : "beginning");
	b->at = forward ? b->at + 1 : b->at - 1;
	b->current = b->history.at[b->at];
	return true;
}

static bool toggle_mark(struct browser *b, struct err *err)
{
	struct subject subject = table_subject(b->current, CMD_MARK);
	size_t i = 0;

	if (subject.kind != SUBJECT_NODE)
		return err_set(err, ERR_FORMAT,
			       "only blocks and roots can be bookmarked");
	while (i < b->session.marks.len && b->session.marks.at[i] != subject.id)
		i++;
	if (i < b->session.marks.len) {
		for (; i + 1 < b->session.marks.len; i++)
			b->session.marks.at[i] = b->session.marks.at[i + 1];
		b->session.marks.len--;
		say(b, false, "bookmark removed");
		return true;
	}
	if (!vec_push(&b->session.marks, (uint32_t)subject.id))
		return err_nomem(err, "bookmarks");
	say(b, false, "bookmarked; M lists %zu", b->session.marks.len);
	return true;
}

static bool ask(struct browser *b, enum command command, struct err *err)
{
	struct subject subject = table_subject(b->current, command);
	struct view *from = b->current;
	uint32_t row;

	if (subject.kind == SUBJECT_TAB)
		return open_tab(b, (int)subject.id, err);
	/* Enter on "... more" of a tree loads them. */
	if (command == CMD_OPEN && subject.kind == SUBJECT_NONE &&
	    from->class->model.tree && from->n_shown > 0) {
		row = table_row(from, from->selected);
		return from->class->model.tree->unfold(from->data, row, false,
						       err) &&
		       table_changed(from, row, err);
	}
	return enter(b, views_ask(&b->session, subject, command, err), from,
		     err);
}

static void begin_prompt(struct browser *b, enum command command)
{
	char text[PATTERN_MAX] = "";

	if (command == CMD_FILTER)
		snprintf(text, sizeof(text), "%s", b->current->filter);
	if (command == CMD_SAVE)
		snprintf(text, sizeof(text), "%s.txt", b->current->class->name);
	prompt_begin(&b->prompt, command, text);
}

static bool end_prompt(struct browser *b, enum command command,
		       const char *text, struct err *err)
{
	struct view *v;

	switch (command) {
	case CMD_SEARCH:
		return !text[0] || table_search(b->current, text, err);
	case CMD_FILTER:
		return table_filter(b->current, text, err);
	case CMD_GOTO:
		if (!text[0])
			return true;
		v = goto_view(&b->session, text, err);
		return enter(b, v, b->current, err);
	default:
		if (!text[0] || !table_save(b->current, text, err))
			return !text[0];
		say(b, false, "saved to %s", text);
		return true;
	}
}

static bool do_command(struct browser *b, enum command command,
		       struct err *err)
{
	switch (command) {
	case CMD_QUIT:
		b->quit = true;
		return true;
	case CMD_QUIT_BACK:
		b->quit = !b->current->parent;
		back(b);
		return true;
	case CMD_LEFT:
	case CMD_BACK:
		back(b);
		return true;
	case CMD_SEARCH:
	case CMD_FILTER:
	case CMD_GOTO:
	case CMD_SAVE:
		begin_prompt(b, command);
		return true;
	case CMD_HISTORY_BACK:
	case CMD_HISTORY_FORWARD:
		return step_history(b, command == CMD_HISTORY_FORWARD, err);
	case CMD_NEXT_TAB:
	case CMD_PREVIOUS_TAB:
		return step_tab(b, command == CMD_NEXT_TAB, err);
	case CMD_UNITS:
		b->session.exact = !b->session.exact;
		return true;
	case CMD_MARK:
		return toggle_mark(b, err);
	case CMD_MARKS:
		return enter(b, view_marks_open(&b->session, err), b->current,
			     err);
	case CMD_HELP:
		return enter(b, view_help_open(&b->session, b->current->class,
					       err), b->current, err);
	case CMD_REDRAW:
		return true;
	default:
		return ask(b, command == CMD_RIGHT ? CMD_OPEN : command, err);
	}
}

static bool view_key(struct browser *b, int key, struct err *err)
{
	enum command command = keymap_find(key);
	bool done = false;

	if (key >= '0' && key <= '9')
		return open_tab(b, key, err);
	if (command == CMD_NONE) {
		if (!table_sort_key(b->current, key, &done, err))
			return false;
		return done || err_set(err, ERR_FORMAT,
				       "this key does nothing here; ? helps");
	}
	if (!table_command(b->current, command, &done, err))
		return false;
	return done || do_command(b, command, err);
}

void browser_key(struct browser *b, int key)
{
	struct err err = {0};
	bool ok = true;

	if (key == VKEY_RESIZE)
		return;
	b->message[0] = '\0';
	if (key == VKEY_LOST) {
		b->quit = true;
	} else if (b->prompt.command != CMD_NONE) {
		enum command command = b->prompt.command;

		if (prompt_key(&b->prompt, key))
			ok = end_prompt(b, command, b->prompt.text, &err);
	} else {
		ok = view_key(b, key, &err);
	}
	/* Whatever was cancelled has ended by now. */
	progress_rearm();
	if (!ok)
		say(b, true, "%s", err.message);
}

bool browser_open(struct facts *facts, const char *file,
		  enum human_charset charset, struct browser *ret,
		  struct err *err)
{
	*ret = (struct browser){
		.session = session_of(facts, file),
		.screen = { .charset = charset },
	};
	if (screen_resize(&ret->screen, 24, 80) && open_tab(ret, '1', err))
		return true;
	err_nomem(err, "the screen");
	browser_close(ret);
	return false;
}

void browser_close(struct browser *b)
{
	for (size_t i = 0; i < b->views.len; i++)
		view_free(b->views.at[i]);
	vec_free(&b->views);
	vec_free(&b->history);
	screen_free(&b->screen);
	session_close(&b->session);
}
