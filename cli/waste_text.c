/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/duplicate_rows.h"
#include "base/human.h"
#include "cli/text_table.h"
#include "cli/waste_report.h"

enum { PREVIEW = 48 };

/* Rows of one part. */
static size_t n_shown(const struct waste_report *w, size_t n)
{
	uint64_t limit = w->report->options.limit / 3 +
			 (w->report->options.limit % 3 > 0);

	return n < limit ? n : (size_t)limit;
}

static void say_rest(size_t n, size_t shown)
{
	if (n > shown)
		printf("... and %zu more; --limit shows more\n", n - shown);
}

static const char *size(const struct waste_report *w, uint64_t bytes,
			char buf[HUMAN_MAX])
{
	return report_size(w->report, bytes, buf);
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

typedef void add_row(const struct waste_report *w, struct table *t, size_t i);

/* The first of @n rows as a table, and how many are left. */
static int print_rows(const struct waste_report *w,
		      const struct table_column *columns, int n_columns,
		      size_t n, add_row *add)
{
	struct table t = table_of(columns, n_columns, &w->report->options);
	size_t shown = n_shown(w, n);
	int status;

	if (!shown)
		return EXIT_DONE;
	for (size_t i = 0; i < shown; i++)
		add(w, &t, i);
	status = table_print(&t);
	say_rest(n, shown);
	return status;
}

/* The content of @g, and how many others the row has. */
static void content_cell(const struct waste_report *w, struct table *t,
			 const struct duplicate_group *g, uint64_t others)
{
	char text[PREVIEW + 1], name[NODE_TEXT_MAX], more[48] = "";

	if (others)
		snprintf(more, sizeof(more), " and %" PRIu64 " other%s",
			 others, plural(others));
	if (g->kind == DUPLICATE_TEXT)
		table_format(t, "\"%s\"%s%s", waste_preview(w, g, text,
							    sizeof(text)),
			     g->size > sizeof(text) ? "..." : "", more);
	else
		table_format(t, "%s%s%s", key_text(&w->report->facts.heap,
						   g->key, name),
			     g->kind == DUPLICATE_ZEROS &&
			     block_key_is_typed(g->key) ? ", all zero" : "",
			     more);
}

static int print_duplicates(const struct waste_report *w,
			    const struct waste_rows *rows)
{
	static const struct table_column columns[] = {
		{ "Saved", ALIGN_RIGHT }, { "Blocks", ALIGN_RIGHT },
		{ "Each", ALIGN_RIGHT }, { "Content", ALIGN_LEFT },
		{ "Held by", ALIGN_LEFT },
	};
	const struct duplicates *d = &w->waste->duplicates;
	struct table t = table_of(columns, 5, &w->report->options);
	size_t shown = n_shown(w, rows->at.len);
	char buf[HOLDER_TEXT_MAX];
	int status;

	for (size_t i = 0; i < shown; i++) {
		const struct waste_row *row = &rows->at.at[i];
		const struct duplicate_group *g = &d->groups.at[row->sample];

		table_size(&t, row->bytes);
		table_count(&t, row->used);
		/* One of each content is no copy. */
		table_size(&t, row->bytes / (row->used - row->count));
		content_cell(w, &t, g, row->count - 1);
		table_text(&t, or_dash(holder_text(w->holders, d->nodes.at +
						   g->first, g->count, buf)));
	}
	status = table_print(&t);
	say_rest(rows->at.len, shown);
	return status;
}

/* Texts, or all else; @what leads their table. */
static int duplicates_table(const struct waste_report *w, bool texts,
			    const char *what)
{
	struct waste_rows rows;
	struct err err = {0};
	char buf[HUMAN_MAX];
	int status = EXIT_DONE;

	if (!duplicate_rows_build(&w->report->facts.heap,
				  &w->waste->duplicates, texts, &rows, &err))
		return cmd_trouble(&err);
	if (rows.at.len > 0) {
		printf("%s: %s\n", what, size(w, rows.bytes, buf));
		status = print_duplicates(w, &rows);
	}
	waste_rows_free(&rows);
	return status;
}

static int duplicates_text(const struct waste_report *w)
{
	const struct duplicates *d = &w->waste->duplicates;
	char buf[HUMAN_MAX];
	int status;

	if (!w->waste->contents_known) {
		puts("Equal contents: not known, text and numbers were left "
		     "out of the capture");
		return EXIT_DONE;
	}
	printf("Equal contents: %s in %" PRIu64 " block%s that copy others\n",
	       size(w, d->bytes, buf), d->count, plural(d->count));
	status = duplicates_table(w, true, "Of it texts");
	return status == EXIT_DONE ?
	       duplicates_table(w, false, "Of it other contents") : status;
}

static void fill_cell(struct table *t, const struct waste_row *row)
{
	table_format(t, "%.0f %%", row->room ? 100.0 * (double)row->used /
		     (double)row->room : 0.0);
}

static void capacity_row(const struct waste_report *w, struct table *t,
			 size_t i)
{
	const struct waste_row *row = &w->waste->capacity.at.at[i];
	char buf[HOLDER_TEXT_MAX];

	table_size(t, row->bytes);
	fill_cell(t, row);
	table_count(t, row->count);
	table_addr(t, w->report->facts.heap.addr[row->sample]);
	table_text(t, or_dash(waste_place(w, row, buf)));
}

static int capacity_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Unused", ALIGN_RIGHT }, { "Filled", ALIGN_RIGHT },
		{ "Number", ALIGN_RIGHT }, { "Largest", ALIGN_LEFT },
		{ "Container", ALIGN_LEFT },
	};
	const struct waste_rows *rows = &w->waste->capacity;
	char buf[HUMAN_MAX];

	printf("\nUnused capacity of vectors and strings: %s\n",
	       size(w, rows->bytes, buf));
	return print_rows(w, columns, 5, rows->at.len, capacity_row);
}

static void table_row(const struct waste_report *w, struct table *t, size_t i)
{
	const struct waste_row *row = &w->waste->tables.at.at[i];
	const struct heap *heap = &w->report->facts.heap;
	char buf[HOLDER_TEXT_MAX];

	table_size(t, row->bytes);
	fill_cell(t, row);
	table_count(t, row->count);
	table_addr(t, heap->addr[row->sample]);
	table_text(t, key_text(heap, row->key[2], buf));
	table_text(t, or_dash(waste_place(w, row, buf)));
}

static int tables_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Empty", ALIGN_RIGHT }, { "Filled", ALIGN_RIGHT },
		{ "Number", ALIGN_RIGHT }, { "Largest", ALIGN_LEFT },
		{ "Slots", ALIGN_LEFT }, { "Held by", ALIGN_LEFT },
	};
	const struct waste_rows *rows = &w->waste->tables;
	char buf[HUMAN_MAX];

	printf("\nTables that are less than a quarter full: %s empty\n",
	       size(w, rows->bytes, buf));
	return print_rows(w, columns, 6, rows->at.len, table_row);
}

static void slack_row(const struct waste_report *w, struct table *t, size_t i)
{
	const struct waste_row *row = &w->waste->slack.at.at[i];
	const struct heap *heap = &w->report->facts.heap;
	char buf[NODE_TEXT_MAX];

	table_size(t, row->bytes);
	table_count(t, row->count);
	table_size(t, row->key[1]);
	table_size(t, row->count ? row->used / row->count : 0);
	table_text(t, heap->allocators.at[row->key[0]].allocator->name);
	table_text(t, key_text(heap, row->key[2], buf));
}

static int slack_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Slack", ALIGN_RIGHT }, { "Blocks", ALIGN_RIGHT },
		{ "Size", ALIGN_RIGHT }, { "Needed", ALIGN_RIGHT },
		{ "Allocator", ALIGN_LEFT }, { "Type", ALIGN_LEFT },
	};
	const struct waste_rows *rows = &w->waste->slack;
	char buf[HUMAN_MAX];

	printf("\nSlack behind what was asked for: %s", size(w, rows->bytes,
							     buf));
	printf(" (%s of blocks do not tell)\n",
	       size(w, w->waste->slack_unknown, buf));
	return print_rows(w, columns, 6, rows->at.len, slack_row);
}

static void arena_row(const struct waste_report *w, struct table *t, size_t i)
{
	const struct waste_arena *arena = &w->waste->arenas.at.at[i];

	table_size(t, arena->free);
	table_size(t, arena->top);
	table_count(t, arena->chunks);
	table_size(t, arena->live);
	table_addr(t, arena->start);
	table_text(t, arena->map);
}

static int arenas_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Free", ALIGN_RIGHT }, { "At end", ALIGN_RIGHT },
		{ "Chunks", ALIGN_RIGHT }, { "Live", ALIGN_RIGHT },
		{ "Start", ALIGN_LEFT }, { "# full  + mixed  . free",
					   ALIGN_LEFT },
	};
	const struct waste_arenas *a = &w->waste->arenas;
	uint64_t bytes = 0;
	char buf[HUMAN_MAX];
	size_t n = 0;

	for (size_t i = 0; i < a->at.len; i++) {
		bytes += a->at.at[i].free;
		n += a->at.at[i].free > 0;
	}
	printf("\nFree memory in arenas: %s\n", size(w, bytes, buf));
	return print_rows(w, columns, 6, n, arena_row);
}

static int free_sizes_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Chunks", ALIGN_RIGHT }, { "Bytes", ALIGN_RIGHT },
		{ "Below", ALIGN_RIGHT },
	};
	const struct waste_arenas *a = &w->waste->arenas;
	struct table t = table_of(columns, 3, &w->report->options);

	for (size_t i = 0; i < FREE_CLASSES; i++) {
		if (!a->classes[i].chunks)
			continue;
		table_count(&t, a->classes[i].chunks);
		table_size(&t, a->classes[i].bytes);
		table_size(&t, UINT64_C(1) << i);
	}
	if (t.cells.len == 0)
		return EXIT_DONE;
	puts("\nFree chunks by size");
	return table_print(&t);
}

/* Where the free bytes lie; what was never touched takes no memory. */
static void pages_text(const struct waste_report *w)
{
	const struct waste_arenas *a = &w->waste->arenas;
	uint64_t rest = 0;
	char buf[HUMAN_MAX];

	for (size_t i = 0; i < a->at.len; i++)
		rest += a->at.at[i].free;
	rest -= a->total.returnable + a->total.pieces + a->total.mixed;
	printf("\nOf it %s in whole pages that malloc_trim() would return,",
	       size(w, a->total.returnable, buf));
	printf(" %s in small\nchunks side by side, which it would join first",
	       size(w, a->total.pieces, buf));
	printf(" where no thread caches them,\n%s on pages with live blocks",
	       size(w, a->total.mixed, buf));
	if (a->resident_known)
		printf(", %s not in memory", size(w, rest, buf));
	putchar('\n');
}

static void sparse_row(const struct waste_report *w, struct table *t, size_t i)
{
	const struct waste_row *row = &w->waste->arenas.sparse.at.at[i];
	char buf[HOLDER_TEXT_MAX];

	table_size(t, row->bytes);
	table_count(t, row->count);
	table_text(t, key_text(&w->report->facts.heap, row->key[0], buf));
	table_text(t, or_dash(holder_text(w->holders, &row->sample, 1, buf)));
}

static int sparse_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Free on them", ALIGN_RIGHT }, { "Pages", ALIGN_RIGHT },
		{ "Because of", ALIGN_LEFT }, { "Held by", ALIGN_LEFT },
	};
	size_t n = w->waste->arenas.sparse.at.len;

	pages_text(w);
	if (n_shown(w, n) > 0)
		puts("Pages that are three quarters free");
	return print_rows(w, columns, 4, n, sparse_row);
}

static void pin_row(const struct waste_report *w, struct table *t, size_t i)
{
	const struct waste_pin *pin = &w->waste->arenas.pins.at[i];
	const struct facts *f = &w->report->facts;
	char buf[HOLDER_TEXT_MAX];

	table_size(t, pin->bytes);
	table_format(t, "%" PRIu64 " block%s", pin->blocks,
		     plural(pin->blocks));
	table_addr(t, f->heap.addr[pin->node]);
	table_text(t, node_text(f, pin->node, buf));
	table_text(t, or_dash(holder_text(w->holders, &pin->node, 1, buf)));
}

static int pins_text(const struct waste_report *w)
{
	static const struct table_column columns[] = {
		{ "Kept", ALIGN_RIGHT }, { "Above it", ALIGN_RIGHT },
		{ "Lowest of them", ALIGN_LEFT }, { "Type", ALIGN_LEFT },
		{ "Held by", ALIGN_LEFT },
	};
	size_t n = w->waste->arenas.pins.len;

	if (n_shown(w, n) > 0)
		puts("\nFree memory that a few blocks near the end of an arena "
		     "keep from going back");
	return print_rows(w, columns, 5, n, pin_row);
}

int waste_text(const struct waste_report *w)
{
	static int (*const parts[])(const struct waste_report *w) = {
		duplicates_text, capacity_text, tables_text, slack_text,
		arenas_text, free_sizes_text, sparse_text, pins_text,
	};
	int status = EXIT_DONE;

	if (w->report->facts.heap.n_blocks == 0) {
		puts("No block is known, so no waste is.");
		return EXIT_DONE;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) &&
	     status == EXIT_DONE; i++)
		status = parts[i](w);
	return status;
}
