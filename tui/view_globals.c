/* SPDX-License-Identifier: MIT */
/* Globals: variables and unnamed data, by what they retain. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "tui/table.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_BAR, COL_BYTES, COL_KIND, COL_TYPE, COL_NAME };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 0,
			   false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 4, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 3, false },
	[COL_KIND] = { "Kind", COLUMN_TEXT, 12, STYLE_DIM, 'K', 2, false },
	[COL_TYPE] = { "Type", COLUMN_TEXT, 24, STYLE_TYPE, 'T', 5, true },
	[COL_NAME] = { "Variable", COLUMN_TEXT, 0, STYLE_NORMAL, 'V', 0,
		       true },
};

struct globals {
	struct session *session;
	uint64_t largest;	/* retained by one */
	VEC(uint32_t) roots;	/* indexes in heap.roots */
};

static const struct root *root_at(const struct globals *g, uint32_t row)
{
	return &g->session->facts->heap.roots[g->roots.at[row]];
}

static uint32_t n_rows(const void *data)
{
	const struct globals *g = data;

	return (uint32_t)g->roots.len;
}

static uint64_t retained(const struct globals *g, uint32_t row)
{
	const struct facts *f = g->session->facts;

	return f->dom.retained[f->heap.n_blocks + g->roots.at[row]];
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct globals *g = data;

	switch (column) {
	case COL_BAR:
		return thousandths(retained(g, row), g->largest);
	case COL_BYTES:
		return root_at(g, row)->size;
	case COL_KIND:
		return root_at(g, row)->kind;
	default:
		return retained(g, row);
	}
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct globals *g = data;
	const struct root *root = root_at(g, row);

	switch (column) {
	case COL_KIND:
		snprintf(out->text, sizeof(out->text), "%s",
			 root_kind_names[root->kind]);
		break;
	case COL_TYPE:
		if (root->type != TYPE_NONE)
			types_name(&g->session->facts->image.types, root->type,
				   out->text, sizeof(out->text));
		break;
	case COL_NAME:
		snprintf(out->text, sizeof(out->text), "%s", root->name);
		break;
	default:
		view_size_cell(g->session, number(data, row, column), out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	const struct globals *g = data;

	return (struct subject){ SUBJECT_NODE,
				 g->session->facts->heap.n_blocks +
				 g->roots.at[row] };
}

static void free_globals(void *data)
{
	struct globals *g = data;

	vec_free(&g->roots);
	free(g);
}

static const struct view_class globals_class = {
	.name = "Globals", .columns = columns, .n_columns = 6, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .free = free_globals,
	},
};

static bool is_global(const struct root *root)
{
	return root->kind == ROOT_VARIABLE || root->kind == ROOT_TLS ||
	       root->kind == ROOT_DATA;
}

struct view *view_globals_open(struct session *session, struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	struct globals *g = calloc(1, sizeof(*g));
	struct view *v;
	bool ok = g != NULL, done;

	for (uint32_t i = 0; ok && i < heap->n_roots; i++) {
		if (is_global(&heap->roots[i]))
			ok = vec_push(&g->roots, i);
	}
	if (!ok) {
		err_nomem(err, "globals");
		if (g)
			free_globals(g);
		return NULL;
	}
	g->session = session;
	for (uint32_t i = 0; i < g->roots.len; i++) {
		if (retained(g, i) > g->largest)
			g->largest = retained(g, i);
	}
	v = view_new(&globals_class, g, session, err);
	if (v && !table_sort_key(v, 'R', &done, err)) {
		view_free(v);
		return NULL;
	}
	if (v)
		snprintf(v->title, sizeof(v->title), "Globals");
	return v;
}
