/* SPDX-License-Identifier: MIT */
/* Why a block has its type: the words that gave it, back to the first. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "tui/views.h"

enum { COL_EVIDENCE, COL_SURE, COL_STEP, MAX_STEPS = 1000 };

static const struct column columns[] = {
	[COL_EVIDENCE] = { "Evidence", COLUMN_TEXT, 12, STYLE_NORMAL, 0, 1,
			   false },
	[COL_SURE] = { "Sure", COLUMN_RIGHT, 5, STYLE_SIZE, 0, 2, false },
	[COL_STEP] = { "From the block to where its type comes from",
		       COLUMN_TEXT, 0, STYLE_TYPE, 0, 0, false },
};

struct why {
	struct session *session;
	VEC(uint32_t) nodes;	/* the block, what gave its type, ... */
};

static uint32_t n_rows(const void *data)
{
	const struct why *w = data;

	return (uint32_t)w->nodes.len;
}

/* "app:table.head  says so", what the row above has its type from. */
static void step(const struct why *w, uint32_t row, struct cell_out *out)
{
	const struct heap *heap = &w->session->facts->heap;
	uint32_t node = w->nodes.at[row], below;
	char field[512];
	size_t n;

	view_node_text(w->session, node, out->text, sizeof(out->text) / 2);
	if (row == 0)
		return;
	below = w->nodes.at[row - 1];
	n = strlen(out->text);
	ref_field(heap, node, heap->why_offset[below], field, sizeof(field));
	if (node == below)
		snprintf(out->text + n, sizeof(out->text) - n,
			 ": its own word at +0x%" PRIx32,
			 heap->why_offset[below]);
	else
		snprintf(out->text + n, sizeof(out->text) - n,
			 ": its %s at +0x%" PRIx32 " refers to it",
			 field[0] ? field : "word", heap->why_offset[below]);
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct why *w = data;
	const struct heap *heap = &w->session->facts->heap;
	uint32_t node = w->nodes.at[row];
	bool block = node < heap->n_blocks;

	switch (column) {
	case COL_EVIDENCE:
		snprintf(out->text, sizeof(out->text), "%s", block ?
			 evidence_names[heap->evidence[node]] : "variable");
		break;
	case COL_SURE:
		if (block)
			snprintf(out->text, sizeof(out->text), "%u %%",
				 heap->confidence[node]);
		break;
	default:
		step(w, row, out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	const struct why *w = data;

	return (struct subject){ SUBJECT_NODE, w->nodes.at[row] };
}

static void free_why(void *data)
{
	struct why *w = data;

	vec_free(&w->nodes);
	free(w);
}

static const struct view_class why_class = {
	.name = "Why", .columns = columns, .n_columns = 3, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .subject = subject,
		.free = free_why,
	},
};

struct view *view_why_open(struct session *session, uint32_t node,
			   struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	struct why *w = calloc(1, sizeof(*w));
	char label[VIEW_TITLE - 32];
	struct view *v;
	bool ok = w != NULL;

	if (w)
		w->session = session;
	for (uint32_t at = node; ok && at != NODE_NONE &&
	     w->nodes.len < MAX_STEPS;) {
		uint32_t next = at < heap->n_blocks ? heap->why_node[at] :
						      NODE_NONE;
		bool own = w->nodes.len > 0 &&
			   w->nodes.at[w->nodes.len - 1] == at;

		ok = vec_push(&w->nodes, at);
		at = own ? NODE_NONE : next;
	}
	if (!ok) {
		err_nomem(err, "the evidence");
		if (w)
			free_why(w);
		return NULL;
	}
	v = view_new(&why_class, w, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "why the type of %s",
			 view_node_text(session, node, label, sizeof(label)));
	return v;
}
