/* SPDX-License-Identifier: MIT */
/* `refcounts`: reference counts against the references that are there. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/holder_text.h"
#include "analyze/refcounts.h"
#include "base/human.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

static const char usage[] =
	"usage: holdfast refcounts [OPTION...] FILE\n"
	"\n"
	"Shared objects whose reference count is not what refers to them:\n"
	"std::shared_ptr (libstdc++, libc++), Rust's Rc and Arc. Counted, and nobody\n"
	"is there: the count was raised and not lowered. More handles than are\n"
	"counted: one was released too often. Handles in leaked blocks: they keep it\n"
	"for ever. Weak only: the object is gone, and weak handles keep its block.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

static const char *const what[N_REFCOUNT_KINDS] = {
	[REFCOUNT_UNKNOWN] = "with unknown holders",
	[REFCOUNT_OVER] = "with more handles than counted",
	[REFCOUNT_LOST] = "with handles in leaked blocks",
	[REFCOUNT_WEAK_ONLY] = "held weakly only",
};

struct refcount_report {
	const struct report *report;
	const struct refcounts *counts;
	struct holder_finder *holders;
};

static struct json_t *refcount_json(const struct refcount_report *rr,
				    const struct refcount *r)
{
	const struct facts *f = &rr->report->facts;
	struct json_t *o = json_new_object();
	char buf[HOLDER_TEXT_MAX];

	node_put(o, f, r->node);
	json_put_text(o, "kind", refcount_kind_names[r->kind]);
	json_put_i64(o, "count", r->count);
	json_put_u64(o, "found", r->found);
	json_put_u64(o, "possible", r->possible);
	json_put_u64(o, "lost", r->lost);
	json_put_i64(o, "unknown", refcount_unknown(r));
	json_put_i64(o, "weak", r->weak);
	json_put_u64(o, "weak_found", r->weak_found);
	json_put_u64(o, "size", heap_size(&f->heap, r->node));
	json_put_u64(o, "retained", f->dom.retained[r->node]);
	json_put_text(o, "state", state_names[f->heap.state[r->node]]);
	json_put_text(o, "held_by", holder_text(rr->holders, &r->node, 1,
						buf));
	return o;
}

static int print_json(const struct refcount_report *rr)
{
	const struct refcounts *c = rr->counts;
	struct json_t *document = json_new_object(), *list = json_new_array();

	json_put_u64(document, "control_blocks", c->control_blocks);
	json_put_u64(document, "unclear", c->unclear);
	json_put_u64(document, "unread", c->unread);
	json_put(document, "refcounts", list);
	for (size_t i = 0; i < c->at.len && i < rr->report->options.limit; i++)
		json_add(list, refcount_json(rr, &c->at.at[i]));
	report_notes_json(rr->report, document);
	return json_print(document);
}

static void print_sums(const struct refcount_report *rr)
{
	const struct refcounts *c = rr->counts;
	char size[HUMAN_MAX];

	if (c->control_blocks == 0) {
		puts("No control block of a shared object is known "
		     "(std::shared_ptr, Rc, Arc).");
		return;
	}
	printf("%" PRIu64 " control block%s of shared objects", c->control_blocks,
	       plural(c->control_blocks));
	if (c->at.len == 0 && !c->unclear && !c->unread)
		fputs(": all references that they count were found", stdout);
	for (int k = REFCOUNT_UNKNOWN; k < N_REFCOUNT_KINDS; k++) {
		if (c->total[k].count)
			printf(", %" PRIu64 " %s (%s)", c->total[k].count,
			       what[k],
			       report_size(rr->report, c->total[k].bytes,
					   size));
	}
	putchar('\n');
	if (c->unclear)
		printf("%" PRIu64 " more may be held by stacks, registers and "
		       "blocks without a type\n", c->unclear);
	if (c->unread)
		printf("%" PRIu64 " do not tell their count\n", c->unread);
}

/* Of those that are gone, or of all others, the first @limit. */
static int print_table(const struct refcount_report *rr, bool gone,
		       uint64_t limit)
{
	static const struct table_column columns[] = {
		{ "Retained", ALIGN_RIGHT }, { "Count", ALIGN_RIGHT },
		{ "Found", ALIGN_RIGHT }, { "Unknown", ALIGN_RIGHT },
		{ "Weak", ALIGN_RIGHT }, { "Address", ALIGN_LEFT },
		{ "What", ALIGN_LEFT }, { "Type", ALIGN_LEFT },
		{ "Held by", ALIGN_LEFT },
	};
	const struct facts *f = &rr->report->facts;
	const struct refcounts *c = rr->counts;
	struct table t = table_of(columns, 9, &rr->report->options);
	char buf[HOLDER_TEXT_MAX];
	const char *held_by;
	uint64_t n = 0;
	int status;

	for (size_t i = 0; i < c->at.len; i++) {
		const struct refcount *r = &c->at.at[i];

		if ((r->kind == REFCOUNT_WEAK_ONLY) != gone || n++ >= limit)
			continue;
		table_size(&t, f->dom.retained[r->node]);
		table_format(&t, "%" PRId64, r->count);
		table_format(&t, "%" PRIu32, r->found);
		table_format(&t, "%" PRId64, refcount_unknown(r));
		table_format(&t, "%" PRId64, r->weak);
		table_addr(&t, f->heap.addr[r->node]);
		table_text(&t, what[r->kind]);
		table_text(&t, node_text(f, r->node, buf));
		held_by = holder_text(rr->holders, &r->node, 1, buf);
		table_text(&t, held_by ? held_by : "nobody");
	}
	status = table_print(&t);
	if (n > limit)
		printf("... and %" PRIu64 " more; --limit shows more\n",
		       n - limit);
	return status;
}

/* Weak handles alone are what weak handles are for: a few will do. */
static int print_text(const struct refcount_report *rr)
{
	const struct refcounts *c = rr->counts;
	uint64_t gone = c->total[REFCOUNT_WEAK_ONLY].count;
	uint64_t limit = rr->report->options.limit;
	int status = EXIT_DONE;

	print_sums(rr);
	if (c->at.len > gone && limit > 0) {
		putchar('\n');
		status = print_table(rr, false, limit);
	}
	if (gone == 0 || status != EXIT_DONE || limit == 0)
		return status;
	puts("\nNo fault: the object is gone, weak handles keep its block");
	return print_table(rr, true, (limit + 5) / 6);
}

static int print(const struct report *report)
{
	struct holder_finder holders = {0};
	struct refcounts counts = {0};
	struct refcount_report rr = { report, &counts, &holders };
	struct err err = {0};
	int status;

	if (!holder_finder_build(&report->facts, &holders, &err) ||
	    !refcounts_build(&report->facts, &counts, &err))
		status = cmd_trouble(&err);
	else
		status = report->options.json ? print_json(&rr) :
						print_text(&rr);
	refcounts_free(&counts);
	holder_finder_free(&holders);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_refcounts, argc, argv, print);
}

const struct cmd cmd_refcounts = {
	.name = "refcounts",
	.summary = "shared objects whose count is not what refers to them",
	.usage = usage,
	.run = run,
};
