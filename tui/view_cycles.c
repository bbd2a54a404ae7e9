/* SPDX-License-Identifier: MIT */
/* Cycles: groups of blocks that refer to each other in a circle. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/ref_words.h"
#include "tui/tree.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_BAR, COL_BYTES, COL_COUNT, COL_BLOCKS, COL_STATE,
       COL_TYPES };

/* An item is a group (step NO_STEP) or one step of its way round. */
#define NO_STEP UINT32_MAX

/* The word in a larger block is not looked for: the screen would wait. */
enum { MAX_SOURCE = 1 << 20, SHORT_WAY = 8 };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 12, STYLE_SIZE, 'R', 0,
			   false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 6, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 4, false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 8, STYLE_NORMAL, 'C', 2, false },
	[COL_BLOCKS] = { "Blocks", COLUMN_RIGHT, 8, STYLE_NORMAL, 'o', 5,
			 false },
	[COL_STATE] = { "State", COLUMN_TEXT, 11, STYLE_NORMAL, 'S', 3, true },
	[COL_TYPES] = { "Types", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0, true },
};

struct circles {
	struct tree tree;	/* id: group << 32 | step */
	struct session *session;
	const struct cycles *all;	/* of the facts */
	uint64_t largest;	/* retained by one group */
};

static uint32_t group_of(const struct circles *c, uint32_t item)
{
	return (uint32_t)(c->tree.items.at[item].id >> 32);
}

static uint32_t step_of(const struct circles *c, uint32_t item)
{
	return (uint32_t)c->tree.items.at[item].id;
}

static const struct cycle_group *cycles_of(const struct circles *c,
					   uint32_t item)
{
	return &c->all->groups[group_of(c, item)];
}

/* The block of step @i of the way round; behind the last is the first. */
static uint32_t node_at(const struct circles *c, const struct cycle_group *g,
			size_t i)
{
	return c->all->steps.at[g->first_step + i % g->n_steps];
}

static bool children(struct tree *tree, uint32_t item, uint64_t limit,
		     uint64_t *left, struct err *err)
{
	const struct circles *c = (const struct circles *)tree;
	uint64_t id = (uint64_t)group_of(c, item) << 32;
	uint64_t n = cycles_of(c, item)->n_steps;

	for (uint64_t i = tree->items.at[item].n_children; i < n && i < limit;
	     i++) {
		if (tree_add(tree, item, id | i, false) == TREE_NONE)
			return err_nomem(err, "cycles");
	}
	*left = n > limit ? n - limit : 0;
	return true;
}

/* A way has one order: that of its steps. */
static bool keeps_order(const struct tree *tree, uint32_t item)
{
	(void)tree;
	return item != TREE_NONE;
}

static uint64_t number(struct tree *tree, uint32_t item, int column)
{
	const struct circles *c = (const struct circles *)tree;
	const struct facts *f = c->session->facts;
	const struct cycle_group *g = cycles_of(c, item);
	uint32_t step = step_of(c, item), node;

	if (step != NO_STEP) {
		node = node_at(c, g, step);
		return column == COL_BYTES ? heap_size(&f->heap, node) :
		       column == COL_RETAINED ? f->dom.retained[node] : 0;
	}
	switch (column) {
	case COL_BAR:
		return thousandths(g->retained, c->largest);
	case COL_BYTES:
		return g->bytes;
	case COL_COUNT:
		return g->count;
	case COL_BLOCKS:
		return g->blocks;
	default:
		return g->retained;
	}
}

static bool has_bar(void *data, uint32_t row)
{
	const struct tree_item *item = tree_item(data, row);

	return !item->more && (uint32_t)item->id == NO_STEP;
}

/* "Node.next  0x55d0c0ffee00", and the last one leads to the first. */
static void step_text(const struct circles *c, uint32_t item,
		      struct cell_out *out)
{
	const struct heap *heap = &c->session->facts->heap;
	const struct cycle_group *g = cycles_of(c, item);
	uint32_t step = step_of(c, item), node = node_at(c, g, step);
	char text[512];
	uint64_t offset;
	size_t n;

	n = view_append(out, 0, view_label(c->session, node, text,
					   sizeof(text)));
	if (heap_size(heap, node) <= MAX_SOURCE) {
		offset = ref_offset(heap, &c->session->window, node,
				    node_at(c, g, (size_t)step + 1));
		text[0] = '\0';
		if (offset != UINT64_MAX)
			ref_field(heap, node, offset, text, sizeof(text));
		if (text[0] && text[0] != '[' && text[0] != '+')
			n = view_append(out, n, ".");
		n = view_append(out, n, text);
	}
	snprintf(text, sizeof(text), "  0x%" PRIx64 "%s", heap->addr[node],
		 step + 1 == g->n_steps ? "  back to the first" : "");
	view_append(out, n, text);
}

static void group_text(const struct circles *c, uint32_t item, int column,
		       struct cell_out *out)
{
	const struct cycle_group *g = cycles_of(c, item);
	char size[HUMAN_MAX];

	switch (column) {
	case COL_RETAINED:
		snprintf(out->text, sizeof(out->text), "%s%s",
			 g->exact ? "" : ">=",
			 session_size(c->session, g->retained, size));
		break;
	case COL_BYTES:
		view_size_cell(c->session, g->bytes, out);
		break;
	case COL_STATE:
		snprintf(out->text, sizeof(out->text), "%s",
			 g->reachable ? "reachable" : "unreachable");
		if (!g->reachable)
			out->style = STYLE_LEAK;
		break;
	case COL_TYPES:
		view_members(c->session, &c->all->signatures,
			     group_of(c, item), out, 0);
		break;
	default:
		session_count(c->session, column == COL_COUNT ? g->count :
			      g->blocks, out->text);
	}
}

static void text(struct tree *tree, uint32_t item, int column,
		 struct cell_out *out)
{
	const struct circles *c = (const struct circles *)tree;

	if (step_of(c, item) == NO_STEP)
		group_text(c, item, column, out);
	else if (column == COL_TYPES)
		step_text(c, item, out);
	else if (column == COL_RETAINED || column == COL_BYTES)
		view_size_cell(c->session, number(tree, item, column), out);
}

static const struct tree_ops ops = {
	.children = children, .number = number, .text = text,
	.keeps_order = keeps_order,
};

static struct subject subject(void *data, uint32_t row)
{
	const struct circles *c = data;
	const struct tree_item *item = tree_item(&c->tree, row);
	uint32_t at = c->tree.rows.at[row];

	if (item->more)
		return (struct subject){ .kind = SUBJECT_NONE };
	if (step_of(c, at) == NO_STEP)
		return (struct subject){ SUBJECT_CYCLES, group_of(c, at) };
	return (struct subject){ SUBJECT_NODE, node_at(c, cycles_of(c, at),
						       step_of(c, at)) };
}

/* "3 unreachable cycles, 96 B in 6 blocks" */
static size_t add_sum(const struct circles *c, bool reachable,
		      struct cell_out *out, size_t n)
{
	const struct cycles *all = c->all;
	char text[128], size[HUMAN_MAX], count[HUMAN_MAX];
	struct cycle_group sum = {0};

	for (uint32_t g = 0; g < all->n_groups; g++) {
		if (all->groups[g].reachable != reachable)
			continue;
		sum.count += all->groups[g].count;
		sum.bytes += all->groups[g].bytes;
		sum.blocks += all->groups[g].blocks;
	}
	snprintf(text, sizeof(text), "%s %s cycle%s",
		 session_count(c->session, sum.count, count),
		 reachable ? "reachable" : "unreachable",
		 sum.count == 1 ? "" : "s");
	n = view_append(out, n, text);
	snprintf(text, sizeof(text), ", %s in %s blocks",
		 session_size(c->session, sum.bytes, size),
		 session_count(c->session, sum.blocks, count));
	return sum.count > 0 ? view_append(out, n, text) : n;
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct circles *c = data;
	size_t n;

	if (line > 0)
		return false;
	n = add_sum(c, false, out, 0);
	n = view_append(out, n, "; ");
	add_sum(c, true, out, n);
	return true;
}

static void free_circles(void *data)
{
	struct circles *c = data;

	tree_free(&c->tree);
	free(c);
}

static const struct view_class cycles_class = {
	.name = "Cycles", .columns = columns, .n_columns = 7, .least = 34,
	.sorted_by = COL_RETAINED, .descending = true,
	.model = {
		.n_rows = tree_n_rows, .cell = tree_cell,
		.number = tree_number, .has_bar = has_bar, .subject = subject,
		.head = head, .tree = &tree_functions, .free = free_circles,
	},
};

static bool fill(struct circles *c, struct err *err)
{
	const struct cycles *all = c->all;

	for (uint32_t g = 0; g < all->n_groups; g++) {
		if (all->groups[g].retained > c->largest)
			c->largest = all->groups[g].retained;
		if (tree_add(&c->tree, TREE_NONE, (uint64_t)g << 32 | NO_STEP,
			     all->groups[g].n_steps > 0) == TREE_NONE)
			return err_nomem(err, "cycles");
	}
	if (!tree_functions.sort(&c->tree, COL_RETAINED, true, err))
		return false;
	/* What the first one looks like is what most want to see. */
	return all->n_groups == 0 ||
	       cycles_of(c, c->tree.first)->n_steps > SHORT_WAY ||
	       (tree_load(&c->tree, c->tree.first, err) &&
		tree_show(&c->tree, err));
}

struct view *view_cycles_open(struct session *session, struct err *err)
{
	struct circles *c;
	struct view *v;

	if (!summaries_cycles(session->facts, err))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_nomem(err, "cycles");
		return NULL;
	}
	tree_init(&c->tree, &ops, &cycles_class);
	c->session = session;
	c->all = &session->facts->summaries.cycles;
	if (!fill(c, err)) {
		free_circles(c);
		return NULL;
	}
	v = view_new(&cycles_class, c, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Cycles");
	return v;
}
