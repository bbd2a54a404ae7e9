/* SPDX-License-Identifier: MIT */
/* Counts: shared objects whose count is not what refers to them. */
#include <inttypes.h>
#include <stdio.h>

#include "tui/views.h"

enum { COL_RETAINED, COL_COUNT, COL_FOUND, COL_UNKNOWN, COL_WEAK, COL_WHAT,
       COL_TYPE };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 0,
			   false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 7, STYLE_NORMAL, 'C', 0, false },
	[COL_FOUND] = { "Found", COLUMN_RIGHT, 7, STYLE_NORMAL, 'F', 3, false },
	[COL_UNKNOWN] = { "Unknown", COLUMN_RIGHT, 8, STYLE_LEAK, 'U', 0,
			  false },
	[COL_WEAK] = { "Weak", COLUMN_RIGHT, 7, STYLE_NORMAL, 'W', 4, false },
	[COL_WHAT] = { "", COLUMN_TEXT, 10, STYLE_HEADER, 0, 5, false },
	[COL_TYPE] = { "Object", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0, true },
};

struct counts {
	struct session *session;
	struct refcounts all;
};

static const char *const what[N_REFCOUNT_KINDS] = {
	[REFCOUNT_UNKNOWN] = "unknown",
	[REFCOUNT_OVER] = "too many",
	[REFCOUNT_LOST] = "lost",
	[REFCOUNT_WEAK_ONLY] = "weak only",
};

static uint32_t n_rows(const void *data)
{
	const struct counts *c = data;

	return (uint32_t)c->all.at.len;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct counts *c = data;
	const struct refcount *r = &c->all.at.at[row];

	switch (column) {
	case COL_COUNT:
		return (uint64_t)r->count;
	case COL_FOUND:
		return r->found;
	case COL_UNKNOWN:
		/* Negative ones come last. */
		return (uint64_t)(refcount_unknown(r) + INT32_MAX);
	case COL_WEAK:
		return (uint64_t)r->weak;
	default:
		return c->session->facts->dom.retained[r->node];
	}
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct counts *c = data;
	const struct refcount *r = &c->all.at.at[row];

	switch (column) {
	case COL_RETAINED:
		view_size_cell(c->session, number(data, row, column), out);
		break;
	case COL_UNKNOWN:
		snprintf(out->text, sizeof(out->text), "%" PRId64,
			 refcount_unknown(r));
		break;
	case COL_WHAT:
		snprintf(out->text, sizeof(out->text), "%s", what[r->kind]);
		break;
	case COL_TYPE:
		view_node_text(c->session, r->node, out->text,
			       sizeof(out->text));
		break;
	default:
		snprintf(out->text, sizeof(out->text), "%" PRIu64,
			 number(data, row, column));
	}
}

static struct subject subject(void *data, uint32_t row)
{
	const struct counts *c = data;

	return (struct subject){ SUBJECT_NODE, c->all.at.at[row].node };
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct counts *c = data;

	snprintf(out->text, sizeof(out->text), "%" PRIu64 " control blocks, %"
		 PRIu64 " whose count only stacks or untyped blocks explain",
		 c->all.control_blocks, c->all.unclear);
	return line == 0;
}

static void free_counts(void *data)
{
	struct counts *c = data;

	refcounts_free(&c->all);
	free(c);
}

static const struct view_class refcounts_class = {
	.name = "Counts", .columns = columns, .n_columns = 7, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .head = head, .free = free_counts,
	},
};

struct view *view_refcounts_open(struct session *session, struct err *err)
{
	struct counts *c = calloc(1, sizeof(*c));
	struct view *v;

	if (!c) {
		err_nomem(err, "reference counts");
		return NULL;
	}
	c->session = session;
	if (!refcounts_build(session->facts, &c->all, err)) {
		free(c);
		return NULL;
	}
	v = view_new(&refcounts_class, c, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Counts");
	return v;
}
