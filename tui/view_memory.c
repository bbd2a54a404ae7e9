/* SPDX-License-Identifier: MIT */
/* Memory: where the resident memory of the process goes. */
#include <inttypes.h>
#include <stdio.h>

#include "tui/table.h"
#include "tui/views.h"

enum { COL_BYTES, COL_SHARE, COL_BAR, COL_SWAPPED, COL_SPACE, COL_WHERE };

static const struct column columns[] = {
	[COL_BYTES] = { "Bytes", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 0, false },
	[COL_SHARE] = { "Share", COLUMN_RIGHT, 7, STYLE_NORMAL, 0, 3, false },
	[COL_BAR] = { "", COLUMN_BAR, 12, STYLE_SIZE, 0, 2, false },
	[COL_SWAPPED] = { "Swapped", COLUMN_SIZE, 10, STYLE_SIZE, 'S', 5,
			  false },
	[COL_SPACE] = { "Addresses", COLUMN_SIZE, 10, STYLE_SIZE, 'A', 4,
			false },
	[COL_WHERE] = { "Where", COLUMN_TEXT, 0, STYLE_TYPE, 'W', 0, true },
};

/* Rows are the parts that are not empty, then the lines of the cgroup. */
struct memory {
	struct session *session;
	const struct memory_report *report;	/* of the facts */
	VEC(uint32_t) parts;
	size_t n_facts;
};

static const struct memory_part *part_at(const struct memory *m, uint32_t row)
{
	return row < m->parts.len ?
	       &m->report->parts.at[m->parts.at[row]] : NULL;
}

static const struct memory_fact *fact_at(const struct memory *m, uint32_t row)
{
	return &m->report->cgroup.at[row - m->parts.len];
}

static uint32_t n_rows(const void *data)
{
	const struct memory *m = data;

	return (uint32_t)(m->parts.len + m->n_facts);
}

static uint64_t bytes_of(const struct memory_part *part)
{
	return part->bytes > 0 ? (uint64_t)part->bytes : 0;
}

/* The lines of the cgroup stay behind the parts, in their order. */
static uint64_t number(void *data, uint32_t row, int column)
{
	const struct memory *m = data;
	const struct memory_part *part = part_at(m, row);

	if (!part)
		return 0;
	switch (column) {
	case COL_BAR:
		return thousandths(bytes_of(part), m->report->rss);
	case COL_SWAPPED:
		return part->swapped + 1;
	case COL_SPACE:
		return part->mapped + 1;
	default:
		return bytes_of(part) + 1;
	}
}

static void part_cell(const struct memory *m, const struct memory_part *part,
		      int column, struct cell_out *out)
{
	switch (column) {
	case COL_SHARE:
		view_share_cell(bytes_of(part), m->report->rss, out);
		break;
	case COL_SWAPPED:
		if (part->swapped > 0)
			view_size_cell(m->session, part->swapped, out);
		break;
	case COL_SPACE:
		view_size_cell(m->session, part->mapped, out);
		break;
	case COL_WHERE:
		snprintf(out->text, sizeof(out->text), "%s", part->what);
		break;
	default:
		if (part->bytes >= 0) {
			view_size_cell(m->session, bytes_of(part), out);
			break;
		}
		out->text[0] = '-';
		session_size(m->session, (uint64_t)-part->bytes,
			     out->text + 1);
	}
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	const struct memory *m = data;
	const struct memory_part *part = part_at(m, row);
	const struct memory_fact *fact;

	if (part) {
		part_cell(m, part, column, out);
		return;
	}
	/* Some of them are bytes, some are counts: as the kernel wrote them. */
	fact = fact_at(m, row);
	if (column == COL_WHERE)
		snprintf(out->text, sizeof(out->text), "cgroup %s: %s",
			 fact->key, fact->text);
}

static bool has_bar(void *data, uint32_t row)
{
	return part_at(data, row) != NULL;
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct memory *m = data;
	const struct memory_report *r = m->report;
	char rss[HUMAN_MAX], swap[HUMAN_MAX], tables[HUMAN_MAX];

	snprintf(out->text, sizeof(out->text),
		 "%s %s, swapped %s, page tables %s (not in it)",
		 r->rss_known ? "resident" : "resident is not known; captured",
		 session_size(m->session, r->rss, rss),
		 session_size(m->session, r->swap, swap),
		 session_size(m->session, r->page_tables, tables));
	return line == 0;
}

static void free_memory(void *data)
{
	struct memory *m = data;

	vec_free(&m->parts);
	free(m);
}

static const struct view_class memory_class = {
	.name = "Memory", .columns = columns, .n_columns = 6, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number, .has_bar = has_bar,
		.head = head, .free = free_memory,
	},
};

static bool fill(struct memory *m, struct err *err)
{
	const struct memory_report *r = m->report;

	for (uint32_t i = 0; i < r->parts.len; i++) {
		const struct memory_part *p = &r->parts.at[i];

		if ((p->bytes != 0 || p->swapped || p->mapped) &&
		    !vec_push(&m->parts, i))
			return err_nomem(err, "memory");
	}
	m->n_facts = r->cgroup.len;
	return true;
}

struct view *view_memory_open(struct session *session, struct err *err)
{
	struct memory *m;
	struct view *v;
	bool done;

	if (!summaries_memory(session->facts, err))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m) {
		err_nomem(err, "memory");
		return NULL;
	}
	m->session = session;
	m->report = &session->facts->summaries.memory;
	if (!fill(m, err)) {
		free_memory(m);
		return NULL;
	}
	v = view_new(&memory_class, m, session, err);
	if (v && !table_sort_key(v, 'B', &done, err)) {
		view_free(v);
		return NULL;
	}
	if (v)
		snprintf(v->title, sizeof(v->title), "Memory");
	return v;
}
