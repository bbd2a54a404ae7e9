/* SPDX-License-Identifier: MIT */
/* Leaks: groups of what no root reaches. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "tui/table.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_BAR, COL_BYTES, COL_COUNT, COL_VERDICT, COL_TYPE };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 0,
			   false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 5, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 4, false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 8, STYLE_NORMAL, 'C', 2, false },
	[COL_VERDICT] = { "Verdict", COLUMN_TEXT, 9, STYLE_LEAK, 'V', 3, true },
	[COL_TYPE] = { "Type", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0, true },
};

struct losses {
	struct session *session;
	uint64_t largest;	/* retained by one group */
};

static const struct leak_group *group_at(const void *data, uint32_t row)
{
	const struct losses *l = data;

	return &l->session->facts->leaks.groups[row];
}

static uint32_t n_rows(const void *data)
{
	const struct losses *l = data;

	return l->session->facts->leaks.n_groups;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct losses *l = data;
	const struct leak_group *g = group_at(data, row);
	uint64_t retained = facts_group_retained(l->session->facts, row);

	switch (column) {
	case COL_BAR:
		return thousandths(retained, l->largest);
	case COL_BYTES:
		return g->bytes;
	case COL_COUNT:
		return g->count;
	default:
		return retained;
	}
}

/* "cycle of 2 Node, Session; held by app:table" */
static void describe(const struct losses *l, const struct leak_group *g,
		     struct cell_out *out)
{
	const struct facts *f = l->session->facts;
	char label[1024];
	size_t n = 0;

	if (g->cycle)
		n = view_append(out, n, "cycle of ");
	n = view_members(l->session, &f->leaks.signatures,
			 (uint32_t)(g - f->leaks.groups), out, n);
	if (g->held_by == NODE_NONE)
		return;
	n = view_append(out, n, "; held by ");
	view_append(out, n, view_node_text(l->session, g->held_by, label,
					   sizeof(label)));
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct losses *l = data;
	const struct leak_group *g = group_at(data, row);

	switch (column) {
	case COL_COUNT:
		session_count(l->session, g->count, out->text);
		break;
	case COL_VERDICT:
		snprintf(out->text, sizeof(out->text), "%s",
			 g->verdict == STATE_LEAKED ? "definite" :
			 state_names[g->verdict]);
		break;
	case COL_TYPE:
		describe(l, g, out);
		break;
	default:
		view_size_cell(l->session, number(data, row, column), out);
	}
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct losses *l = data;
	const struct leaks *leaks = &l->session->facts->leaks;
	char size[HUMAN_MAX], count[HUMAN_MAX];
	size_t n = 0;

	if (line > 0)
		return false;
	for (int s = STATE_LEAKED; s < N_STATES; s++) {
		char text[128];

		snprintf(text, sizeof(text), "%s%s %s in %s block%s",
			 n ? ", " : "", state_names[s],
			 session_size(l->session, leaks->total[s].bytes, size),
			 session_count(l->session, leaks->total[s].blocks,
				       count),
			 leaks->total[s].blocks == 1 ? "" : "s");
		if (leaks->total[s].blocks > 0 || s == STATE_LEAKED)
			n = view_append(out, n, text);
	}
	return true;
}

static struct subject subject(void *data, uint32_t row)
{
	(void)data;
	return (struct subject){ SUBJECT_GROUP, row };
}

static const struct view_class leaks_class = {
	.name = "Leaks", .columns = columns, .n_columns = 6, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .head = head, .free = free,
	},
};

struct view *view_leaks_open(struct session *session, struct err *err)
{
	struct losses *data = calloc(1, sizeof(*data));
	struct view *v;
	bool done;

	for (uint32_t g = 0; data && g < session->facts->leaks.n_groups; g++) {
		uint64_t retained = facts_group_retained(session->facts, g);

		if (retained > data->largest)
			data->largest = retained;
	}
	if (data)
		data->session = session;
	v = view_new(&leaks_class, data, session, err);
	if (v && !table_sort_key(v, 'R', &done, err)) {
		view_free(v);
		return NULL;
	}
	if (v)
		snprintf(v->title, sizeof(v->title), "Leaks");
	return v;
}
