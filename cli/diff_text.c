/* SPDX-License-Identifier: MIT */
#include "cli/diff_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/human.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

/* A table of rows, with a heading, and what was left out of it. */
struct part {
	struct diff_report *report;
	struct table_column columns[6];
	struct table table;
	uint64_t shown, left;
};

static void begin(struct part *s, struct diff_report *r, const char *size,
		  const char *count, const char *what)
{
	int n = 0;

	*s = (struct part){ .report = r };
	s->columns[n++] = (struct table_column){ "Growth", ALIGN_RIGHT };
	s->columns[n++] = (struct table_column){ "Old", ALIGN_RIGHT };
	s->columns[n++] = (struct table_column){ size, ALIGN_RIGHT };
	s->columns[n++] = (struct table_column){ count, ALIGN_RIGHT };
	if (r->n > 2)
		s->columns[n++] = (struct table_column){ "", ALIGN_LEFT };
	s->columns[n++] = (struct table_column){ what, ALIGN_LEFT };
	s->table = table_of(s->columns, n, &r->options);
}

static const char *signed_size(int64_t bytes, bool exact,
			       char buf[HUMAN_MAX + 1])
{
	char size[HUMAN_MAX];

	human_size(bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes, exact,
		   size);
	snprintf(buf, HUMAN_MAX + 1, "%s%s", bytes < 0 ? "-" :
		 bytes > 0 ? "+" : "", size);
	return buf;
}

/* All cells but the last. */
static void add_row(struct part *s, const struct diff_row *row,
		    bool retained)
{
	char growth[HUMAN_MAX + 1];
	int64_t count = (int64_t)(row->new.count - row->old.count);

	table_text(&s->table, signed_size(row->growth, s->table.exact, growth));
	table_size(&s->table, retained ? row->old.retained : row->old.bytes);
	table_size(&s->table, retained ? row->new.retained : row->new.bytes);
	table_format(&s->table, "%s%" PRId64, count > 0 ? "+" : "", count);
	if (s->report->n > 2)
		table_text(&s->table, row->grew_every_time ? "every time" : "");
	s->shown++;
}

static bool has_room(struct part *s)
{
	if (s->shown < s->report->options.limit)
		return true;
	s->left++;
	return false;
}

static int end(struct part *s, const char *heading, const char *none)
{
	int status;

	if (s->shown == 0 && s->left == 0) {
		printf("\n%s\n", none);
		return EXIT_DONE;
	}
	printf("\n%s\n\n", heading);
	status = table_print(&s->table);
	if (s->left > 0)
		printf("... and %" PRIu64 " more; --limit shows more\n",
		       s->left);
	return status;
}

static bool changed(const struct diff_row *row)
{
	return row->growth != 0 || row->old.count != row->new.count;
}

static int print_types(struct diff_report *r)
{
	char text[NODE_TEXT_MAX];
	struct part s;

	begin(&s, r, "New", "Blocks", "Type");
	for (size_t i = 0; i < r->diff.types.len; i++) {
		const struct diff_row *row = &r->diff.types.at[i];

		if (!changed(row) || !diff_shows_label(r, row->id) ||
		    !has_room(&s))
			continue;
		add_row(&s, row, false);
		table_text(&s.table, readable_text(
			r->names.labels.at.at[row->id].text, text));
	}
	return end(&s, "What grew by type", "No type grew or shrank.");
}

static int print_paths(struct diff_report *r)
{
	struct part s;

	begin(&s, r, "Retained", "Blocks", "Holder");
	for (size_t i = 0; i < r->diff.paths.len; i++) {
		const struct diff_row *row = &r->diff.paths.at[i];
		const char *text;

		if (!diff_shows_path(r, row->id) || !has_room(&s))
			continue;
		add_row(&s, row, true);
		text = digest_path_text(&r->names, row->id, &r->arena);
		s.table.failed |= !text;
		table_text(&s.table, text ? text : "");
	}
	return end(&s, "Who holds the growth", "Nobody holds more than before.");
}

static int print_leaks(struct diff_report *r)
{
	char text[NODE_TEXT_MAX];
	struct part s;

	begin(&s, r, "New", "Count", "Leak root");
	for (size_t i = 0; i < r->diff.leaks.len; i++) {
		const struct diff_row *row = &r->diff.leaks.at[i];
		const struct label *label = &r->names.labels.at.at[row->id];

		if ((row->growth <= 0 && row->new.count <= row->old.count) ||
		    !diff_shows_label(r, row->id) || !has_room(&s))
			continue;
		add_row(&s, row, false);
		table_format(&s.table, "%s%s", readable_text(label->text, text),
			     label->kind == LABEL_CYCLE ? ", cycles" : "");
	}
	return end(&s, "New leaks", "No new leaks.");
}

static void print_tally(const struct diff_report *r, const char *what,
			const struct tally *tally, const char *after)
{
	char size[HUMAN_MAX];

	printf("%" PRIu64 " %s (%s)%s", tally->count, what,
	       human_size(tally->bytes, r->options.bytes, size), after);
}

static void print_blocks(const struct diff_report *r)
{
	const struct diff *diff = &r->diff;

	puts("\nBlocks\n");
	if (!diff->blocks.comparable) {
		printf("Not the same process (%s): addresses of one mean "
		       "nothing in the other,\nso blocks are compared by type "
		       "only.\n", diff->blocks.why);
		return;
	}
	print_tally(r, "new", &diff->blocks.new, ", ");
	print_tally(r, "gone", &diff->blocks.gone, ", ");
	print_tally(r, "survived", &diff->blocks.survived, ".\n");
	if (!diff->blocks.by_type)
		puts("One snapshot has no types: blocks are known again by "
		     "address and size only.");
}

static void print_head(const struct diff_report *r)
{
	const struct tally *old = &r->digests[0].live;
	const struct tally *new = &r->digests[r->n - 1].live;
	char a[HUMAN_MAX], b[HUMAN_MAX], growth[HUMAN_MAX + 1];
	bool exact = r->options.bytes;

	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			fputs(" -> ", stdout);
		text_print(r->images[i].file);
	}
	printf("\nlive: %s in %" PRIu64 " block%s -> %s in %" PRIu64
	       " block%s (%s)\n", human_size(old->bytes, exact, a), old->count,
	       plural(old->count), human_size(new->bytes, exact, b), new->count,
	       plural(new->count), signed_size((int64_t)(new->bytes -
						old->bytes), exact, growth));
}

static bool has_note(const struct diff_image *image, const char *text)
{
	for (size_t i = 0; i < image->notes.len; i++) {
		if (!strcmp(image->notes.at[i], text))
			return true;
	}
	return false;
}

/* A note that all images share is printed once, without a file name. */
static void print_notes(const struct diff_report *r)
{
	const char *gap = "\n";

	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->images[i].notes.len; k++) {
			const char *text = r->images[i].notes.at[k];
			size_t same = 0;

			for (size_t m = 0; m < r->n; m++)
				same += has_note(&r->images[m], text);
			if (same == r->n && i > 0)
				continue;
			printf("%snote: ", gap);
			gap = "";
			if (same < r->n) {
				text_print(r->images[i].file);
				fputs(": ", stdout);
			}
			text_print(text);
			putchar('\n');
		}
	}
}

int diff_print_text(struct diff_report *r)
{
	int status, worst;

	print_head(r);
	worst = print_types(r);
	status = print_paths(r);
	worst = status > worst ? status : worst;
	status = print_leaks(r);
	worst = status > worst ? status : worst;
	print_blocks(r);
	print_notes(r);
	return worst;
}
