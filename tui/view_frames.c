/* SPDX-License-Identifier: MIT */
/* One thread: its frames, and below each its parameters and variables. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/thread_frames.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_NAME, COL_TYPE, COL_VALUE };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 0, 2,
			   false },
	[COL_NAME] = { "Frame", COLUMN_TEXT, 0, STYLE_NORMAL, 0, 0, true },
	[COL_TYPE] = { "Type", COLUMN_TEXT, 18, STYLE_TYPE, 0, 1, true },
	[COL_VALUE] = { "Value", COLUMN_TEXT, 28, STYLE_NORMAL, 0, 0, true },
};

/* A frame, or one of its locals. */
struct line {
	size_t frame, local;	/* in the image; local SIZE_MAX: the frame */
	uint32_t number;	/* of the frame */
};

struct frames {
	struct session *session;
	uint32_t thread;
	struct local_nodes nodes;
	VEC(struct line) lines;
};

static const struct image *image_of(const struct frames *f)
{
	return &f->session->facts->image;
}

static uint32_t n_rows(const void *data)
{
	const struct frames *f = data;

	return (uint32_t)f->lines.len;
}

static const struct local *local_at(const struct frames *f, uint32_t row)
{
	size_t local = f->lines.at[row].local;

	return local == SIZE_MAX ? NULL : &image_of(f)->locals.at[local];
}

static uint32_t node_at(const struct frames *f, uint32_t row)
{
	size_t local = f->lines.at[row].local;

	return local == SIZE_MAX ? NODE_NONE : f->nodes.at[local];
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct frames *f = data;
	uint32_t node = node_at(f, row);

	return column != COL_RETAINED || node == NODE_NONE ? 0 :
	       f->session->facts->dom.retained[node];
}

static void name(const struct frames *f, uint32_t row, struct cell_out *out)
{
	const struct line *line = &f->lines.at[row];
	const struct local *local = local_at(f, row);
	char place[1024];

	if (local) {
		snprintf(out->text, sizeof(out->text), "     %s%s", local->name,
			 local->flags & LOCAL_UNSET ? " (not set yet)" : "");
		return;
	}
	out->style = STYLE_HEADER;
	snprintf(out->text, sizeof(out->text), "#%-3" PRIu32 " %s",
		 line->number,
		 frame_place(image_of(f), &image_of(f)->frames.at[line->frame],
			     place, sizeof(place)));
}

static void value(const struct frames *f, const struct local *local,
		  struct cell_out *out)
{
	char text[512], label[1024];
	uint32_t target;

	local_value(&f->session->facts->heap, local, text, sizeof(text),
		    &target);
	if (target == NODE_NONE) {
		snprintf(out->text, sizeof(out->text), "%s", text);
		return;
	}
	out->style = STYLE_ADDRESS;
	snprintf(out->text, sizeof(out->text), "%s -> %s", text,
		 view_label(f->session, target, label, sizeof(label)));
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct frames *f = data;
	const struct local *local = local_at(f, row);

	switch (column) {
	case COL_RETAINED:
		if (number(data, row, column) > 0)
			view_size_cell(f->session, number(data, row, column),
				       out);
		break;
	case COL_NAME:
		name(f, row, out);
		break;
	case COL_TYPE:
		if (local && local->type != TYPE_NONE)
			types_name(&image_of(f)->types, local->type, out->text,
				   sizeof(out->text));
		break;
	default:
		if (local)
			value(f, local, out);
	}
}

/* The block that a local points into, else the local as a root. */
static struct subject subject(void *data, uint32_t row)
{
	const struct frames *f = data;
	const struct local *local = local_at(f, row);
	uint32_t target = NODE_NONE;
	char text[512];

	if (local)
		local_value(&f->session->facts->heap, local, text,
			    sizeof(text), &target);
	if (target == NODE_NONE)
		target = node_at(f, row);
	if (target == NODE_NONE)
		return (struct subject){ .kind = SUBJECT_NONE };
	return (struct subject){ SUBJECT_NODE, target };
}

static bool head(void *data, int line, struct cell_out *out)
{
	(void)data;
	snprintf(out->text, sizeof(out->text), "Enter opens the block that a "
		 "local points to; the innermost frame stands first");
	return line == 0;
}

static void free_frames(void *data)
{
	struct frames *f = data;

	vec_free(&f->lines);
	local_nodes_free(&f->nodes);
	free(f);
}

static const struct view_class frames_class = {
	.name = "Frames", .columns = columns, .n_columns = 4,
	.sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .head = head, .free = free_frames,
	},
};

static bool add_frame(struct frames *f, size_t i, uint32_t n)
{
	const struct frame *frame = &image_of(f)->frames.at[i];
	struct line line = { .frame = i, .local = SIZE_MAX, .number = n };

	if (!vec_push(&f->lines, line))
		return false;
	for (size_t k = 0; k < frame->n_locals; k++) {
		line.local = frame->first_local + k;
		if (!(image_of(f)->locals.at[line.local].flags & LOCAL_LOST) &&
		    !vec_push(&f->lines, line))
			return false;
	}
	return true;
}

static bool fill(struct frames *f, struct err *err)
{
	struct thread_frames t = thread_frames_of(image_of(f), f->thread);

	if (!local_nodes_build(&f->session->facts->heap, &f->nodes, err))
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (!add_frame(f, t.first + i, (uint32_t)i))
			return err_nomem(err, "frames");
	}
	return true;
}

struct view *view_frames_open(struct session *session, uint32_t thread,
			      struct err *err)
{
	struct frames *f = calloc(1, sizeof(*f));
	const struct thread *t = &session->facts->image.threads.at[thread];
	struct view *v;

	if (!f) {
		err_nomem(err, "frames");
		return NULL;
	}
	f->session = session;
	f->thread = thread;
	if (!fill(f, err)) {
		free_frames(f);
		return NULL;
	}
	v = view_new(&frames_class, f, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Frames of %s %" PRIu32,
			 t->name[0] ? t->name : "thread", t->tid);
	return v;
}
