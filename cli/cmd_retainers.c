/* SPDX-License-Identifier: MIT */
/* `retainers`: who holds a block, or all blocks of a type. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/ref_words.h"
#include "analyze/retainers.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"
#include "cli/block_target.h"

static const char usage[] =
	"usage: holdfast retainers [OPTION...] FILE ADDR|TYPE\n"
	"\n"
	"Why a block, or each block of a type, is still there: shortest paths from\n"
	"variables and stacks to it, those over the same types and fields merged.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

static struct json_t *path_json(const struct facts *f,
				const struct retainers *r,
				const struct retainer_path *path)
{
	struct json_t *o = json_new_object(), *steps = json_new_array();
	struct json_t *last = json_new_object();

	json_put_u64(o, "count", path->count);
	for (size_t i = 0; i < path->n_steps; i++) {
		const struct retainer_step *step =
			&r->steps.at[path->first_step + i];
		struct json_t *s = json_new_object();

		node_put(s, f, step->node);
		json_put_text(s, "field", step->field);
		if (step->repeats)
			json_put_bool(s, "repeats", true);
		json_add(steps, s);
	}
	node_put(last, f, path->target);
	json_put_text(last, "field", NULL);
	json_add(steps, last);
	json_put(o, "steps", steps);
	return o;
}

static int print_json(const struct report *report, const struct retainers *r,
		      size_t targets)
{
	struct json_t *document = json_new_object(), *paths = json_new_array();

	json_put_u64(document, "targets", targets);
	json_put(document, "paths", paths);
	for (size_t i = 0; i < r->paths.len && i < report->options.limit; i++)
		json_add(paths, path_json(&report->facts, r, &r->paths.at[i]));
	report_notes_json(report, document);
	return json_print(document);
}

static void print_node(const struct facts *f, uint32_t node)
{
	char name[NODE_TEXT_MAX];

	text_print(node_text(f, node, name));
}

static void print_step(const struct facts *f, const struct retainer_step *step)
{
	char name[NODE_TEXT_MAX], place[2 * NODE_TEXT_MAX];

	text_print(ref_place(node_text(f, step->node, name), step->field,
			     place, sizeof(place)));
	fputs(step->repeats ? "  (and so on)" : "", stdout);
}

/* Where a path starts when no root is at its head. */
static const char *beginning(const struct facts *f, uint32_t node)
{
	switch (f->heap.state[node]) {
	case STATE_LEAKED:
		return "leaked; no root leads here, the loss begins at";
	case STATE_STALE:
		return "held by a dead word only; begins at";
	default:
		return "held weakly only; begins at";
	}
}

static void print_path(const struct facts *f, const struct retainers *r,
		       const struct retainer_path *path)
{
	uint32_t first = path->n_steps > 0 ?
			 r->steps.at[path->first_step].node : path->target;

	printf("\n%" PRIu64 " block%s\n", path->count, plural(path->count));
	if (!heap_is_root(&f->heap, first))
		printf("    (%s)\n", beginning(f, first));
	for (size_t i = 0; i < path->n_steps; i++) {
		const struct retainer_step *step =
			&r->steps.at[path->first_step + i];

		fputs(i == 0 ? "    " : " -> ", stdout);
		print_step(f, step);
		if (path->count == 1 && !step->repeats &&
		    !heap_is_root(&f->heap, step->node))
			printf("  0x%" PRIx64, f->heap.addr[step->node]);
		fputs("\n   ", stdout);
	}
	fputs(path->n_steps > 0 ? " -> " : "    ", stdout);
	print_node(f, path->target);
	printf("  0x%" PRIx64 "\n", f->heap.addr[path->target]);
}

static int print_text(const struct report *report, const struct retainers *r,
		      size_t targets)
{
	printf("%zu block%s, held through %zu kind%s of path.\n", targets,
	       plural(targets), r->paths.len, plural(r->paths.len));
	for (size_t i = 0; i < r->paths.len && i < report->options.limit; i++)
		print_path(&report->facts, r, &r->paths.at[i]);
	if (r->paths.len > report->options.limit)
		printf("\n... and %zu more; --limit shows more\n",
		       r->paths.len - (size_t)report->options.limit);
	report_notes(report);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct report report;
	struct retainers retainers;
	struct err err = {0};
	uint32_t *targets;
	size_t n;
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_retainers, argc, argv, 2, 2, &report, &status))
		return status;
	if (!target_blocks(&report.facts, report.options.args[1], &targets, &n,
			   &err)) {
		status = cmd_trouble(&err);
	} else {
		if (!retainers_build(&report.facts, targets, n, &retainers,
				     &err)) {
			status = cmd_trouble(&err);
		} else {
			status = report.options.json ?
				print_json(&report, &retainers, n) :
				print_text(&report, &retainers, n);
			retainers_free(&retainers);
		}
		free(targets);
	}
	report_end(&report);
	return status;
}

const struct cmd cmd_retainers = {
	.name = "retainers",
	.summary = "who holds a block, or all blocks of a type",
	.usage = usage,
	.run = run,
};
