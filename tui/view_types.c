/* SPDX-License-Identifier: MIT */
/* Types: the histogram. */
#include <inttypes.h>
#include <stdio.h>

#include "tui/views.h"

enum { COL_RETAINED, COL_BYTES, COL_BAR, COL_COUNT, COL_LEAKED, COL_TYPE };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 2, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 0, false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 5, false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 8, STYLE_NORMAL, 'C', 3, false },
	[COL_LEAKED] = { "Leaked", COLUMN_SIZE, 10, STYLE_LEAK, 'L', 4, false },
	[COL_TYPE] = { "Type", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0, true },
};

static const struct type_rows *rows_of(const void *data)
{
	const struct session *const *session = data;

	return &(*session)->facts->summaries.types;
}

static const struct type_row *row_at(const void *data, uint32_t row)
{
	return &rows_of(data)->at[row];
}

static uint32_t n_rows(const void *data)
{
	return (uint32_t)rows_of(data)->len;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct type_row *t = row_at(data, row);

	switch (column) {
	case COL_RETAINED:
		return t->retained;
	case COL_BAR:
		return thousandths(t->bytes, row_at(data, 0)->bytes);
	case COL_COUNT:
		return t->count;
	case COL_LEAKED:
		return t->leaked_bytes;
	default:
		return t->bytes;
	}
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct session *const *session = data;
	const struct type_row *t = row_at(data, row);

	switch (column) {
	case COL_TYPE:
		block_key_label(&(*session)->facts->heap, t->key, out->text,
				sizeof(out->text));
		break;
	case COL_COUNT:
		session_count(*session, t->count, out->text);
		break;
	case COL_LEAKED:
		if (t->leaked_count > 0)
			view_size_cell(*session, t->leaked_bytes, out);
		break;
	default:
		view_size_cell(*session, number(data, row, column), out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	return (struct subject){ SUBJECT_TYPE, row_at(data, row)->key };
}

static const struct view_class types_class = {
	.name = "Types", .columns = columns, .n_columns = 6,
	.sorted_by = COL_BYTES, .descending = true,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.pure_number = true,
		.subject = subject, .free = free,
	},
};

struct view *view_types_open(struct session *session, struct err *err)
{
	struct session **data;
	struct view *v;

	if (!summaries_types(session->facts, err))
		return NULL;
	data = malloc(sizeof(struct session *));
	if (data)
		*data = session;
	v = view_new(&types_class, data, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Types");
	return v;
}
