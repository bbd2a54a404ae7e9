/* SPDX-License-Identifier: MIT */
/* `suspects`: what is probably wrong, in words. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/suspects.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/table.h"

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

static int run(int argc, char **argv)
{
	struct report report;
	struct suspects suspects;
	struct err err = {0};
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_suspects, argc, argv, 1, 1, &report, &status))
		return status;
	if (!suspects_build(&report.facts, &suspects, &err)) {
		status = cmd_trouble(&err);
	} else if (report.options.json) {
		status = print_json(&report, &suspects);
		suspects_free(&suspects);
	} else {
		for (size_t i = 0; i < suspects.at.len &&
		     i < report.options.limit; i++) {
			text_print(suspects.at.at[i].text);
			putchar('\n');
		}
		if (suspects.at.len == 0)
			puts("Nobody holds more than a tenth of the live bytes.");
		report_notes(&report);
		suspects_free(&suspects);
		status = EXIT_DONE;
	}
	report_end(&report);
	return status;
}

const struct cmd cmd_suspects = {
	.name = "suspects",
	.summary = "what is probably wrong, in words",
	.usage = usage,
	.run = run,
};
