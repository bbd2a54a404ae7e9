/* SPDX-License-Identifier: MIT */
/* Lists of blocks: all of a type, the instances of a leak, bookmarks. */
#include <inttypes.h>
#include <stdio.h>

#include "tui/block_match.h"
#include "tui/views.h"

enum { COL_ADDRESS, COL_BYTES, COL_RETAINED, COL_STATE, COL_BLOCK };

static const struct column columns[] = {
	[COL_ADDRESS] = { "Address", COLUMN_TEXT, 14, STYLE_ADDRESS, 'A', 2,
			  false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 3, false },
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 1,
			   false },
	[COL_STATE] = { "State", COLUMN_TEXT, 9, STYLE_NORMAL, 'S', 4, false },
	[COL_BLOCK] = { "Block", COLUMN_TEXT, 0, STYLE_TYPE, 0, 0, false },
};

struct list {
	struct session *session;
	const uint32_t *nodes;	/* [n], borrowed */
	size_t n;
};

static uint32_t n_rows(const void *data)
{
	const struct list *l = data;

	return (uint32_t)l->n;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct list *l = data;
	const struct facts *f = l->session->facts;
	uint32_t node = l->nodes[row];
	bool root = heap_is_root(&f->heap, node);

	switch (column) {
	case COL_ADDRESS:
		return root ? heap_root(&f->heap, node)->addr :
			      f->heap.addr[node];
	case COL_BYTES:
		return root ? heap_root(&f->heap, node)->size :
			      heap_size(&f->heap, node);
	case COL_RETAINED:
		return f->dom.retained[node];
	default:
		return root ? N_STATES : f->heap.state[node];
	}
}

static void describe(const struct list *l, uint32_t node, struct cell_out *out)
{
	const struct facts *f = l->session->facts;
	char label[1024];
	uint32_t above;
	size_t n;

	view_label(l->session, node, out->text, sizeof(out->text) / 2);
	n = strlen(out->text);
	if (heap_is_root(&f->heap, node) ||
	    block_preview(&f->heap, &l->session->window, node, out->text + n,
			  sizeof(out->text) - n))
		return;
	above = session_parent(l->session, node);
	if (above != NODE_NONE && above < f->heap.n_nodes)
		snprintf(out->text + n, sizeof(out->text) - n, "  in %s",
			 view_node_text(l->session, above, label,
					sizeof(label)));
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct list *l = data;
	uint64_t value = column == COL_BLOCK ? 0 : number(data, row, column);

	switch (column) {
	case COL_ADDRESS:
		snprintf(out->text, sizeof(out->text), "0x%" PRIx64, value);
		break;
	case COL_STATE:
		snprintf(out->text, sizeof(out->text), "%s",
			 value < N_STATES ? state_names[value] : "root");
		if (value == STATE_LEAKED)
			out->style = STYLE_LEAK;
		break;
	case COL_BLOCK:
		describe(l, l->nodes[row], out);
		break;
	default:
		view_size_cell(l->session, value, out);
	}
}

static void *match_new(void *data, const char *pattern)
{
	const struct list *l = data;

	return block_match_new(l->session, pattern);
}

static bool match(void *data, void *matching, uint32_t row, unsigned worker)
{
	const struct list *l = data;

	return block_match_has(matching, l->nodes[row], worker);
}

static void match_free(void *matching)
{
	block_match_free(matching);
}

static struct subject subject(void *data, uint32_t row)
{
	const struct list *l = data;

	return (struct subject){ SUBJECT_NODE, l->nodes[row] };
}

static const struct view_class blocks_class = {
	.name = "Blocks", .columns = columns, .n_columns = 5, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.pure_number = true,
		.match_new = match_new, .match = match,
		.match_free = match_free,
		.subject = subject, .free = free,
	},
};

struct view *view_blocks_open(struct session *session, const uint32_t *nodes,
			      size_t n, const char *title, struct err *err)
{
	struct list *data = calloc(1, sizeof(*data));
	struct view *v;

	if (data)
		*data = (struct list){ session, nodes, n };
	v = view_new(&blocks_class, data, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "%s", title);
	return v;
}

struct view *view_type_blocks_open(struct session *session, uint64_t key,
				   struct err *err)
{
	char label[VIEW_TITLE - 16], title[VIEW_TITLE];
	const struct type_blocks *blocks = session_type_blocks(session, key,
							       err);

	if (!blocks)
		return NULL;
	if (blocks->n == 0) {
		err_set(err, ERR_FORMAT, "there are no blocks of this type");
		return NULL;
	}
	snprintf(title, sizeof(title), "all %s",
		 block_key_label(&session->facts->heap, key, label,
				 sizeof(label)));
	return view_blocks_open(session, blocks->nodes, (size_t)blocks->n,
				title, err);
}

struct view *view_group_blocks_open(struct session *session, uint32_t g,
				    struct err *err)
{
	const struct facts *f = session->facts;
	const struct leak_group *group = &f->leaks.groups[g];
	char label[VIEW_TITLE - 32], title[VIEW_TITLE];

	snprintf(title, sizeof(title), "%s %s", state_names[group->verdict],
		 block_key_label(&f->heap, group->key, label, sizeof(label)));
	return view_blocks_open(session, f->leaks.nodes + f->leaks.rows[g],
				f->leaks.rows[g + 1] - f->leaks.rows[g], title,
				err);
}

struct view *view_cycle_blocks_open(struct session *session, uint32_t g,
				    struct err *err)
{
	const struct cycles *c = &session->facts->summaries.cycles;
	char label[VIEW_TITLE - 32], title[VIEW_TITLE];

	snprintf(title, sizeof(title), "cycles of %s",
		 block_key_label(&session->facts->heap, c->groups[g].key, label,
				 sizeof(label)));
	return view_blocks_open(session, c->node + c->row[g],
				c->row[g + 1] - c->row[g], title, err);
}

/* A list with nodes of its own. */
struct own_list {
	struct list list;
	uint32_t nodes[];
};

struct view *view_nodes_open(struct session *session, const uint32_t *nodes,
			     size_t n, const char *title, struct err *err)
{
	struct own_list *data = malloc(sizeof(*data) +
				       n * sizeof(data->nodes[0]));
	struct view *v;

	if (data) {
		data->list = (struct list){ session, data->nodes, n };
		for (size_t i = 0; i < n; i++)
			data->nodes[i] = nodes[i];
	}
	v = view_new(&blocks_class, data, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "%s", title);
	return v;
}

/* A copy: bookmarks come and go while the list is open. */
struct view *view_marks_open(struct session *session, struct err *err)
{
	return view_nodes_open(session, session->marks.at, session->marks.len,
			       "bookmarks", err);
}
