/* SPDX-License-Identifier: MIT */
/* Paths from the roots to one block or to all of a set, merged. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/ref_words.h"
#include "analyze/retainers.h"
#include "base/progress.h"
#include "tui/tree.h"
#include "tui/views.h"

enum { COL_COUNT, COL_PATH };

/* An item is a path (step NO_STEP) or one step of it; the last step is the
 * block that it leads to. */
#define NO_STEP UINT32_MAX

static const struct column columns[] = {
	[COL_COUNT] = { "Blocks", COLUMN_RIGHT, 8, STYLE_SIZE, 'B', 1, false },
	[COL_PATH] = { "Path from a root", COLUMN_TEXT, 0, STYLE_TYPE, 0, 0,
		       false },
};

struct paths {
	struct tree tree;	/* id: path << 32 | step */
	struct session *session;
	struct retainers retainers;
};

static const struct retainer_path *path_of(const struct paths *p,
					   uint32_t item)
{
	return &p->retainers.paths.at[p->tree.items.at[item].id >> 32];
}

static uint32_t step_of(const struct paths *p, uint32_t item)
{
	return (uint32_t)p->tree.items.at[item].id;
}

/* The node of a step; of a path that of its first step: the root. */
static uint32_t node_of(const struct paths *p, uint32_t item)
{
	const struct retainer_path *path = path_of(p, item);
	uint32_t step = step_of(p, item);

	if (step == NO_STEP)
		step = 0;
	return step < path->n_steps ?
	       p->retainers.steps.at[path->first_step + step].node :
	       path->target;
}

static bool children(struct tree *tree, uint32_t item, uint64_t limit,
		     uint64_t *left, struct err *err)
{
	const struct paths *p = (const struct paths *)tree;
	uint64_t id = tree->items.at[item].id >> 32 << 32;
	uint64_t n = path_of(p, item)->n_steps + 1;

	for (uint64_t i = tree->items.at[item].n_children; i < n && i < limit;
	     i++) {
		if (tree_add(tree, item, id | i, false) == TREE_NONE)
			return err_nomem(err, "paths");
	}
	*left = n > limit ? n - limit : 0;
	return true;
}

static uint64_t number(struct tree *tree, uint32_t item, int column)
{
	(void)column;
	return path_of((const struct paths *)tree, item)->count;
}

static void step_text(const struct paths *p, uint32_t item,
		      struct cell_out *out)
{
	const struct retainer_path *path = path_of(p, item);
	uint32_t step = step_of(p, item);
	const struct retainer_step *s = NULL;
	size_t n;

	view_node_text(p->session, node_of(p, item), out->text,
		       sizeof(out->text) / 2);
	n = strlen(out->text);
	if (step < path->n_steps)
		s = &p->retainers.steps.at[path->first_step + step];
	if (!s || step == NO_STEP)
		return;
	snprintf(out->text + n, sizeof(out->text) - n, "%s%s%s",
		 s->field[0] ? "  ." : "", s->field,
		 s->repeats ? "  and so on, one behind the other" : "");
	if (heap_is_root(&p->session->facts->heap, s->node))
		out->style = STYLE_KEY;
}

/* "app:table > Node.next > Session" */
static void path_text(const struct paths *p, uint32_t item,
		      struct cell_out *out)
{
	const struct retainer_path *path = path_of(p, item);
	const struct heap *heap = &p->session->facts->heap;
	char label[512], place[1024];
	size_t n = 0;

	for (size_t i = 0; i <= path->n_steps && n + 1 < sizeof(out->text);
	     i++) {
		const struct retainer_step *s = i < path->n_steps ?
			&p->retainers.steps.at[path->first_step + i] : NULL;

		view_label(p->session, s ? s->node : path->target, label,
			   sizeof(label));
		ref_place(label, s && !heap_is_root(heap, s->node) ? s->field :
			  "", place, sizeof(place));
		n = view_append(out, n, i ? " > " : "");
		n = view_append(out, n, place);
	}
}

static void text(struct tree *tree, uint32_t item, int column,
		 struct cell_out *out)
{
	const struct paths *p = (const struct paths *)tree;

	if (step_of(p, item) != NO_STEP) {
		if (column == COL_PATH)
			step_text(p, item, out);
		return;
	}
	if (column == COL_PATH)
		path_text(p, item, out);
	else
		session_count(p->session, path_of(p, item)->count, out->text);
}

static const struct tree_ops ops = {
	.children = children, .number = number, .text = text,
};

static struct subject subject(void *data, uint32_t row)
{
	const struct paths *p = data;

	if (tree_item(&p->tree, row)->more)
		return (struct subject){ .kind = SUBJECT_NONE };
	return (struct subject){ SUBJECT_NODE,
				 node_of(p, p->tree.rows.at[row]) };
}

static void free_paths(void *data)
{
	struct paths *p = data;

	tree_free(&p->tree);
	retainers_free(&p->retainers);
	free(p);
}

static const struct view_class paths_class = {
	.name = "Paths", .columns = columns, .n_columns = 2,
	.sorted_by = COL_COUNT, .descending = true,
	.model = {
		.n_rows = tree_n_rows, .cell = tree_cell,
		.number = tree_number, .subject = subject,
		.tree = &tree_functions, .free = free_paths,
	},
};

static bool fill(struct paths *p, struct err *err)
{
	for (uint64_t i = 0; i < p->retainers.paths.len; i++) {
		if (tree_add(&p->tree, TREE_NONE, i << 32 | NO_STEP, true) ==
		    TREE_NONE)
			return err_nomem(err, "paths");
	}
	/* The first one is what most want to see. */
	return (p->retainers.paths.len == 0 || tree_load(&p->tree, 0, err)) &&
	       tree_show(&p->tree, err);
}

struct view *view_paths_open(struct session *session, const uint32_t *targets,
			     size_t n, const char *title, struct err *err)
{
	struct paths *p = calloc(1, sizeof(*p));
	struct view *v;
	bool ok;

	if (!p) {
		err_nomem(err, "paths");
		return NULL;
	}
	tree_init(&p->tree, &ops, &paths_class);
	p->session = session;
	progress_begin("looking for the shortest paths", 0);
	ok = retainers_build(session->facts, targets, n, &p->retainers, err);
	progress_end();
	if (!ok || !fill(p, err)) {
		free_paths(p);
		return NULL;
	}
	v = view_new(&paths_class, p, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "%s", title);
	return v;
}
