/* SPDX-License-Identifier: MIT */
/* Overview: the process, its heap, the largest holders, what is missing. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/dom_children.h"
#include "analyze/fatal_signal.h"
#include "analyze/thread_frames.h"
#include "tui/views.h"

enum { COL_WHAT, COL_BYTES, COL_BAR, COL_TEXT, N_HOLDERS = 10 };

static const struct column columns[] = {
	[COL_WHAT] = { "", COLUMN_TEXT, 10, STYLE_HEADER, 0, 2, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 0, 1, false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 3, false },
	[COL_TEXT] = { "What holds this memory?", COLUMN_TEXT, 0, STYLE_NORMAL,
		       0, 0, false },
};

/* A size that is no share of anything. */
#define NO_BAR UINT64_MAX

struct line {
	const char *what, *text;	/* text in the arena */
	uint64_t bytes, whole;		/* whole 0: no size is shown */
	enum style style;
	struct subject subject;
};

struct overview {
	struct session *session;
	VEC(struct line) lines;
	struct arena arena;
	bool failed;			/* no memory */
};

static uint32_t n_rows(const void *data)
{
	const struct overview *o = data;

	return (uint32_t)o->lines.len;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct overview *o = data;
	const struct line *l = &o->lines.at[row];

	(void)column;
	return thousandths(l->bytes, l->whole);
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct overview *o = data;
	const struct line *l = &o->lines.at[row];

	switch (column) {
	case COL_WHAT:
		snprintf(out->text, sizeof(out->text), "%s", l->what);
		break;
	case COL_BYTES:
		if (l->whole > 0)
			view_size_cell(o->session, l->bytes, out);
		break;
	default:
		snprintf(out->text, sizeof(out->text), "%s", l->text);
		out->style = l->style;
	}
}

static struct subject subject(void *data, uint32_t row)
{
	const struct overview *o = data;

	return o->lines.at[row].subject;
}

static void free_overview(void *data)
{
	struct overview *o = data;

	vec_free(&o->lines);
	arena_free(&o->arena);
	free(o);
}

static bool has_bar(void *data, uint32_t row)
{
	const struct overview *o = data;

	return o->lines.at[row].whole > 0 && o->lines.at[row].whole != NO_BAR;
}

static const struct view_class overview_class = {
	.name = "Overview", .columns = columns, .n_columns = 4,
	.sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .has_bar = has_bar, .free = free_overview,
	},
};

static struct line *add(struct overview *o, const char *what, const char *text)
{
	static struct line none;
	struct line line = { .what = what, .text = text };

	if (!text || !vec_push(&o->lines, line)) {
		o->failed = true;
		return &none;
	}
	return &o->lines.at[o->lines.len - 1];
}

/* The frames of the thread that a signal ended, or all threads. */
static struct subject crash(const struct image *image)
{
	for (uint32_t i = 0; i < image->threads.len; i++) {
		if (thread_is_fatal(image, i) &&
		    thread_frames_of(image, i).n > 0)
			return (struct subject){ SUBJECT_THREAD, i };
	}
	return (struct subject){ SUBJECT_TAB, '6' };
}

static void add_process(struct overview *o)
{
	const struct image *image = &o->session->facts->image;
	const struct image_meta *meta = &image->meta;
	const struct subject threads = { SUBJECT_TAB, '6' };
	char signal[FATAL_SIGNAL_MAX];
	struct line *l;

	l = add(o, "Process", arena_printf(
		&o->arena, "%s  pid %" PRIu32 "  %zu thread%s",
		meta->command[0] ? meta->command : meta->exe, meta->pid,
		image->threads.len, image->threads.len == 1 ? "" : "s"));
	l->subject = threads;
	if (meta->captured_at[0]) {
		l = add(o, "", arena_printf(&o->arena, "captured %s%s%s",
					    meta->captured_at,
					    meta->kernel[0] ? ", " : "",
					    meta->kernel));
		l->subject = threads;
	}
	if (fatal_signal_text(image, signal)) {
		l = add(o, "", arena_printf(&o->arena, "killed by %s",
					    signal));
		l->style = STYLE_LEAK;
		l->subject = crash(image);
	}
}

static uint64_t live_bytes(const struct facts *f)
{
	uint64_t sum = 0;

	for (int s = 0; s < N_STATES; s++)
		sum += f->leaks.total[s].bytes;
	return sum;
}

static void add_heap(struct overview *o)
{
	const struct facts *f = o->session->facts;
	uint64_t live = live_bytes(f);
	uint32_t typed = 0;
	char count[HUMAN_MAX];
	struct line *l;

	for (uint32_t i = 0; i < f->heap.n_blocks; i++)
		typed += f->heap.type[i] != TYPE_NONE;
	l = add(o, "Heap", arena_printf(
		&o->arena, "%s live blocks, %" PRIu32 " %% of them typed",
		human_count(f->heap.n_blocks, false, count),
		thousandths(typed, f->heap.n_blocks) / 10));
	l->bytes = live;
	l->whole = live ? live : 1;
	l->subject = (struct subject){ SUBJECT_TAB, '2' };
	for (int s = 0; s < N_STATES; s++) {
		if (f->leaks.total[s].blocks == 0 && s > STATE_LEAKED)
			continue;
		l = add(o, "", arena_printf(
			&o->arena, "%s, %s block%s", state_names[s],
			human_count(f->leaks.total[s].blocks, false, count),
			f->leaks.total[s].blocks == 1 ? "" : "s"));
		l->bytes = f->leaks.total[s].bytes;
		l->whole = live ? live : 1;
		l->subject = (struct subject){ SUBJECT_TAB,
					       s == STATE_REACHABLE ? '3' : '4' };
		if (s == STATE_LEAKED && l->bytes > 0)
			l->style = STYLE_LEAK;
	}
}

static void add_holders(struct overview *o, struct err *err)
{
	const struct dominators *dom = &o->session->facts->dom;
	struct dom_children top;
	char label[1024];

	if (!dom_children_build(dom, dom_root(dom), N_HOLDERS, &top, err)) {
		o->failed = true;
		return;
	}
	for (size_t i = 0; i < top.id.len; i++) {
		uint32_t id = top.id.at[i];
		struct line *l;

		if (dom->retained[id] == 0)
			break;
		l = add(o, i == 0 ? "Holders" : "", arena_printf(
			&o->arena, "%s", view_node_text(o->session, id, label,
							sizeof(label))));
		l->bytes = dom->retained[id];
		l->whole = dom->retained[dom_root(dom)];
		l->style = id > dom->n_nodes ? STYLE_LEAK : STYLE_TYPE;
		l->subject = id > dom->n_nodes ?
			(struct subject){ SUBJECT_GROUP,
					  id - dom->n_nodes - 1 } :
			(struct subject){ SUBJECT_NODE, id };
	}
	dom_children_free(&top);
}

static void add_allocators(struct overview *o)
{
	const struct heap *heap = &o->session->facts->heap;
	char live[HUMAN_MAX], free_[HUMAN_MAX], more[HUMAN_MAX];

	if (heap->allocators.len == 0)
		add(o, "Allocators", "none was recognised: there are no blocks")
			->style = STYLE_ERROR;
	for (size_t i = 0; i < heap->allocators.len; i++) {
		const struct allocator_summary *a = &heap->allocators.at[i];
		const char *name = arena_printf(
			&o->arena, "%s%s%s", a->allocator->name,
			a->version[0] ? " " : "", a->version);
		struct line *l;

		if (a->understood)
			l = add(o, i ? "" : "Allocators", arena_printf(
				&o->arena, "%s: live %s, free %s, overhead %s",
				name, human_size(a->live_bytes, false, live),
				human_size(a->free_bytes, false, free_),
				human_size(a->overhead_bytes, false, more)));
		else
			l = add(o, i ? "" : "Allocators", arena_printf(
				&o->arena, "%s is not understood yet: its "
				"blocks are not listed, all of it counts as a "
				"root", name));
		l->bytes = a->mapped_bytes;
		l->whole = NO_BAR;
		l->style = a->understood ? STYLE_NORMAL : STYLE_ERROR;
		l->subject = (struct subject){ SUBJECT_TAB, '8' };
	}
}

/* What takes a look at all contents is done when somebody asks. */
static void add_more(struct overview *o)
{
	add(o, "More", "waste: copies, unused capacity, slack, free memory "
	    "that stays")->subject = (struct subject){ SUBJECT_WASTE, 0 };
	add(o, "", "counts: shared objects whose count is not what refers to "
	    "them")->subject = (struct subject){ SUBJECT_COUNTS, 0 };
}

static void add_notes(struct overview *o, const struct diag *diag, bool *first)
{
	for (size_t i = 0; i < diag->len; i++) {
		const struct diag_entry *d = &diag->at[i];

		add(o, *first ? "Notes" : "", arena_printf(
			&o->arena, "%s (%" PRIu64 ")", d->what,
			d->count))->style = STYLE_ERROR;
		*first = false;
	}
}

struct view *view_overview_open(struct session *session, struct err *err)
{
	struct overview *o = calloc(1, sizeof(*o));
	bool first = true;
	struct view *v;

	if (!o) {
		err_nomem(err, "the overview");
		return NULL;
	}
	o->session = session;
	add_process(o);
	add_heap(o);
	add_holders(o, err);
	add_allocators(o);
	add_more(o);
	add_notes(o, &session->facts->image.diag, &first);
	add_notes(o, &session->facts->heap.diag, &first);
	if (o->failed) {
		err_nomem(err, "the overview");
		free_overview(o);
		return NULL;
	}
	v = view_new(&overview_class, o, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Overview");
	return v;
}
