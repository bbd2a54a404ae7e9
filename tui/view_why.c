/* SPDX-License-Identifier: MIT */
/* Why a block has its type: the words that gave it, back to the first; and
 * below, what else it could be. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "analyze/why_chain.h"
#include "tui/views.h"

enum { COL_EVIDENCE, COL_SURE, COL_STEP };

static const struct column columns[] = {
	[COL_EVIDENCE] = { "Evidence", COLUMN_TEXT, 12, STYLE_NORMAL, 0, 1,
			   false },
	[COL_SURE] = { "Sure", COLUMN_RIGHT, 5, STYLE_SIZE, 0, 2, false },
	[COL_STEP] = { "From the block to where its type comes from",
		       COLUMN_TEXT, 0, STYLE_TYPE, 0, 0, false },
};

/* Rows: the block, who has the word of each step, other types. */
struct why {
	struct session *session;
	uint32_t node;
	struct why_chain chain;
	struct alternative others[MAX_ALTERNATIVES];
	size_t n_others;
};

static uint32_t n_rows(const void *data)
{
	const struct why *w = data;

	return (uint32_t)(1 + w->chain.n + w->n_others);
}

/* The node that a row is about; NODE_NONE: none. */
static uint32_t node_of(const struct why *w, uint32_t row)
{
	if (row == 0)
		return w->node;
	return row <= w->chain.n ? w->chain.at[row - 1].why : NODE_NONE;
}

/* "app:table: its head at +0x8 refers to it" */
static void step_text(const struct why *w, const struct why_step *step,
		      struct cell_out *out)
{
	const struct heap *heap = &w->session->facts->heap;
	char node[sizeof(out->text) / 2], field[512], more[48] = "";

	if (step->why == NODE_NONE) {
		snprintf(out->text, sizeof(out->text),
			 "its contents fit no other type as well");
		return;
	}
	view_node_text(w->session, step->why, node, sizeof(node));
	if (step->why == step->node) {
		snprintf(out->text, sizeof(out->text),
			 "%s: its own word at +0x%" PRIx32, node, step->offset);
		return;
	}
	ref_field(heap, step->why, step->offset, field, sizeof(field));
	if (step->more > 0)
		snprintf(more, sizeof(more), ", and %" PRIu32 " more like that",
			 step->more);
	snprintf(out->text, sizeof(out->text),
		 "%s: its %s at +0x%" PRIx32 " refers to it%s", node,
		 field[0] ? field : "word", step->offset, more);
}

/* A type that the block's size and contents allow as well. */
static void other_cell(const struct why *w, size_t i, int column,
		       struct cell_out *out)
{
	const struct type_table *types =
		&w->session->facts->heap.image->types;

	if (column == COL_EVIDENCE)
		snprintf(out->text, sizeof(out->text), "could be");
	else if (column == COL_STEP)
		types_name(types, w->others[i].type, out->text,
			   sizeof(out->text));
}

static void evidence_cell(const struct why *w, uint32_t node, int column,
			  struct cell_out *out)
{
	const struct heap *heap = &w->session->facts->heap;

	if (node == NODE_NONE)
		return;
	if (column == COL_SURE && node < heap->n_blocks)
		snprintf(out->text, sizeof(out->text), "%u %%",
			 heap->confidence[node]);
	else if (column == COL_EVIDENCE)
		snprintf(out->text, sizeof(out->text), "%s",
			 node >= heap->n_blocks ? "variable" :
			 evidence_names[heap->evidence[node]]);
}

static void block_text(const struct why *w, struct cell_out *out)
{
	const struct heap *heap = &w->session->facts->heap;

	view_node_text(w->session, w->node, out->text, sizeof(out->text) / 2);
	if (heap->type[w->node] == TYPE_NONE)
		view_append(out, strlen(out->text), ": its type is not known");
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct why *w = data;

	if (row > w->chain.n)
		other_cell(w, row - w->chain.n - 1, column, out);
	else if (column != COL_STEP)
		evidence_cell(w, node_of(w, row), column, out);
	else if (row == 0)
		block_text(w, out);
	else
		step_text(w, &w->chain.at[row - 1], out);
}

static struct subject subject(void *data, uint32_t row)
{
	uint32_t node = node_of(data, row);

	return (struct subject){ node == NODE_NONE ? SUBJECT_NONE :
				 SUBJECT_NODE, node };
}

static const struct view_class why_class = {
	.name = "Why", .columns = columns, .n_columns = 3, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .subject = subject,
		.free = free,
	},
};

struct view *view_why_open(struct session *session, uint32_t node,
			   struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	struct why *w = calloc(1, sizeof(*w));
	char label[VIEW_TITLE - 32];
	struct view *v;

	if (!w) {
		err_nomem(err, "the evidence");
		return NULL;
	}
	w->session = session;
	w->node = node;
	why_chain_find(heap, node, &w->chain);
	if (node < heap->n_blocks) {
		if (!session_others(session, err)) {
			free(w);
			return NULL;
		}
		w->n_others = alternatives_find(&session->others, node,
						w->others);
	}
	v = view_new(&why_class, w, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "why the type of %s",
			 view_node_text(session, node, label, sizeof(label)));
	return v;
}
