/* SPDX-License-Identifier: MIT */
/* `suspects`: what is probably wrong, in words. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/suspects.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/summary.h"
#include "cli/text_table.h"

static const char usage[] =
	"usage: holdfast suspects [OPTION...] FILE\n"
	"\n"
	"What is probably wrong, in words: whoever holds more than a tenth of the\n"
	"live bytes, and through what.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

static struct json_t *suspect_json(const struct facts *f,
				   const struct suspect *s)
{
	struct json_t *o = json_new_object();
	char name[NODE_TEXT_MAX];

	json_put_text(o, "text", s->text);
	if (s->count > 0)
		json_put_text(o, "type", block_key_type(&f->heap, s->through,
							name, sizeof(name)));
	else
		json_put_text(o, "type", node_type(f, s->pile, name));
	json_put_text(o, "root", s->kind == SUSPECT_TYPE ? NULL :
		      node_label(f, s->id, name));
	if (s->id < f->heap.n_blocks)
		json_put_addr(o, "addr", f->heap.addr[s->id]);
	json_put_u64(o, "count", s->count);
	json_put_u64(o, "retained", s->retained);
	json_put_real(o, "share", s->share);
	return o;
}

static int print_json(const struct report *r, const struct suspects *suspects)
{
	struct json_t *document = json_new_object(), *list = json_new_array();

	json_put(document, "suspects", list);
	for (size_t i = 0; i < suspects->at.len && i < r->options.limit; i++)
		json_add(list, suspect_json(&r->facts, &suspects->at.at[i]));
	report_notes_json(r, document);
	return json_print(document);
}

static int print_text(const struct report *r, const struct suspects *suspects)
{
	for (size_t i = 0; i < suspects->at.len && i < r->options.limit; i++) {
		text_print(suspects->at.at[i].text);
		putchar('\n');
	}
	if (r->facts.heap.n_blocks == 0)
		puts("No block is known, so nobody can be suspected.");
	else if (suspects->at.len == 0)
		puts("Nobody holds more than a tenth of the live bytes.");
	return EXIT_DONE;
}

int suspects_print(const struct report *report)
{
	struct suspects suspects;
	struct err err = {0};
	int status;

	if (!suspects_build(&report->facts, &suspects, &err))
		return cmd_trouble(&err);
	status = report->options.json ? print_json(report, &suspects) :
					print_text(report, &suspects);
	suspects_free(&suspects);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_suspects, argc, argv, suspects_print);
}

const struct cmd cmd_suspects = {
	.name = "suspects",
	.summary = "what is probably wrong, in words",
	.usage = usage,
	.run = run,
};
