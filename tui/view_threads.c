/* SPDX-License-Identifier: MIT */
/* Threads: their locals, stacks and registers, and what each retains. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/fatal_signal.h"
#include "analyze/node_label.h"
#include "analyze/thread_frames.h"
#include "base/human.h"
#include "tui/tree.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_KIND, COL_ID, COL_NAME };

/* Ids of items: nodes, and threads by their index; ended threads are one. */
#define THREAD (UINT64_C(1) << 63)
#define ENDED (THREAD | UINT32_MAX)

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 0,
			   false },
	[COL_KIND] = { "Kind", COLUMN_TEXT, 12, STYLE_DIM, 'K', 2, true },
	[COL_ID] = { "Id", COLUMN_RIGHT, 8, STYLE_NORMAL, 'I', 1, false },
	[COL_NAME] = { "Thread", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0, true },
};

struct threads {
	struct tree tree;
	struct session *session;
	uint64_t *retained;	/* [n_threads + 1], ended ones last */
	uint32_t *n_roots;	/* [n_threads + 1] */
	size_t n_threads;
};

/* Is the root part of a thread? Where does its thread stand? */
static bool find_thread(const struct threads *t, const struct root *root,
			size_t *ret)
{
	if (root->kind == ROOT_DEAD_STACK) {
		*ret = t->n_threads;
		return true;
	}
	*ret = root->thread;
	return root->thread < t->n_threads;
}

static uint64_t thread_item(const struct threads *t, size_t i)
{
	return i == t->n_threads ? ENDED : THREAD | i;
}

static bool children(struct tree *tree, uint32_t item, uint64_t limit,
		     uint64_t *left, struct err *err)
{
	const struct threads *t = (const struct threads *)tree;
	const struct heap *heap = &t->session->facts->heap;
	uint64_t id = tree->items.at[item].id, n = 0;
	size_t i;

	for (uint32_t r = 0; r < heap->n_roots; r++) {
		if (!find_thread(t, &heap->roots[r], &i) ||
		    thread_item(t, i) != id)
			continue;
		if (n >= tree->items.at[item].n_children && n < limit &&
		    tree_add(tree, item, heap->n_blocks + r, false) ==
		    TREE_NONE)
			return err_nomem(err, "threads");
		n++;
	}
	*left = n > limit ? n - limit : 0;
	return true;
}

static size_t index_of(const struct threads *t, uint64_t id)
{
	return id == ENDED ? t->n_threads : (size_t)(id & ~THREAD);
}

static uint64_t number(struct tree *tree, uint32_t item, int column)
{
	const struct threads *t = (const struct threads *)tree;
	const struct facts *f = t->session->facts;
	uint64_t id = tree->items.at[item].id;

	if (!(id & THREAD))
		return column == COL_ID ? 0 : f->dom.retained[id];
	if (column == COL_RETAINED)
		return t->retained[index_of(t, id)];
	return id == ENDED ? 0 : f->image.threads.at[index_of(t, id)].tid;
}

/* "worker in epoll_wait, signal 11" */
static void describe(const struct threads *t, uint64_t id,
		     struct cell_out *out)
{
	const struct image *image = &t->session->facts->image;
	const struct thread *thread;
	const struct symbol *at;
	char signal[HUMAN_MAX];
	int n;

	if (id == ENDED) {
		snprintf(out->text, sizeof(out->text), "ended threads, whose "
			 "stacks are kept for the next: hold nothing");
		return;
	}
	thread = &image->threads.at[index_of(t, id)];
	at = image_symbol(image, thread->regs[X86_RIP], SYMBOL_FUNCTION);
	n = snprintf(out->text, sizeof(out->text) - 32, "%s%s%s",
		     thread->name[0] ? thread->name : "(no name)",
		     at ? " in " : "", at ? at->name : "");
	if (thread_is_fatal(image, (uint32_t)index_of(t, id)) && n > 0 &&
	    n < (int)sizeof(out->text) - 32)
		snprintf(out->text + n, 32, ", %s",
			 human_signal(thread->signal, signal));
}

static void text(struct tree *tree, uint32_t item, int column,
		 struct cell_out *out)
{
	const struct threads *t = (const struct threads *)tree;
	const struct heap *heap = &t->session->facts->heap;
	uint64_t id = tree->items.at[item].id;

	switch (column) {
	case COL_RETAINED:
		view_size_cell(t->session, number(tree, item, column), out);
		break;
	case COL_KIND:
		snprintf(out->text, sizeof(out->text), "%s", id & THREAD ?
			 "thread" :
			 root_kind_names[heap_root(heap, (uint32_t)id)->kind]);
		break;
	case COL_ID:
		if (id & THREAD && id != ENDED)
			snprintf(out->text, sizeof(out->text), "%" PRIu64,
				 number(tree, item, column));
		break;
	default:
		if (id & THREAD)
			describe(t, id, out);
		else
			view_node_text(t->session, (uint32_t)id, out->text,
				       sizeof(out->text));
	}
}

static const struct tree_ops ops = {
	.children = children, .number = number, .text = text,
};

static bool has_frames(const struct threads *t, uint32_t thread)
{
	return thread_frames_of(&t->session->facts->image, thread).n > 0;
}

static struct subject subject(void *data, uint32_t row)
{
	const struct threads *t = data;
	const struct tree_item *item = tree_item(data, row);
	uint32_t thread = (uint32_t)index_of(t, item->id);

	if (item->more || item->id == ENDED ||
	    (item->id & THREAD && !has_frames(t, thread)))
		return (struct subject){ .kind = SUBJECT_NONE };
	if (item->id & THREAD)
		return (struct subject){ SUBJECT_THREAD, thread };
	return (struct subject){ SUBJECT_NODE, item->id };
}

static bool head(void *data, int line, struct cell_out *out)
{
	(void)data;
	snprintf(out->text, sizeof(out->text), "Enter shows frames, + roots; "
		 "stack words count only for what no variable holds");
	return line == 0;
}

static void free_threads(void *data)
{
	struct threads *t = data;

	tree_free(&t->tree);
	free(t->retained);
	free(t->n_roots);
	free(t);
}

static const struct view_class threads_class = {
	.name = "Threads", .columns = columns, .n_columns = 4,
	.sorted_by = COL_RETAINED, .descending = true,
	.model = {
		.n_rows = tree_n_rows, .cell = tree_cell,
		.number = tree_number, .subject = subject, .head = head,
		.tree = &tree_functions, .free = free_threads,
	},
};

static bool fill(struct threads *t, struct err *err)
{
	const struct facts *f = t->session->facts;
	size_t at;

	t->retained = calloc(t->n_threads + 1, sizeof(*t->retained));
	t->n_roots = calloc(t->n_threads + 1, sizeof(*t->n_roots));
	if (!t->retained || !t->n_roots)
		return err_nomem(err, "threads");
	for (uint32_t r = 0; r < f->heap.n_roots; r++) {
		if (!find_thread(t, &f->heap.roots[r], &at))
			continue;
		t->n_roots[at]++;
		t->retained[at] += f->dom.retained[f->heap.n_blocks + r];
	}
	for (size_t i = 0; i <= t->n_threads; i++) {
		/* There may be no ended threads. */
		if ((i < t->n_threads || t->n_roots[i] > 0) &&
		    tree_add(&t->tree, TREE_NONE, thread_item(t, i),
			     t->n_roots[i] > 0) == TREE_NONE)
			return err_nomem(err, "threads");
	}
	return tree_functions.sort(&t->tree, COL_RETAINED, true, err);
}

struct view *view_threads_open(struct session *session, struct err *err)
{
	struct threads *t = calloc(1, sizeof(*t));
	struct view *v;

	if (!t) {
		err_nomem(err, "threads");
		return NULL;
	}
	tree_init(&t->tree, &ops, &threads_class);
	t->session = session;
	t->n_threads = session->facts->image.threads.len;
	if (!fill(t, err)) {
		free_threads(t);
		return NULL;
	}
	v = view_new(&threads_class, t, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Threads");
	return v;
}
