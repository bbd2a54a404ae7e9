/* SPDX-License-Identifier: MIT */
/* `cycles`: groups of blocks that keep each other alive. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/cycles.h"
#include "analyze/ref_words.h"
#include "base/progress.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

enum { SAMPLES = 10, MAX_SHOWN_STEPS = 8, STEP_MAX = 2 * NODE_TEXT_MAX };

static const char usage[] =
	"usage: holdfast cycles [OPTION...] FILE\n"
	"\n"
	"Blocks that refer to each other in a circle, grouped by what they are.\n"
	"Reference counting alone frees none of them. A way round is shown as types\n"
	"and fields; \"retained\" is what goes with the whole group.\n"
	"\n"
	OPTIONS_USAGE_SORTED
	"                  (retained, bytes, count; default retained)\n"
	OPTIONS_EXIT_STATUS;

struct view {
	const struct report *report;
	const struct facts *facts;
	struct cycles cycles;
	struct window window;
	uint32_t *order;	/* [n_groups] */
};

/* qsort() has no context argument that ISO C knows. */
static struct {
	const struct cycle_group *groups;
	char key;		/* of "retained", "bytes", "count" */
} order;

static uint64_t sort_value(const struct cycle_group *g)
{
	return order.key == 'b' ? g->bytes :
	       order.key == 'c' ? g->count : g->retained;
}

/* Those that nothing holds first, then by what the user asked for. */
static int compare_groups(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct cycle_group *g = &order.groups[x], *h = &order.groups[y];

	if (g->reachable != h->reachable)
		return g->reachable ? 1 : -1;
	if (sort_value(g) != sort_value(h))
		return sort_value(g) < sort_value(h) ? 1 : -1;
	return (x > y) - (x < y);
}

static bool sort_groups(struct view *v, struct err *err)
{
	const struct options *o = &v->report->options;
	const char *key = o->sort ? o->sort : "retained";
	uint32_t n = v->cycles.n_groups;

	if (strcmp(key, "retained") && strcmp(key, "bytes") &&
	    strcmp(key, "count"))
		return err_set(err, ERR_FORMAT, "--sort %s: there is no such "
			       "key; take retained, bytes or count", key);
	v->order = malloc(((size_t)n + 1) * sizeof(*v->order));
	if (!v->order)
		return err_nomem(err, "cycles");
	for (uint32_t i = 0; i < n; i++)
		v->order[i] = i;
	order.groups = v->cycles.groups;
	order.key = *key;
	qsort(v->order, n, sizeof(*v->order), compare_groups);
	return true;
}

static bool matches(const struct view *v, uint32_t g)
{
	char name[NODE_TEXT_MAX];

	return options_match(&v->report->options,
			     block_key_type(&v->facts->heap,
					    v->cycles.groups[g].key, name,
					    sizeof(name)));
}

/* The field of step @i of the way round that leads to the next step. */
static const char *step_field(struct view *v, const struct cycle_group *g,
			      size_t i, char buf[NODE_TEXT_MAX])
{
	const uint32_t *steps = v->cycles.steps.at + g->first_step;
	uint32_t to = steps[(i + 1) % g->n_steps];
	uint64_t offset = ref_offset(&v->facts->heap, &v->window, steps[i], to);

	buf[0] = '\0';
	if (offset != UINT64_MAX)
		ref_field(&v->facts->heap, steps[i], offset, buf,
			  NODE_TEXT_MAX);
	return buf;
}

static struct json_t *path_json(struct view *v, const struct cycle_group *g)
{
	struct json_t *list = json_new_array();
	char text[NODE_TEXT_MAX];

	for (size_t i = 0; i < g->n_steps; i++) {
		struct json_t *o = json_new_object();

		node_put(o, v->facts, v->cycles.steps.at[g->first_step + i]);
		json_put_text(o, "field", step_field(v, g, i, text));
		json_add(list, o);
	}
	return list;
}

static struct json_t *group_json(struct view *v, uint32_t i)
{
	const struct cycle_group *g = &v->cycles.groups[i];
	const struct heap *heap = &v->facts->heap;
	struct json_t *o = json_new_object(), *samples = json_new_array();
	uint64_t each = g->blocks / g->count;

	key_put(o, heap, g->key);
	json_put(o, "members", members_json(heap, &v->cycles.signatures, i));
	json_put_u64(o, "count", g->count);
	json_put_u64(o, "blocks", g->blocks);
	json_put_u64(o, "bytes", g->bytes);
	json_put_u64(o, "retained", g->retained);
	json_put_bool(o, "exact", g->exact);
	json_put_bool(o, "reachable", g->reachable);
	json_put(o, "path", path_json(v, g));
	for (uint64_t k = 0; k < g->count && k < SAMPLES; k++)
		json_add_addr(samples, heap->addr[
			v->cycles.node[v->cycles.row[i] + k * each]]);
	json_put(o, "sample", samples);
	return o;
}

static int print_json(struct view *v)
{
	struct json_t *document = json_new_object(), *list = json_new_array();
	uint64_t shown = 0;

	json_put(document, "cycles", list);
	for (uint32_t i = 0; i < v->cycles.n_groups &&
	     shown < v->report->options.limit; i++) {
		if (!matches(v, v->order[i]))
			continue;
		json_add(list, group_json(v, v->order[i]));
		shown++;
	}
	report_notes_json(v->report, document);
	return json_print(document);
}

/* "Node.next" */
static void step_text(struct view *v, const struct cycle_group *g, size_t i,
		      char *buf, size_t size)
{
	char name[NODE_TEXT_MAX], field[NODE_TEXT_MAX];

	step_field(v, g, i, field);
	node_text(v->facts, v->cycles.steps.at[g->first_step + i], name);
	ref_place(name, field, buf, size);
}

/* "Node.next -> Session.node ->", back at the first. */
static void print_way(struct view *v, const struct cycle_group *g)
{
	char text[STEP_MAX], last[STEP_MAX] = "";
	size_t shown = 0, repeats = 0;

	fputs("    ", stdout);
	for (size_t i = 0; i < g->n_steps; i++) {
		if (shown == MAX_SHOWN_STEPS) {
			printf("... %zu more -> ", g->n_steps - i);
			break;
		}
		step_text(v, g, i, text, sizeof(text));
		if (i > 0 && !strcmp(text, last)) {
			repeats++;
			continue;
		}
		if (repeats)
			printf("(%zu times) -> ", repeats + 1);
		repeats = 0;
		text_print(text);
		fputs(" -> ", stdout);
		memcpy(last, text, sizeof(last));
		shown++;
	}
	if (repeats)
		printf("(%zu times) -> ", repeats + 1);
	puts("(again)");
}

static void print_group(struct view *v, uint32_t i)
{
	const struct cycle_group *g = &v->cycles.groups[i];
	char retained[24], bytes[24];
	uint64_t each = g->blocks / g->count;

	printf("\n%s%s retained by %" PRIu64 " cycle%s of %" PRIu64
	       " block%s (%s), %s; first at 0x%" PRIx64 "\n",
	       g->exact ? "" : "at least ",
	       report_size(v->report, g->retained, retained), g->count,
	       plural(g->count), each, plural(each),
	       report_size(v->report, g->bytes, bytes),
	       g->reachable ? "reachable" : "unreachable",
	       v->facts->heap.addr[v->cycles.node[v->cycles.row[i]]]);
	print_way(v, g);
}

static int print_text(struct view *v)
{
	uint64_t shown = 0, left = 0;

	if (v->cycles.n_groups == 0)
		puts("There are no cycles.");
	else
		printf("%" PRIu32 " group%s of cycles.\n", v->cycles.n_groups,
		       plural(v->cycles.n_groups));
	for (uint32_t i = 0; i < v->cycles.n_groups; i++) {
		if (!matches(v, v->order[i]))
			continue;
		if (shown++ < v->report->options.limit)
			print_group(v, v->order[i]);
		else
			left++;
	}
	if (left > 0)
		printf("\n... and %" PRIu64 " more groups; --limit shows more\n",
		       left);
	return EXIT_DONE;
}

static int cycles_print(const struct report *report)
{
	const struct facts *f = &report->facts;
	struct view v = {
		.report = report, .facts = f, .window = window_of(&f->image),
	};
	bool own = !f->summaries.has_cycles, ok = true;
	struct err err = {0};
	int status;

	v.cycles = f->summaries.cycles;
	if (own) {
		progress_begin("finding cycles", 0);
		ok = cycles_build(&f->heap, &f->spec, &f->dom, &v.cycles, &err);
		progress_end();
	}
	if (!ok)
		return cmd_trouble(&err);
	if (!sort_groups(&v, &err))
		status = cmd_trouble(&err);
	else
		status = report->options.json ? print_json(&v) : print_text(&v);
	free(v.order);
	window_close(&v.window);
	if (own)
		cycles_free(&v.cycles);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_cycles, argc, argv, cycles_print);
}

const struct cmd cmd_cycles = {
	.name = "cycles",
	.summary = "blocks that refer to each other in a circle",
	.usage = usage,
	.takes = TAKES_SORT | TAKES_FILTER,
	.run = run,
};
