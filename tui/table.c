/* SPDX-License-Identifier: MIT */
#include "tui/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/progress.h"
#include "tui/row_find.h"
#include "tui/session.h"
#include "tui/table_layout.h"

enum { TICK = 1 << 12, SCROLL_STEP = 8 };

struct view *view_new(const struct view_class *class, void *data,
		      struct session *session, struct err *err)
{
	struct view *v = data ? calloc(1, sizeof(*v)) : NULL;

	if (!v) {
		if (data)
			class->model.free(data);
		err_nomem(err, "a view");
		return NULL;
	}
	v->class = class;
	v->data = data;
	v->session = session;
	v->sort_column = class->sorted_by;
	v->descending = class->descending;
	v->n_shown = class->model.n_rows(data);
	v->order.n = v->n_shown;
	v->page = 1;
	return v;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	view->class->model.free(view->data);
	row_order_free(&view->order);
	free(view);
}

uint32_t table_row(struct view *v, uint32_t position)
{
	return row_order_at(&v->order, position);
}

static void go_to(struct view *v, uint64_t position)
{
	uint32_t last = v->n_shown ? v->n_shown - 1 : 0;

	v->selected = position < last ? (uint32_t)position : last;
}

static bool cancelled(uint32_t i)
{
	if (i % TICK)
		return false;
	progress_add(TICK);
	return progress_cancelled();
}

struct text_row {
	const char *text;
	uint32_t row;
};

static int by_text(const void *a, const void *b)
{
	const struct text_row *x = a, *y = b;
	int order = strcasecmp(x->text, y->text);

	if (order == 0)
		order = strcmp(x->text, y->text);
	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static bool sort_by_text(struct view *v, int column, bool descending,
			 struct row_order *order, struct err *err)
{
	uint32_t n = order->n;
	uint32_t *rows = malloc((n + (size_t)1) * sizeof(*rows));
	struct text_row *texts = calloc(n + (size_t)1, sizeof(*texts));
	struct arena arena = {0};
	struct cell_out out;
	bool ok = rows && texts;

	for (uint32_t i = 0; ok && i < n; i++) {
		uint32_t row = row_order_at(order, i);

		out.text[0] = '\0';
		v->class->model.cell(v->data, row, column, &out);
		texts[i].row = row;
		texts[i].text = arena_text(&arena, out.text, strlen(out.text));
		ok = texts[i].text && !cancelled(i);
	}
	if (ok)
		qsort(texts, n, sizeof(*texts), by_text);
	for (uint32_t i = 0; ok && i < n; i++)
		rows[i] = texts[descending ? n - 1 - i : i].row;
	free(texts);
	arena_free(&arena);
	free(ok ? order->rows : rows);
	if (ok)
		order->rows = rows;
	return ok || (progress_cancelled() ?
		      err_set(err, ERR_CANCELLED, "cancelled") :
		      err_nomem(err, "sorting"));
}

/* True when the rows of the model are in this order already. */
static bool is_natural(const struct view *v, int column, bool descending)
{
	return v->class->model.tree || column < 0 ||
	       (column == v->class->sorted_by &&
		descending == v->class->descending);
}

static uint64_t sort_key(void *ctx, uint32_t row, int column)
{
	const struct view *v = ctx;

	return v->class->model.number(v->data, row, column);
}

/* All rows that match, in the model's order. */
static bool pick_order(struct view *v, const char *pattern,
		       struct row_order *ret, struct err *err)
{
	uint32_t n = v->class->model.n_rows(v->data);

	*ret = (struct row_order){ .n = n };
	if (!pattern[0])
		return true;
	ret->rows = malloc((n + (size_t)1) * sizeof(*ret->rows));
	return ret->rows ? rows_that_hold(v, pattern, ret->rows, &ret->n, err) :
			   err_nomem(err, "rows");
}

static bool sort_by(struct view *v, int column, bool descending,
		    struct row_order *order, struct err *err)
{
	const struct row_keys keys = {
		.key = sort_key, .ctx = v, .column = column,
		.descending = descending,
		.at_once = v->class->model.pure_number,
	};
	struct row_order by_number;

	if (v->class->columns[column].by_text)
		return sort_by_text(v, column, descending, order, err);
	if (!row_order_build(order->rows, order->n, &keys, &by_number, err)) {
		*order = (struct row_order){0};
		return false;
	}
	*order = by_number;
	return true;
}

static bool make_order(struct view *v, const char *pattern, int column,
		       bool descending, struct row_order *ret, struct err *err)
{
	bool ok;

	progress_begin("going through the rows",
		       v->class->model.n_rows(v->data));
	ok = pick_order(v, pattern, ret, err) &&
	     (is_natural(v, column, descending) ||
	      sort_by(v, column, descending, ret, err));
	progress_end();
	if (!ok)
		row_order_free(ret);
	return ok;
}

/* Show what matches @pattern by @column; all stays as it was on failure. */
static bool arrange(struct view *v, const char *pattern, int column,
		    bool descending, struct err *err)
{
	struct row_order order;

	if (!make_order(v, pattern, column, descending, &order, err))
		return false;
	row_order_free(&v->order);
	v->order = order;
	v->n_shown = order.n;
	v->sort_column = column;
	v->descending = descending;
	if (v->filter != pattern)
		snprintf(v->filter, sizeof(v->filter), "%s", pattern);
	return true;
}

void table_select(struct view *v, uint32_t row)
{
	uint32_t at = row_order_find(&v->order, row);

	go_to(v, at < v->n_shown ? at : v->selected);
}

bool table_changed(struct view *v, uint32_t keep, struct err *err)
{
	bool ok = arrange(v, v->filter, v->sort_column, v->descending, err);

	/* Without a valid order the old one would name rows that are gone. */
	if (!ok) {
		row_order_free(&v->order);
		v->filter[0] = '\0';
		v->n_shown = v->class->model.n_rows(v->data);
		v->order.n = v->n_shown;
	}
	table_select(v, keep);
	return ok;
}

bool table_filter(struct view *v, const char *pattern, struct err *err)
{
	uint32_t row = v->n_shown ? table_row(v, v->selected) : 0;

	if (!arrange(v, pattern, v->sort_column, v->descending, err))
		return false;
	v->top = 0;
	v->selected = 0;
	if (!pattern[0])
		table_select(v, row);
	return true;
}

static bool search(struct view *v, uint64_t from, bool down, struct err *err)
{
	uint32_t at;
	bool ok;

	if (!v->search[0])
		return err_set(err, ERR_FORMAT, "nothing was searched: press /");
	progress_begin("searching", v->n_shown);
	ok = row_find(v, v->search, v->n_shown ? (uint32_t)(from % v->n_shown) :
		      0, down, &at, err);
	progress_end();
	if (!ok)
		return false;
	if (at >= v->n_shown)
		return err_set(err, ERR_FORMAT, "no row holds \"%s\"",
			       v->search);
	go_to(v, at);
	return true;
}

bool table_search(struct view *v, const char *pattern, struct err *err)
{
	snprintf(v->search, sizeof(v->search), "%s", pattern);
	return search(v, v->selected, true, err);
}

bool table_sort_key(struct view *v, int key, bool *done, struct err *err)
{
	const struct tree_model *tree = v->class->model.tree;

	*done = false;
	for (int c = 0; c < v->class->n_columns; c++) {
		const struct column *column = &v->class->columns[c];
		bool descending = c == v->sort_column ? !v->descending :
							!column->by_text;

		if (column->sort_key == 0 || column->sort_key != key)
			continue;
		*done = true;
		if ((tree && !tree->sort(v->data, c, descending, err)) ||
		    !arrange(v, v->filter, c, descending, err))
			return false;
		v->top = 0;
		v->selected = 0;
		return true;
	}
	return true;
}

static bool move(struct view *v, enum command command)
{
	uint32_t page = v->page > 1 ? (uint32_t)v->page - 1 : 1;
	uint32_t at = v->selected;

	switch (command) {
	case CMD_UP:
		go_to(v, at ? at - 1 : 0);
		return true;
	case CMD_DOWN:
		go_to(v, (uint64_t)at + 1);
		return true;
	case CMD_PAGE_UP:
		go_to(v, at > page ? at - page : 0);
		return true;
	case CMD_PAGE_DOWN:
		go_to(v, (uint64_t)at + page);
		return true;
	case CMD_FIRST:
		go_to(v, 0);
		return true;
	case CMD_LAST:
		go_to(v, v->n_shown);
		return true;
	case CMD_SCROLL_LEFT:
		v->skip = v->skip > SCROLL_STEP ? v->skip - SCROLL_STEP : 0;
		return true;
	case CMD_SCROLL_RIGHT:
		v->skip += v->skip < CELL_OUT ? SCROLL_STEP : 0;
		return true;
	default:
		return false;
	}
}

static uint32_t row_above(const struct view *v, uint32_t row)
{
	const struct tree_model *tree = v->class->model.tree;
	uint32_t depth = tree->depth(v->data, row);

	while (row > 0 && tree->depth(v->data, row) >= depth && depth > 0)
		row--;
	return row;
}

/* What the keys of a tree do to the selected row. */
static bool fold(struct view *v, enum command command, bool *done,
		 struct err *err)
{
	const struct tree_model *tree = v->class->model.tree;
	uint32_t row = table_row(v, v->selected);
	enum fold now = tree->fold(v->data, row);

	*done = true;
	if (command == CMD_UNFOLD_ALL ||
	    (now == FOLD_CLOSED &&
	     (command == CMD_UNFOLD || command == CMD_RIGHT))) {
		if (!tree->unfold(v->data, row, command == CMD_UNFOLD_ALL, err))
			return false;
	} else if (now == FOLD_OPEN &&
		   (command == CMD_FOLD || command == CMD_LEFT)) {
		tree->close(v->data, row);
	} else if ((command == CMD_LEFT || command == CMD_FOLD) &&
		   tree->depth(v->data, row) > 0) {
		row = row_above(v, row);
	} else {
		*done = command != CMD_LEFT && command != CMD_RIGHT;
		return true;
	}
	return table_changed(v, row, err);
}

bool table_command(struct view *v, enum command command, bool *done,
		   struct err *err)
{
	*done = move(v, command);
	if (*done)
		return true;
	switch (command) {
	case CMD_NEXT_MATCH:
	case CMD_PREVIOUS_MATCH:
		*done = true;
		return search(v, command == CMD_NEXT_MATCH ?
			      (uint64_t)v->selected + 1 :
			      (uint64_t)v->selected + v->n_shown - 1,
			      command == CMD_NEXT_MATCH, err);
	case CMD_UNFOLD:
	case CMD_FOLD:
	case CMD_UNFOLD_ALL:
		*done = true;
		if (!v->class->model.tree)
			return err_set(err, ERR_FORMAT,
				       "there is nothing to unfold here");
		break;
	case CMD_LEFT:
	case CMD_RIGHT:
		break;
	default:
		return true;
	}
	if (!v->class->model.tree || v->n_shown == 0)
		return true;
	return fold(v, command, done, err);
}

struct subject table_subject(struct view *v, enum command command)
{
	if (v->class->model.about && command != CMD_OPEN &&
	    command != CMD_FIELDS)
		return v->class->model.about(v->data);
	if (v->n_shown == 0 || !v->class->model.subject)
		return (struct subject){ .kind = SUBJECT_NONE };
	return v->class->model.subject(v->data, table_row(v, v->selected));
}

/* Why there are no rows. */
static void draw_nothing(const struct view *v, struct screen *s, int line)
{
	char text[PATTERN_MAX + 64];

	if (v->filter[0])
		snprintf(text, sizeof(text), " no row holds \"%s\"; & changes "
			 "what is shown", v->filter);
	else if (v->session && v->session->facts &&
		 v->session->facts->heap.n_blocks == 0)
		snprintf(text, sizeof(text), " no block is known: the Overview "
			 "lists the allocators");
	else
		snprintf(text, sizeof(text), " there is none");
	screen_text(s, line, 0, s->cols, STYLE_DIM, text);
}

void table_draw(struct view *v, struct screen *s, int line, int n_lines)
{
	struct layout layout = layout_of(v, s->cols);

	layout_header(v, s, line, &layout);
	v->page = n_lines - 1;
	if (v->page < 1)
		return;
	if (v->selected < v->top)
		v->top = v->selected;
	if (v->selected - v->top >= (uint32_t)v->page)
		v->top = v->selected - (uint32_t)v->page + 1;
	/* No empty lines below while there are rows above. */
	if (v->n_shown - v->top < (uint32_t)v->page)
		v->top = v->n_shown > (uint32_t)v->page ?
			 v->n_shown - (uint32_t)v->page : 0;
	if (v->n_shown == 0)
		draw_nothing(v, s, line + 1);
	for (uint32_t i = 0; i < (uint32_t)v->page; i++) {
		if (v->top + i < v->n_shown)
			layout_row(v, s, line + 1 + (int)i, v->top + i,
				   &layout);
	}
}

static bool write_rows(struct view *v, FILE *out, struct err *err)
{
	struct screen s = {0};
	struct layout layout;
	bool ok = screen_resize(&s, 1, SAVE_COLUMNS);

	fprintf(out, "%s\n\n", v->title);
	layout = layout_of(v, SAVE_COLUMNS);
	if (ok) {
		layout_header(v, &s, 0, &layout);
		screen_dump(&s, out);
	}
	for (uint32_t i = 0; ok && i < v->n_shown; i++) {
		screen_clear(&s);
		layout_row(v, &s, 0, i, &layout);
		screen_dump(&s, out);
		ok = !cancelled(i);
	}
	screen_free(&s);
	return ok || (progress_cancelled() ?
		      err_set(err, ERR_CANCELLED, "cancelled") :
		      err_nomem(err, "saving"));
}

bool table_save(struct view *v, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	bool ok;

	if (!out) {
		err_errno(err, "%s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	progress_begin("saving", v->n_shown);
	ok = write_rows(v, out, err);
	progress_end();
	if ((ferror(out) | fclose(out)) && ok)
		ok = err_errno(err, "%s", path);
	if (!ok)
		unlink(path);
	return ok;
}
