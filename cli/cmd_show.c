/* SPDX-License-Identifier: MIT */
/* `show`: one block, its fields, who refers to it, and why it has its type. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/block_fields.h"
#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/show_type.h"
#include "cli/text_table.h"
#include "cli/block_target.h"

enum {
	MAX_FIELDS = 4096,
	MAX_PREVIEW = 56,	/* bytes of text that is referred to, with quotes */
};

static const char usage[] =
	"usage: holdfast show [OPTION...] FILE ADDR\n"
	"\n"
	"One block: its fields and values, who refers to it, what it retains, and\n"
	"why it is taken for what it is. ADDR may lie anywhere in the block.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

struct view {
	const struct report *report;
	const struct facts *facts;
	const struct heap *heap;
	uint32_t node;
	struct block_fields fields;
	struct window window;
};

static struct json_t *node_json(const struct facts *facts, uint32_t node)
{
	struct json_t *o = json_new_object();

	node_put(o, facts, node);
	return o;
}

/* The node that dominates @node, or NODE_NONE: nothing short of the whole. */
static uint32_t dominator_of(const struct view *v)
{
	uint32_t above = dom_idom(&v->facts->dom, v->node);

	return above < v->heap->n_nodes ? above : NODE_NONE;
}

static struct json_t *fields_json(const struct view *v)
{
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < v->fields.at.len &&
	     i < v->report->options.limit; i++) {
		const struct block_field *f = &v->fields.at.at[i];
		struct json_t *o = json_new_object();

		json_put_u64(o, "offset", f->offset);
		json_put_text(o, "name", f->name);
		json_put_text(o, "type", f->type[0] ? f->type : NULL);
		json_put_text(o, "value", f->value);
		if (f->target != NODE_NONE)
			json_put_addr(o, "target", v->heap->addr[f->target]);
		else
			json_put_text(o, "target", NULL);
		json_add(list, o);
	}
	return list;
}

static struct json_t *referrers_json(struct view *v)
{
	const struct graph *g = &v->heap->referrers;
	struct json_t *list = json_new_array();
	uint64_t first = graph_row(g, v->node);

	for (uint64_t e = first; e < graph_row(g, v->node + 1) &&
	     e - first < v->report->options.limit; e++) {
		struct json_t *o = node_json(v->facts, g->target[e]);
		uint64_t offset = ref_offset(v->heap, &v->window, g->target[e],
					     v->node);
		char field[NODE_TEXT_MAX] = "";

		if (offset != UINT64_MAX) {
			json_put_u64(o, "offset", offset);
			ref_field(v->heap, g->target[e], offset, field,
				  sizeof(field));
		}
		json_put_text(o, "field", field);
		json_put_text(o, "kind", ref_kind_names[g->kind[e]]);
		json_add(list, o);
	}
	return list;
}

static int print_json(struct view *v)
{
	const struct heap *heap = v->heap;
	struct json_t *o = json_new_object(), *why = show_why_json(v->facts, v->node);
	uint32_t dominator = dominator_of(v);
	char name[NODE_TEXT_MAX];

	json_put_addr(o, "addr", heap->addr[v->node]);
	json_put_u64(o, "size", heap_size(heap, v->node));
	json_put_text(o, "type", node_type(v->facts, v->node, name));
	json_put_text(o, "class", content_names[heap->content[v->node]]);
	json_put_u64(o, "elements", heap_count(heap, v->node));
	json_put_text(o, "state", state_names[heap->state[v->node]]);
	json_put_real(o, "confidence", heap->confidence[v->node] / 100.0);
	json_put_text(o, "evidence", evidence_names[heap->evidence[v->node]]);
	if (why)
		json_put(o, "why", why);
	else
		json_put_text(o, "why", NULL);
	json_put(o, "candidates", show_candidates_json(v->heap, v->node));
	json_put_u64(o, "retained", v->facts->dom.retained[v->node]);
	if (dominator != NODE_NONE)
		json_put(o, "dominator", node_json(v->facts, dominator));
	else
		json_put_text(o, "dominator", NULL);
	json_put(o, "fields", fields_json(v));
	json_put(o, "referrers", referrers_json(v));
	report_notes_json(v->report, o);
	return json_print(o);
}

static void print_head(const struct view *v)
{
	const struct heap *heap = v->heap;
	uint32_t dominator = dominator_of(v);
	char name[NODE_TEXT_MAX], size[24];

	printf("0x%" PRIx64 "  ", heap->addr[v->node]);
	text_print(node_text(v->facts, v->node, name));
	if (heap_count(heap, v->node) > 1)
		printf(" of %" PRIu32, heap_count(heap, v->node));
	printf("\n  %-10s %s usable, %s\n", "size",
	       report_size(v->report, heap_size(heap, v->node), size),
	       heap->allocators.at[heap->owner[v->node]].allocator->name);
	printf("  %-10s %s\n", "state", state_names[heap->state[v->node]]);
	printf("  %-10s %s\n", "retains",
	       report_size(v->report, v->facts->dom.retained[v->node], size));
	if (dominator == NODE_NONE)
		return;
	printf("  %-10s ", "held by");
	text_print(node_text(v->facts, dominator, name));
	if (!heap_is_root(heap, dominator))
		printf("  0x%" PRIx64, heap->addr[dominator]);
	putchar('\n');
}

/* What a field refers to: the block, and how it begins if it is text. */
static const char *target_text(const struct view *v, uint32_t target,
			       char buf[NODE_TEXT_MAX + MAX_PREVIEW])
{
	char text[MAX_PREVIEW - 8];
	size_t n;

	if (target == NODE_NONE)
		return "";
	node_text(v->facts, target, buf);
	if (v->heap->content[target] != CONTENT_TEXT ||
	    image_text(v->heap->image, v->heap->addr[target], text,
		       sizeof(text)) == SIZE_MAX)
		return buf;
	n = strlen(buf);
	snprintf(buf + n, MAX_PREVIEW, " \"%s\"%s", text,
		 strlen(text) == sizeof(text) - 1 ? "..." : "");
	return buf;
}

static int print_fields(const struct view *v)
{
	static const struct table_column columns[] = {
		{ "Offset", ALIGN_RIGHT }, { "Field", ALIGN_LEFT },
		{ "Type", ALIGN_LEFT }, { "Value", ALIGN_LEFT },
		{ "Refers to", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 5, &v->report->options);
	char name[NODE_TEXT_MAX + MAX_PREVIEW];

	for (size_t i = 0; i < v->fields.at.len &&
	     i < v->report->options.limit; i++) {
		const struct block_field *f = &v->fields.at.at[i];

		table_format(&t, "+0x%" PRIx64, f->offset);
		table_text(&t, f->name);
		table_text(&t, f->type);
		table_text(&t, f->value);
		table_text(&t, target_text(v, f->target, name));
	}
	putchar('\n');
	return table_print(&t);
}

static int print_referrers(struct view *v)
{
	static const struct table_column columns[] = {
		{ "Referred to by", ALIGN_LEFT }, { "Kind", ALIGN_LEFT },
		{ "Field", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 3, &v->report->options);
	const struct graph *g = &v->heap->referrers;
	uint64_t first = graph_row(g, v->node);
	uint64_t n = graph_row(g, v->node + 1) - first;
	char name[NODE_TEXT_MAX], field[NODE_TEXT_MAX];
	int status;

	for (uint64_t i = 0; i < n && i < v->report->options.limit; i++) {
		uint32_t from = g->target[first + i];
		uint64_t offset = ref_offset(v->heap, &v->window, from,
					     v->node);

		node_text(v->facts, from, name);
		if (heap_is_root(v->heap, from))
			table_text(&t, heap_root(v->heap, from)->name);
		else
			table_format(&t, "0x%" PRIx64 "  %s",
				     v->heap->addr[from], name);
		table_text(&t, ref_kind_names[g->kind[first + i]]);
		field[0] = '\0';
		if (offset != UINT64_MAX)
			ref_field(v->heap, from, offset, field, sizeof(field));
		table_text(&t, field);
	}
	putchar('\n');
	if (n == 0) {
		vec_free(&t.cells);
		puts("Nothing refers to it.");
		return EXIT_DONE;
	}
	status = table_print(&t);
	if (n > v->report->options.limit)
		printf("... and %" PRIu64 " more; --limit shows more\n",
		       n - v->report->options.limit);
	return status;
}

static int print_text(struct view *v)
{
	int status;

	print_head(v);
	show_why(v->facts, v->node);
	show_candidates(v->heap, v->node);
	status = print_fields(v);
	if (v->fields.cut || v->fields.at.len > v->report->options.limit)
		puts("... and more fields; --limit shows more");
	if (status == EXIT_DONE)
		status = print_referrers(v);
	report_notes(v->report);
	return status;
}

static int show(const struct report *report)
{
	struct view v = {
		.report = report, .facts = &report->facts,
		.heap = &report->facts.heap,
		.window = window_of(&report->facts.image),
	};
	size_t limit = report->options.limit < MAX_FIELDS ?
		       (size_t)report->options.limit + 1 : MAX_FIELDS;
	struct err err = {0};
	int status;

	if (!target_block(v.facts, report->options.args[1], &v.node, &err) ||
	    !block_fields_build(v.heap, v.node, limit, &v.fields, &err))
		return cmd_trouble(&err);
	status = report->options.json ? print_json(&v) : print_text(&v);
	block_fields_free(&v.fields);
	window_close(&v.window);
	return status;
}

static int run(int argc, char **argv)
{
	struct report report;
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_show, argc, argv, 2, 2, &report, &status))
		return status;
	status = show(&report);
	report_end(&report);
	return status;
}

const struct cmd cmd_show = {
	.name = "show",
	.summary = "one block: fields, referrers, why this type",
	.usage = usage,
	.run = run,
};
