/* SPDX-License-Identifier: MIT */
/* Cycles: groups of blocks that refer to each other in a circle. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/ref_words.h"
#include "tui/table.h"
#include "tui/views.h"

enum { COL_RETAINED, COL_BAR, COL_BYTES, COL_COUNT, COL_STATE, COL_TYPES };

/* Steps of the way round that a row shows; the word in a larger block is not
 * looked for: the screen would wait. */
enum { MAX_STEPS = 8, MAX_SOURCE = 1 << 20, LABEL = 256 };

static const struct column columns[] = {
	[COL_RETAINED] = { "Retained", COLUMN_SIZE, 10, STYLE_SIZE, 'R', 0,
			   false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 5, false },
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 4, false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 8, STYLE_NORMAL, 'C', 2, false },
	[COL_STATE] = { "State", COLUMN_TEXT, 11, STYLE_NORMAL, 'S', 3, true },
	[COL_TYPES] = { "Types, the way round", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0,
			true },
};

struct circles {
	struct session *session;
	uint64_t largest;	/* retained by one group */
};

static const struct cycle_group *group_at(const void *data, uint32_t row)
{
	const struct circles *c = data;

	return &c->session->cycles.groups[row];
}

static uint32_t n_rows(const void *data)
{
	const struct circles *c = data;

	return c->session->cycles.n_groups;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct circles *c = data;
	const struct cycle_group *g = group_at(data, row);

	switch (column) {
	case COL_BAR:
		return thousandths(g->retained, c->largest);
	case COL_BYTES:
		return g->bytes;
	case COL_COUNT:
		return g->count;
	default:
		return g->retained;
	}
}

/* "Room.members > Member.room" and so on, back to the first. */
static void way_round(const struct circles *c, const struct cycle_group *g,
		      struct cell_out *out)
{
	const struct heap *heap = &c->session->facts->heap;
	const uint32_t *step = c->session->cycles.steps.at + g->first_step;
	size_t n = 0;

	for (size_t i = 0; i < g->n_steps && i < MAX_STEPS; i++) {
		uint32_t next = step[(i + 1) % g->n_steps];
		uint64_t offset = heap->size[step[i]] > MAX_SOURCE ?
				  UINT64_MAX :
				  ref_offset(heap, &c->session->window,
					     step[i], next);
		char label[LABEL], field[LABEL / 2] = "";

		view_label(c->session, step[i], label, sizeof(label) / 2);
		if (offset != UINT64_MAX)
			ref_field(heap, step[i], offset, field, sizeof(field));
		snprintf(out->text + n, sizeof(out->text) - n, "%s%s%s%s",
			 i ? " > " : "", label, field[0] && field[0] != '[' &&
			 field[0] != '+' ? "." : "", field);
		n += strlen(out->text + n);
	}
	if (g->n_steps > MAX_STEPS)
		snprintf(out->text + n, sizeof(out->text) - n,
			 " > %zu more", g->n_steps - MAX_STEPS);
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct circles *c = data;
	const struct cycle_group *g = group_at(data, row);

	switch (column) {
	case COL_COUNT:
		session_count(c->session, g->count, out->text);
		break;
	case COL_STATE:
		snprintf(out->text, sizeof(out->text), "%s",
			 g->reachable ? "reachable" : "unreachable");
		if (!g->reachable)
			out->style = STYLE_LEAK;
		break;
	case COL_TYPES:
		way_round(c, g, out);
		break;
	default:
		view_size_cell(c->session, number(data, row, column), out);
	}
}

static struct subject subject(void *data, uint32_t row)
{
	(void)data;
	return (struct subject){ SUBJECT_CYCLES, row };
}

static const struct view_class cycles_class = {
	.name = "Cycles", .columns = columns, .n_columns = 6, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.subject = subject, .free = free,
	},
};

struct view *view_cycles_open(struct session *session, struct err *err)
{
	struct circles *data;
	struct view *v;
	bool done;

	if (!session_cycles(session, err))
		return NULL;
	data = calloc(1, sizeof(*data));
	for (uint32_t g = 0; data && g < session->cycles.n_groups; g++) {
		if (session->cycles.groups[g].retained > data->largest)
			data->largest = session->cycles.groups[g].retained;
	}
	if (data)
		data->session = session;
	v = view_new(&cycles_class, data, session, err);
	if (v && !table_sort_key(v, 'R', &done, err)) {
		view_free(v);
		return NULL;
	}
	if (v)
		snprintf(v->title, sizeof(v->title), "Cycles");
	return v;
}
