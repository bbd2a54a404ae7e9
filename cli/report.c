/* SPDX-License-Identifier: MIT */
#include "cli/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyze/heap_index.h"
#include "analyze/roots.h"
#include "base/human.h"
#include "cli/progress_line.h"
#include "cli/text_table.h"
#include "cli/timings.h"

/* Less than this is a program's own mapping or two. */
enum { UNOWNED_WORTH_A_NOTE = 1 << 20 };

bool report_open(const char *file, const struct options *options,
		 struct facts *ret, struct err *err)
{
	enum index_use use = options->no_index ? INDEX_NEVER : INDEX_MAY;

	if (facts_open(file, use, ret, err))
		return true;
	return is_pid(file) && err->code == ERR_IO ?
	       err_wrap(err, "to look at process %s, run `holdfast dump %s` "
			"first", file, file) : false;
}

void report_close(struct facts *facts)
{
	struct err err = {0};

	/* The reader need not wait for what is written for the next one. */
	fflush(stdout);
	if (!heap_index_finish(facts, &err))
		fprintf(stderr, "holdfast: note: %s\n", err.message);
	facts_close(facts);
}

bool report_begin(const struct cmd *cmd, int argc, char **argv, int min,
		  int max, struct report *ret, int *status)
{
	struct err err = {0};
	bool ok;

	if (options_parse(cmd, argc, argv, min, max, &ret->options, status) ==
	    PARSED_EXIT)
		return false;
	if (ret->options.timings)
		timings_begin();
	ok = report_open(ret->options.args[0], &ret->options, &ret->facts,
			 &err);
	progress_line_clear();
	if (ok)
		return true;
	*status = cmd_trouble(&err);
	options_free(&ret->options);
	return false;
}

void report_end(struct report *report)
{
	const struct graph *refs = &report->facts.heap.refs;

	if (report->options.timings)
		timings_end(report->facts.heap.n_blocks,
			    graph_n_edges(refs));
	report_close(&report->facts);
	options_free(&report->options);
}

int report_run(const struct cmd *cmd, int argc, char **argv,
	       int (*print)(const struct report *report))
{
	struct report report;
	int status = EXIT_TROUBLE;

	if (!report_begin(cmd, argc, argv, 1, 1, &report, &status))
		return status;
	status = print(&report);
	if (!report.options.json)
		report_notes(&report);
	report_end(&report);
	return status;
}

const char *report_size(const struct report *report, uint64_t bytes,
			char buf[24])
{
	return human_size(bytes, report->options.bytes, buf);
}

static void allocator_notes(const struct report *report, note_sink *sink,
			    void *ctx)
{
	const struct heap *heap = &report->facts.heap;
	char size[HUMAN_MAX], text[256];
	bool any = false;

	for (size_t i = 0; i < heap->allocators.len; i++) {
		const struct allocator_summary *a = &heap->allocators.at[i];

		any = true;
		if (a->understood)
			continue;
		snprintf(text, sizeof(text),
			 "%s%s%s memory is not understood yet: %s mapped, "
			 "whose blocks are not listed; all of it counts as a root",
			 a->allocator->name, a->version[0] ? " " : "",
			 a->version, report_size(report, a->mapped_bytes, size));
		sink(ctx, text);
	}
	if (!any)
		sink(ctx, "no allocator was recognised: there are no blocks");
	if (roots_unowned(heap) < UNOWNED_WORTH_A_NOTE)
		return;
	snprintf(text, sizeof(text), "%s of anonymous memory belong to no "
		 "allocator that was recognised; all of it counts as a root",
		 report_size(report, roots_unowned(heap), size));
	sink(ctx, text);
}

static void diagnostic_notes(const struct diag *diag, note_sink *sink,
			     void *ctx)
{
	char text[512];

	for (size_t i = 0; i < diag->len; i++) {
		const struct diag_entry *d = &diag->at[i];

		if (d->first == DIAG_NO_PLACE)
			snprintf(text, sizeof(text), "%s (%" PRIu64 ")",
				 d->what, d->count);
		else
			snprintf(text, sizeof(text),
				 "%s (%" PRIu64 ", first at 0x%" PRIx64 ")",
				 d->what, d->count, d->first);
		sink(ctx, text);
	}
}

void report_each_note(const struct report *report, note_sink *sink,
		      void *ctx)
{
	allocator_notes(report, sink, ctx);
	diagnostic_notes(&report->facts.image.diag, sink, ctx);
	diagnostic_notes(&report->facts.heap.diag, sink, ctx);
}

static void print_note(void *ctx, const char *text)
{
	bool *first = ctx;

	if (*first)
		putchar('\n');
	*first = false;
	fputs("note: ", stdout);
	text_print(text);
	putchar('\n');
}

void report_notes(const struct report *report)
{
	bool first = true;

	report_each_note(report, print_note, &first);
}

static void add_note(void *ctx, const char *text)
{
	json_add_text(ctx, text);
}

void report_notes_json(const struct report *report, struct json_t *document)
{
	struct json_t *notes = json_new_array();

	json_put(document, "notes", notes);
	report_each_note(report, add_note, notes);
}
