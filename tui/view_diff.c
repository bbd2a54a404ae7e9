/* SPDX-License-Identifier: MIT */
/* Diff: what grew since an older image, who holds it, what was lost. */
#include <inttypes.h>
#include <stdio.h>

#include "tui/change_rows.h"
#include "tui/tree.h"
#include "tui/views.h"

enum { COL_DELTA, COL_BAR, COL_BEFORE, COL_AFTER, COL_COUNT, COL_NAME };

static const struct column columns[] = {
	[COL_DELTA] = { "Delta", COLUMN_SIZE, 11, STYLE_SIZE, 'D', 0, false },
	[COL_BAR] = { "", COLUMN_BAR, 10, STYLE_SIZE, 0, 4, false },
	[COL_BEFORE] = { "Before", COLUMN_SIZE, 10, STYLE_SIZE, 'B', 3, false },
	[COL_AFTER] = { "After", COLUMN_SIZE, 10, STYLE_SIZE, 'A', 2, false },
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 16, STYLE_NORMAL, 'C', 1,
			false },
	[COL_NAME] = { "Type or holder", COLUMN_TEXT, 0, STYLE_TYPE, 'T', 0,
		       true },
};

struct changes {
	struct tree tree;	/* id: part << 32 | row of the comparison */
	struct session *session;
	int64_t largest[N_CHANGES];	/* growth of one row */
};

static bool is_heading(uint64_t id)
{
	return (uint32_t)id == CHANGE_HEADING;
}

static bool children(struct tree *tree, uint32_t item, uint64_t limit,
		     uint64_t *left, struct err *err)
{
	const struct changes *c = (const struct changes *)tree;
	uint64_t id = tree->items.at[item].id >> 32 << 32, n = 0;
	enum change_part part = (enum change_part)(id >> 32);
	const struct diff_rows *rows =
		change_rows(c->session->comparison, part);

	for (size_t i = 0; i < rows->len; i++) {
		if (!change_is_shown(part, &rows->at[i]))
			continue;
		if (n >= tree->items.at[item].n_children && n < limit &&
		    tree_add(tree, item, id | i, false) == TREE_NONE)
			return err_nomem(err, "the comparison");
		n++;
	}
	*left = n > limit ? n - limit : 0;
	return true;
}

static bool keeps_order(const struct tree *tree, uint32_t item)
{
	(void)tree;
	return item == TREE_NONE;
}

static uint64_t size_of(enum change_part part, const struct tally *tally)
{
	return part == CHANGE_PATHS ? tally->retained : tally->bytes;
}

/* What a heading stands for: all blocks, all leaks. */
static struct diff_row sum_of(const struct comparison *c,
			      enum change_part part)
{
	struct diff_row sum = { .old = c->old, .new = c->new };
	const struct diff_rows *leaks = &c->diff.leaks;

	if (part == CHANGE_LEAKS) {
		sum = (struct diff_row){0};
		for (size_t i = 0; i < leaks->len; i++) {
			sum.old.count += leaks->at[i].old.count;
			sum.old.bytes += leaks->at[i].old.bytes;
			sum.new.count += leaks->at[i].new.count;
			sum.new.bytes += leaks->at[i].new.bytes;
		}
	}
	sum.growth = (int64_t)(sum.new.bytes - sum.old.bytes);
	return sum;
}

/* So that less than nothing comes before nothing. */
static uint64_t in_order(int64_t value)
{
	return (uint64_t)value ^ UINT64_C(1) << 63;
}

static uint64_t number(struct tree *tree, uint32_t item, int column)
{
	const struct changes *c = (const struct changes *)tree;
	uint64_t id = tree->items.at[item].id;
	enum change_part part = (enum change_part)(id >> 32);
	const struct diff_row *row;

	if (is_heading(id))
		return 0;
	row = change_row(c->session->comparison, id);
	switch (column) {
	case COL_BAR:
		return row->growth <= 0 ? 0 :
		       thousandths((uint64_t)row->growth,
				   (uint64_t)c->largest[part]);
	case COL_BEFORE:
		return size_of(part, &row->old);
	case COL_AFTER:
		return size_of(part, &row->new);
	case COL_COUNT:
		return in_order(change_count(row));
	default:
		return in_order(row->growth);
	}
}

static bool has_bar(void *data, uint32_t row)
{
	const struct tree_item *item = tree_item(data, row);

	return !item->more && !is_heading(item->id);
}

static size_t add_signed(const struct session *session, int64_t bytes,
			 struct cell_out *out, size_t n)
{
	char size[HUMAN_MAX];

	n = view_append(out, n, bytes < 0 ? "-" : bytes > 0 ? "+" : "");
	return view_append(out, n, session_size(session, bytes < 0 ?
		0 - (uint64_t)bytes : (uint64_t)bytes, size));
}

static void number_text(const struct changes *c, enum change_part part,
			const struct diff_row *row, int column,
			struct cell_out *out)
{
	char count[HUMAN_MAX];
	size_t n;

	switch (column) {
	case COL_DELTA:
		add_signed(c->session, row->growth, out, 0);
		break;
	case COL_COUNT:
		n = view_append(out, 0, session_count(c->session,
						      row->old.count, count));
		if (row->old.count == row->new.count)
			break;
		n = view_append(out, n, " -> ");
		view_append(out, n, session_count(c->session, row->new.count,
						  count));
		break;
	default:
		view_size_cell(c->session, size_of(part,
			column == COL_BEFORE ? &row->old : &row->new), out);
	}
}

static void heading_text(const struct changes *c, uint32_t item,
			 struct cell_out *out)
{
	static const char *const texts[N_CHANGES][2] = {
		[CHANGE_TYPES] = { "No type has changed", "Types" },
		[CHANGE_PATHS] = { "Nobody holds more than before",
				 "Who holds the growth" },
		[CHANGE_LEAKS] = { "No new leaks", "New leaks" },
	};
	uint64_t id = c->tree.items.at[item].id;

	view_append(out, 0, texts[id >> 32][c->tree.items.at[item].inner]);
	out->style = STYLE_HEADER;
}

static void text(struct tree *tree, uint32_t item, int column,
		 struct cell_out *out)
{
	const struct changes *c = (const struct changes *)tree;
	uint64_t id = tree->items.at[item].id;
	enum change_part part = (enum change_part)(id >> 32);
	struct diff_row sum;

	if (column == COL_NAME && is_heading(id)) {
		heading_text(c, item, out);
	} else if (column == COL_NAME) {
		change_name(c->session->comparison, id, out);
		if (part == CHANGE_LEAKS)
			out->style = STYLE_LEAK;
	} else if (!is_heading(id)) {
		number_text(c, part, change_row(c->session->comparison, id), column,
			    out);
	} else if (part != CHANGE_PATHS) {
		/* What one holder has another above it has, too: no sum. */
		sum = sum_of(c->session->comparison, part);
		number_text(c, part, &sum, column, out);
	}
}

static const struct tree_ops ops = {
	.children = children, .number = number, .text = text,
	.keeps_order = keeps_order,
};

static struct subject subject(void *data, uint32_t row)
{
	const struct tree_item *item = tree_item(data, row);

	if (item->more || is_heading(item->id))
		return (struct subject){ .kind = SUBJECT_NONE };
	return (struct subject){ SUBJECT_CHANGE, item->id };
}

static size_t add_tally(const struct session *session, const char *what,
			const struct tally *tally, struct cell_out *out,
			size_t n)
{
	char text[128], count[HUMAN_MAX], size[HUMAN_MAX];

	snprintf(text, sizeof(text), "%s%s %s, %s", n ? "; " : "",
		 session_count(session, tally->count, count), what,
		 session_size(session, tally->bytes, size));
	return view_append(out, n, text);
}

static bool head(void *data, int line, struct cell_out *out)
{
	const struct changes *c = data;
	const struct comparison *with = c->session->comparison;
	size_t n = 0;

	if (line == 0) {
		n = view_append(out, n, with->old_file);
		n = view_append(out, n, " -> ");
		n = view_append(out, n, c->session->file);
		view_append(out, n, "; - folds a part, Enter opens a row's blocks");
		return true;
	}
	if (line > 1)
		return false;
	if (with->diff.blocks.comparable) {
		n = add_tally(c->session, "blocks new", &with->diff.blocks.new,
			      out, n);
		n = add_tally(c->session, "gone", &with->diff.blocks.gone, out,
			      n);
		add_tally(c->session, "still there",
			  &with->diff.blocks.survived, out, n);
		return true;
	}
	n = view_append(out, n, "not the same process: ");
	view_append(out, n, with->diff.blocks.why);
	return true;
}

static void free_changes(void *data)
{
	struct changes *c = data;

	tree_free(&c->tree);
	free(c);
}

static const struct view_class diff_class = {
	.name = "Diff", .columns = columns, .n_columns = 6, .least = 32,
	.sorted_by = COL_DELTA, .descending = true,
	.model = {
		.n_rows = tree_n_rows, .cell = tree_cell,
		.number = tree_number, .has_bar = has_bar, .subject = subject,
		.head = head, .tree = &tree_functions, .free = free_changes,
	},
};

static bool fill(struct changes *c, struct err *err)
{
	for (int part = 0; part < N_CHANGES; part++) {
		const struct diff_rows *rows =
			change_rows(c->session->comparison, (enum change_part)part);

		if (tree_add(&c->tree, TREE_NONE, (uint64_t)part << 32 |
			     CHANGE_HEADING, true) == TREE_NONE)
			return err_nomem(err, "the comparison");
		for (size_t i = 0; i < rows->len; i++) {
			if (rows->at[i].growth > c->largest[part])
				c->largest[part] = rows->at[i].growth;
		}
	}
	if (!tree_functions.sort(&c->tree, COL_DELTA, true, err))
		return false;
	for (uint32_t part = 0; part < N_CHANGES; part++) {
		if (!tree_load(&c->tree, part, err))
			return false;
	}
	return tree_show(&c->tree, err);
}

struct view *view_diff_open(struct session *session, struct err *err)
{
	struct changes *c;
	struct view *v;

	if (!session->comparison) {
		err_set(err, ERR_FORMAT, "there is nothing to compare with: "
			"holdfast tui FILE OLD");
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_nomem(err, "the comparison");
		return NULL;
	}
	tree_init(&c->tree, &ops, &diff_class);
	c->session = session;
	if (!fill(c, err)) {
		free_changes(c);
		return NULL;
	}
	v = view_new(&diff_class, c, session, err);
	if (v)
		snprintf(v->title, sizeof(v->title), "Diff");
	return v;
}

