/* SPDX-License-Identifier: MIT */
/* `suspects`: what is probably wrong, in words; what grew comes first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/block_key.h"
#include "analyze/suspect_growth.h"
#include "analyze/suspects.h"
#include "cli/node_text.h"
#include "cli/progress_line.h"
#include "cli/report.h"
#include "cli/summary.h"
#include "cli/text_table.h"

static const char usage[] =
	"usage: holdfast suspects [OPTION...] FILE [OLD]\n"
	"\n"
	"What is probably wrong, in words: whoever holds more than a tenth of the\n"
	"live bytes, and through what, with a command that shows more. With an older\n"
	"snapshot of the program, what grew since then comes first.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

/* What is held, and by whom. */
static void put_node(struct json_t *o, const struct facts *f,
		     const struct suspect *s)
{
	char name[NODE_TEXT_MAX];

	if (s->count > 0)
		json_put_text(o, "type", block_key_type(&f->heap, s->through,
							name, sizeof(name)));
	else
		json_put_text(o, "type", node_type(f, s->pile, name));
	json_put_text(o, "root", s->kind == SUSPECT_TYPE ? NULL :
		      node_label(f, s->id, name));
	if (s->id < f->heap.n_blocks)
		json_put_addr(o, "addr", f->heap.addr[s->id]);
}

static struct json_t *suspect_json(const struct facts *f,
				   const struct suspect *s)
{
	struct json_t *o = json_new_object();

	json_put_text(o, "text", s->text);
	json_put_text(o, "next", s->next);
	if (suspect_is_node(s)) {
		put_node(o, f, s);
	} else {
		json_put_text(o, "type", NULL);
		json_put_text(o, "root", NULL);
	}
	json_put_u64(o, "count", s->count);
	json_put_u64(o, "retained", s->retained);
	json_put_real(o, "share", s->share);
	return o;
}

/* The file follows the name of the command. */
static void print_next(const char *next, const char *file)
{
	int n = (int)strcspn(next, " ");

	printf("%.*s ", n, next);
	text_print(file);
	text_print(next + n);
	putchar('\n');
}

/* Why so little is known by name, where a suspect holds things without type:
 * what the program itself lacks. */
static void print_hint(const struct report *r, const struct suspects *suspects)
{
	const struct image *image = &r->facts.image;
	const struct heap *heap = &r->facts.heap;
	const char *exe = image->meta.exe ? image->meta.exe : "";
	bool untyped = false;

	for (size_t i = 0; i < suspects->at.len; i++) {
		const struct suspect *s = &suspects->at.at[i];

		untyped |= s->count > 0 ? !block_key_is_typed(s->through) :
			   s->pile < heap->n_blocks &&
			   heap->type[s->pile] == TYPE_NONE;
	}
	for (size_t i = 0; untyped && i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];

		if (strcmp(m->path, exe) != 0 || m->debug == DEBUG_FULL ||
		    !m->hint[0])
			continue;
		fputs("\nMore could be named with the types of ", stdout);
		text_print(m->path);
		fputs(": ", stdout);
		text_print(m->hint);
		putchar('\n');
	}
}

static int print_text(const struct report *r, const struct suspects *suspects)
{
	for (size_t i = 0; i < suspects->at.len && i < r->options.limit; i++) {
		const struct suspect *s = &suspects->at.at[i];

		text_print(s->text);
		fputs("\n    holdfast ", stdout);
		print_next(s->next, r->options.args[0]);
	}
	if (r->facts.heap.n_blocks == 0)
		puts("No block is known, so nobody can be suspected.");
	else if (suspects->at.len == 0)
		puts("Nobody holds more than a tenth of the live bytes.");
	print_hint(r, suspects);
	return EXIT_DONE;
}

/* --- growth --- */

struct comparison {
	struct digest_names names;
	struct digest digests[2];	/* old, new */
	struct diff diff;
	struct growths growths;
};

static bool take_old(const struct options *options, struct comparison *c,
		     struct err *err)
{
	struct facts old;
	bool ok;

	if (!report_open(options->args[1], options, &old, err))
		return false;
	ok = digest_build(&old, &c->names, &c->digests[0], err);
	report_close(&old);
	return ok;
}

static bool compare(const struct facts *new, struct comparison *c,
		    struct err *err)
{
	return digest_build(new, &c->names, &c->digests[1], err) &&
	       diff_build(&c->names, c->digests, 2, &c->diff, err) &&
	       growths_build(&c->names, &c->diff, c->digests, &c->growths, err);
}

static void comparison_free(struct comparison *c)
{
	growths_free(&c->growths);
	diff_free(&c->diff);
	digest_free(&c->digests[0]);
	digest_free(&c->digests[1]);
	digest_names_free(&c->names);
}

static struct json_t *growth_json(const struct growths *growths)
{
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < growths->at.len; i++) {
		struct json_t *o = json_new_object();

		json_put_text(o, "text", growths->at.at[i].text);
		json_put_u64(o, "bytes", growths->at.at[i].bytes);
		json_put_real(o, "share", growths->at.at[i].share);
		json_add(list, o);
	}
	return list;
}

static int print_json(const struct report *r, const struct suspects *suspects,
		      const struct growths *growths)
{
	struct json_t *document = json_new_object(), *list = json_new_array();

	if (growths)
		json_put(document, "growth", growth_json(growths));
	json_put(document, "suspects", list);
	for (size_t i = 0; i < suspects->at.len && i < r->options.limit; i++)
		json_add(list, suspect_json(&r->facts, &suspects->at.at[i]));
	report_notes_json(r, document);
	return json_print(document);
}

static void print_growth(const struct report *r, const struct growths *growths)
{
	for (size_t i = 0; i < growths->at.len; i++) {
		text_print(growths->at.at[i].text);
		putchar('\n');
	}
	if (growths->at.len == 0) {
		puts("Nobody holds much more than before.");
	} else {
		fputs("    holdfast diff ", stdout);
		text_print(r->options.args[1]);
		putchar(' ');
		text_print(r->options.args[0]);
		putchar('\n');
	}
	putchar('\n');
}

static int show(const struct report *r, const struct growths *growths)
{
	struct suspects suspects;
	struct err err = {0};
	int status;

	if (!suspects_build(&r->facts, &suspects, &err))
		return cmd_trouble(&err);
	if (r->options.json)
		status = print_json(r, &suspects, growths);
	else {
		if (growths)
			print_growth(r, growths);
		status = print_text(r, &suspects);
	}
	suspects_free(&suspects);
	return status;
}

int suspects_print(const struct report *report)
{
	return show(report, NULL);
}

/* The old one first: only one image's facts are in memory at a time. */
static int load_and_show(struct report *r, struct comparison *c)
{
	bool two = r->options.n_args == 2;
	struct err err = {0};
	int status;

	if ((two && !take_old(&r->options, c, &err)) ||
	    !report_open(r->options.args[0], &r->options, &r->facts, &err)) {
		progress_line_clear();
		return cmd_trouble(&err);
	}
	status = !two || compare(&r->facts, c, &err) ? EXIT_DONE :
						       cmd_trouble(&err);
	progress_line_clear();
	if (status == EXIT_DONE) {
		status = show(r, two ? &c->growths : NULL);
		if (!r->options.json)
			report_notes(r);
	}
	report_close(&r->facts);
	return status;
}

static int run(int argc, char **argv)
{
	struct report report = {0};
	struct comparison comparison = {0};
	int status = EXIT_TROUBLE;

	if (options_parse(&cmd_suspects, argc, argv, 1, 2, &report.options,
			  &status) == PARSED_EXIT)
		return status;
	status = load_and_show(&report, &comparison);
	comparison_free(&comparison);
	options_free(&report.options);
	return status;
}

const struct cmd cmd_suspects = {
	.name = "suspects",
	.summary = "what is probably wrong, in words",
	.usage = usage,
	.run = run,
};
