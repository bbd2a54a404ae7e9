/* SPDX-License-Identifier: MIT */
/* Waste: what serves nobody, part by part, and maps of the arenas. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/holder_text.h"
#include "base/short_name.h"
#include "tui/views.h"

enum { COL_PART, COL_BYTES, COL_BAR, COL_COUNT, COL_WHAT };

static const struct column columns[] = {
	[COL_PART] = { "Part", COLUMN_TEXT, 10, STYLE_HEADER, 0, 0, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 0, false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 3, false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 8, STYLE_NORMAL, 'C', 2, false },
	[COL_WHAT] = { "What", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0, true },
};

/* Rows of one part that are worth a look. */
enum { MOST = 200, PREVIEW = 40 };

struct line {
	const char *part, *text;	/* text in the arena */
	uint64_t bytes, count;
	struct subject subject;
};

struct view_of_waste {
	struct session *session;
	struct holder_finder holders;
	VEC(struct line) lines;
	struct arena arena;
	uint64_t largest;
};

static uint32_t n_rows(const void *data)
{
	const struct view_of_waste *v = data;

	return (uint32_t)v->lines.len;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct view_of_waste *v = data;
	const struct line *l = &v->lines.at[row];

	switch (column) {
	case COL_BAR:
		return thousandths(l->bytes, v->largest);
	case COL_COUNT:
		return l->count;
	default:
		return l->bytes;
	}
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct view_of_waste *v = data;
	const struct line *l = &v->lines.at[row];

	switch (column) {
	case COL_PART:
		snprintf(out->text, sizeof(out->text), "%s", l->part);
		break;
	case COL_COUNT:
		session_count(v->session, l->count, out->text);
		break;
	case COL_WHAT:
		snprintf(out->text, sizeof(out->text), "%s", l->text);
		break;
	default:
		view_size_cell(v->session, l->bytes, out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	const struct view_of_waste *v = data;

	return v->lines.at[row].subject;
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct view_of_waste *v = data;
	const struct waste *w = &v->session->waste;
	char a[HUMAN_MAX], b[HUMAN_MAX], c[HUMAN_MAX], d[HUMAN_MAX];

	if (line == 0)
		snprintf(out->text, sizeof(out->text),
			 "copies %s, capacity %s, empty slots %s, slack %s",
			 w->contents_known ?
			 session_size(v->session, w->duplicates.bytes, a) :
			 "not known",
			 session_size(v->session, w->capacity.bytes, b),
			 session_size(v->session, w->tables.bytes, c),
			 session_size(v->session, w->slack.bytes, d));
	else
		snprintf(out->text, sizeof(out->text),
			 "free in whole pages %s, pieces %s, beside blocks %s; "
			 "# full + mixed . free",
			 session_size(v->session, w->arenas.total.returnable,
				      a),
			 session_size(v->session, w->arenas.total.pieces, b),
			 session_size(v->session, w->arenas.total.mixed, c));
	return line < 2;
}

static void free_waste(void *data)
{
	struct view_of_waste *v = data;

	holder_finder_free(&v->holders);
	vec_free(&v->lines);
	arena_free(&v->arena);
	free(v);
}

static const struct view_class waste_class = {
	.name = "Waste", .columns = columns, .n_columns = 5, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .head = head, .free = free_waste,
	},
};

static bool add(struct view_of_waste *v, const struct line *line)
{
	if (line->bytes > v->largest)
		v->largest = line->bytes;
	return line->text && vec_push(&v->lines, *line);
}

static const char *label(const struct view_of_waste *v, uint64_t key,
			 char buf[HOLDER_TEXT_MAX])
{
	block_key_label(&v->session->facts->heap, key, buf, HOLDER_TEXT_MAX);
	short_name(buf, LABEL_CELLS);
	return buf;
}

static const char *held_by(struct view_of_waste *v, const uint32_t *nodes,
			   size_t n, char buf[HOLDER_TEXT_MAX])
{
	const char *text = holder_text(&v->holders, nodes, n, buf);

	return text ? text : "nobody";
}

static struct subject node_subject(uint32_t node)
{
	return (struct subject){ SUBJECT_NODE, node };
}

static bool add_copies(struct view_of_waste *v)
{
	const struct duplicates *d = &v->session->waste.duplicates;
	char name[HOLDER_TEXT_MAX], holder[HOLDER_TEXT_MAX];

	for (size_t i = 0; i < d->groups.len && i < MOST; i++) {
		const struct duplicate_group *g = &d->groups.at[i];
		const uint32_t *nodes = d->nodes.at + g->first;
		char text[PREVIEW + 1] = "";
		struct line l = { .part = "copies", .bytes = g->saved,
				  .count = g->count,
				  .subject = { SUBJECT_COPIES, i } };

		if (g->kind == DUPLICATE_TEXT)
			image_read(v->session->facts->heap.image,
				   v->session->facts->heap.addr[nodes[0]],
				   text, g->size < PREVIEW ? (size_t)g->size :
							     PREVIEW);
		l.text = arena_printf(&v->arena, "%s%s%s, held by %s",
				      text[0] ? "\"" : "",
				      text[0] ? text : label(v, g->key, name),
				      text[0] ? "\"" : "",
				      held_by(v, nodes, g->count, holder));
		if (!add(v, &l))
			return false;
	}
	return true;
}

static bool add_places(struct view_of_waste *v, const char *part,
		       const struct waste_rows *rows)
{
	char place[HOLDER_TEXT_MAX], name[HOLDER_TEXT_MAX];

	for (size_t i = 0; i < rows->at.len && i < MOST; i++) {
		const struct waste_row *row = &rows->at.at[i];
		struct line l = { .part = part, .bytes = row->bytes,
				  .count = row->count,
				  .subject = node_subject(row->sample) };
		uint32_t node = row->sample;

		l.text = arena_printf(
			&v->arena, "%s: %" PRIu64 " of %" PRIu64 " used",
			row->holder == NODE_NONE ?
			label(v, block_key(&v->session->facts->heap, node,
					   false), name) :
			holder_place(v->session->facts, row->holder,
				     row->key[1], place),
			row->used, row->room);
		if (!add(v, &l))
			return false;
	}
	return true;
}

static bool add_slack(struct view_of_waste *v)
{
	const struct waste_rows *rows = &v->session->waste.slack;
	char name[HOLDER_TEXT_MAX], size[HUMAN_MAX];

	for (size_t i = 0; i < rows->at.len && i < MOST; i++) {
		const struct waste_row *row = &rows->at.at[i];
		struct line l = { .part = "slack", .bytes = row->bytes,
				  .count = row->count,
				  .subject = node_subject(row->sample) };

		l.text = arena_printf(&v->arena, "%s in blocks of %s",
				      label(v, row->key[2], name),
				      session_size(v->session, row->key[1],
						   size));
		if (!add(v, &l))
			return false;
	}
	return true;
}

static bool add_arenas(struct view_of_waste *v)
{
	const struct waste_arenas *a = &v->session->waste.arenas;

	for (size_t i = 0; i < a->at.len && i < MOST; i++) {
		const struct waste_arena *arena = &a->at.at[i];
		struct line l = { .part = "free", .bytes = arena->free,
				  .count = arena->chunks };

		if (arena->free == 0)
			break;
		l.text = arena_printf(&v->arena, "%s  0x%" PRIx64, arena->map,
				      arena->start);
		if (!add(v, &l))
			return false;
	}
	return true;
}

static bool add_pages(struct view_of_waste *v)
{
	const struct waste_arenas *a = &v->session->waste.arenas;
	char name[HOLDER_TEXT_MAX], holder[HOLDER_TEXT_MAX];

	for (size_t i = 0; i < a->pins.len && i < MOST; i++) {
		const struct waste_pin *pin = &a->pins.at[i];
		struct line l = { .part = "pinned", .bytes = pin->bytes,
				  .count = pin->blocks,
				  .subject = node_subject(pin->node) };

		l.text = arena_printf(
			&v->arena, "below %s, held by %s",
			view_label(v->session, pin->node, name, sizeof(name)),
			held_by(v, &pin->node, 1, holder));
		if (!add(v, &l))
			return false;
	}
	for (size_t i = 0; i < a->sparse.at.len && i < MOST; i++) {
		const struct waste_row *row = &a->sparse.at.at[i];
		struct line l = { .part = "pages", .bytes = row->bytes,
				  .count = row->count,
				  .subject = node_subject(row->sample) };

		l.text = arena_printf(
			&v->arena, "beside %s, held by %s",
			label(v, row->key[0], name),
			held_by(v, &row->sample, 1, holder));
		if (!add(v, &l))
			return false;
	}
	return true;
}

static bool fill(struct view_of_waste *v, struct err *err)
{
	const struct waste *w = &v->session->waste;

	return holder_finder_build(v->session->facts, &v->holders, err) &&
	       ((add_copies(v) && add_places(v, "capacity", &w->capacity) &&
		 add_places(v, "tables", &w->tables) && add_slack(v) &&
		 add_arenas(v) && add_pages(v)) || err_nomem(err, "waste"));
}

struct view *view_waste_open(struct session *session, struct err *err)
{
	struct view_of_waste *w;
	struct view *v;

	if (!session_waste(session, err))
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w) {
		err_nomem(err, "waste");
		return NULL;
	}
	w->session = session;
	if (!fill(w, err)) {
		free_waste(w);
		return NULL;
	}
	v = view_new(&waste_class, w, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Waste");
	return v;
}

struct view *view_copies_open(struct session *session, size_t i,
			      struct err *err)
{
	const struct duplicates *d = &session->waste.duplicates;
	const struct duplicate_group *g = &d->groups.at[i];
	char title[VIEW_TITLE];

	snprintf(title, sizeof(title), "%" PRIu32 " blocks of equal content",
		 g->count);
	return view_nodes_open(session, d->nodes.at + g->first, g->count,
			       title, err);
}
