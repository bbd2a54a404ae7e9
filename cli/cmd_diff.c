/* SPDX-License-Identifier: MIT */
/* `diff`: what changed between images of a program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/diff_report.h"
#include "cli/progress_line.h"
#include "cli/report.h"

static const char usage[] =
	"usage: holdfast diff [OPTION...] OLD NEW [NEWER...]\n"
	"\n"
	"What changed from one snapshot to the next: which types grew, who holds the\n"
	"growth, what was lost, and which blocks are new. With three or more\n"
	"snapshots the first is compared with the last, and what grew at every step\n"
	"is marked.\n"
	"\n"
	"Blocks are compared one by one where both snapshots show the same process.\n"
	"A holder is left out when nine tenths of its growth are that of one below\n"
	"it that is shown.\n"
	"\n"
	"  --exit-code     exit with 1 when a type grew that --filter lets through\n"
	OPTIONS_USAGE_SORTED
	"                  (growth, count, bytes, name; default growth)\n"
	"\n"
	"Exit status: 0 done, 1 with --exit-code when something grew, 2 trouble.\n";

static bool find_order(const char *key, enum diff_order *ret)
{
	static const char *const keys[] = {
		[DIFF_BY_GROWTH] = "growth", [DIFF_BY_COUNT] = "count",
		[DIFF_BY_SIZE] = "bytes", [DIFF_BY_NAME] = "name",
	};

	*ret = DIFF_BY_GROWTH;
	for (size_t i = 0; key && i < sizeof(keys) / sizeof(keys[0]); i++) {
		*ret = (enum diff_order)i;
		if (!strcmp(keys[i], key))
			return true;
	}
	if (!key)
		return true;
	fprintf(stderr, "holdfast: --sort %s: there is no such key; take growth, "
		"count, bytes or name\n", key);
	return false;
}

bool diff_shows_label(const struct diff_report *report, uint32_t label)
{
	const struct label *l = &report->names.labels.at.at[label];

	return options_match(&report->options, l->typed ? l->text : NULL);
}

bool diff_shows_path(const struct diff_report *report, uint32_t path)
{
	for (; path != PATH_NONE; path = report->names.paths.at.at[path].parent) {
		if (diff_shows_label(report,
				     report->names.paths.at.at[path].label))
			return true;
	}
	return false;
}

struct note_taker {
	struct arena *arena;
	struct diff_image *image;
	bool failed;
};

static void take_note(void *ctx, const char *text)
{
	struct note_taker *taker = ctx;
	const char *copy = arena_text(taker->arena, text, strlen(text));

	if (!copy || !vec_push(&taker->image->notes, copy))
		taker->failed = true;
}

/* Only one image's facts are in memory at a time. */
static bool load(struct diff_report *r, size_t i, struct err *err)
{
	struct report one = { .options = r->options };
	struct diff_image *image = &r->images[i];
	struct note_taker taker = { .arena = &r->arena, .image = image };
	bool ok;

	image->file = r->options.args[i];
	if (!report_open(image->file, &r->options, &one.facts, err))
		return false;
	image->captured_at = arena_text(&r->arena,
		one.facts.image.meta.captured_at,
		strlen(one.facts.image.meta.captured_at));
	report_each_note(&one, take_note, &taker);
	ok = digest_build(&one.facts, &r->names, &r->digests[i], err);
	report_close(&one.facts);
	if (ok && (!image->captured_at || taker.failed))
		return err_nomem(err, "the notes");
	return ok;
}

static bool load_all(struct diff_report *r, struct err *err)
{
	r->n = (size_t)r->options.n_args;
	r->images = calloc(r->n, sizeof(*r->images));
	r->digests = calloc(r->n, sizeof(*r->digests));
	if (!r->images || !r->digests)
		return err_nomem(err, "the snapshots");
	for (size_t i = 0; i < r->n; i++) {
		if (!load(r, i, err))
			return false;
	}
	return diff_build(&r->names, r->digests, r->n, &r->diff, err);
}

static void free_all(struct diff_report *r)
{
	diff_free(&r->diff);
	for (size_t i = 0; r->digests && i < r->n; i++)
		digest_free(&r->digests[i]);
	for (size_t i = 0; r->images && i < r->n; i++)
		vec_free(&r->images[i].notes);
	free(r->digests);
	free(r->images);
	digest_names_free(&r->names);
	arena_free(&r->arena);
	options_free(&r->options);
}

static bool something_grew(const struct diff_report *r)
{
	for (size_t i = 0; i < r->diff.types.len; i++) {
		if (r->diff.types.at[i].growth > 0 &&
		    diff_shows_label(r, r->diff.types.at[i].id))
			return true;
	}
	return false;
}

static int show(struct diff_report *r, enum diff_order order)
{
	int status;

	diff_sort(&r->diff.types, &r->names.labels, NULL, order);
	diff_sort(&r->diff.leaks, &r->names.labels, NULL, order);
	diff_sort(&r->diff.paths, &r->names.labels, &r->names.paths, order);
	status = r->options.json ? diff_print_json(r) : diff_print_text(r);
	if (status == EXIT_DONE && r->options.exit_code && something_grew(r))
		return EXIT_FOUND;
	return status;
}

static int run(int argc, char **argv)
{
	struct diff_report r = {0};
	struct err err = {0};
	enum diff_order order;
	int status = EXIT_TROUBLE;
	bool ok;

	if (options_parse(&cmd_diff, argc, argv, 2, argc, &r.options,
			  &status) == PARSED_EXIT)
		return status;
	if (!find_order(r.options.sort, &order)) {
		options_free(&r.options);
		return EXIT_TROUBLE;
	}
	ok = load_all(&r, &err);
	progress_line_clear();
	status = ok ? show(&r, order) : cmd_trouble(&err);
	free_all(&r);
	return status;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.summary = "what grew between snapshots, and who holds it",
	.usage = usage,
	.takes = TAKES_SORT | TAKES_FILTER | TAKES_EXIT_CODE,
	.run = run,
};
