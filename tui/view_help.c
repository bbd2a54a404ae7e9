/* SPDX-License-Identifier: MIT */
/* Help: the keymap, and the letters that sort the view it was asked in. */
#include <stdio.h>

#include "tui/views.h"

enum { COL_KEYS, COL_HELP };

static const struct column columns[] = {
	[COL_KEYS] = { "Keys", COLUMN_TEXT, 15, STYLE_KEY, 0, 0, false },
	[COL_HELP] = { "What they do", COLUMN_TEXT, 0, STYLE_NORMAL, 0, 0,
		       false },
};

struct help {
	const struct view_class *of;
	int sorting[16];	/* columns that a letter sorts by */
	uint32_t n_sorting;
};

static uint32_t n_rows(const void *data)
{
	const struct help *h = data;

	return h->n_sorting + (uint32_t)n_key_bindings;
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct help *h = data;
	const struct column *sorting = row < h->n_sorting ?
				       &h->of->columns[h->sorting[row]] : NULL;
	const struct key_binding *b = sorting ? NULL :
				      &key_bindings[row - h->n_sorting];

	if (sorting && column == COL_KEYS)
		snprintf(out->text, sizeof(out->text), "%c",
			 sorting->sort_key);
	else if (sorting)
		snprintf(out->text, sizeof(out->text),
			 "%s: sort by \"%s\", again: the other way round",
			 h->of->name, sorting->title);
	else
		snprintf(out->text, sizeof(out->text), "%s",
			 column == COL_KEYS ? b->shown : b->help);
}

static const struct view_class help_class = {
	.name = "Help", .columns = columns, .n_columns = 2, .sorted_by = -1,
	.model = { .n_rows = n_rows, .cell = cell, .free = free },
};

struct view *view_help_open(struct session *session,
			    const struct view_class *of, struct err *err)
{
	struct help *h = calloc(1, sizeof(*h));
	struct view *v;

	if (h)
		h->of = of;
	for (int c = 0; h && c < of->n_columns && c < 16; c++) {
		if (of->columns[c].sort_key)
			h->sorting[h->n_sorting++] = c;
	}
	v = view_new(&help_class, h, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Help");
	return v;
}
