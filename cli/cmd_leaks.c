/* SPDX-License-Identifier: MIT */
/* `leaks`: groups of leak roots, largest first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/lost_holder.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

enum { SAMPLES = 10 };

static const char usage[] =
	"usage: holdfast leaks [OPTION...] FILE\n"
	"\n"
	"Blocks that no root can reach, grouped by where they begin: blocks or\n"
	"cycles that no other lost block refers to.\n"
	"\n"
	"A leak is \"definite\" when no word of the process refers to it, \"stale\"\n"
	"when only a dead word does (padding, the stack of an ended thread), \"weak\"\n"
	"when only weak references do. Only definite ones are called leaked.\n"
	"\n"
	"\"Direct\" are the blocks where a loss begins, of a cycle one, \"retained\" is\n"
	"what goes with the whole group, each block once; the rest of it is the\n"
	"indirect loss.\n"
	"\n"
	OPTIONS_USAGE_SORTED
	"                  (retained, bytes, count; default retained)\n"
	OPTIONS_EXIT_STATUS;

static const char *const verdicts[N_STATES] = {
	[STATE_LEAKED] = "definite", [STATE_STALE] = "stale",
	[STATE_WEAK] = "weak",
};

/* Definite ones first, then by what the user asked for. */
static struct {
	const struct facts *facts;
	char key;		/* of "retained", "bytes", "count" */
} order;

static uint64_t sort_value(uint32_t g)
{
	const struct leak_group *group = &order.facts->leaks.groups[g];

	return order.key == 'b' ? group->bytes :
	       order.key == 'c' ? group->count :
				  facts_group_retained(order.facts, g);
}

static int compare_groups(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct leak_group *groups = order.facts->leaks.groups;
	uint64_t left = sort_value(x), right = sort_value(y);

	if (groups[x].verdict != groups[y].verdict)
		return groups[x].verdict < groups[y].verdict ? -1 : 1;
	if (left != right)
		return left < right ? 1 : -1;
	return (x > y) - (x < y);
}

static uint32_t *sorted_groups(const struct report *r)
{
	const char *key = r->options.sort ? r->options.sort : "retained";
	uint32_t n = r->facts.leaks.n_groups;
	uint32_t *groups;

	if (strcmp(key, "retained") && strcmp(key, "bytes") &&
	    strcmp(key, "count")) {
		fprintf(stderr, "holdfast: --sort %s: there is no such key; "
			"take retained, bytes or count\n", key);
		return NULL;
	}
	groups = malloc(((size_t)n + 1) * sizeof(*groups));
	if (!groups) {
		fputs("holdfast: out of memory for leaks\n", stderr);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		groups[i] = i;
	order.facts = &r->facts;
	order.key = *key;
	qsort(groups, n, sizeof(*groups), compare_groups);
	return groups;
}

static void put_losses(struct json_t *o, struct loss direct, struct loss all)
{
	json_put_u64(o, "direct_blocks", direct.blocks);
	json_put_u64(o, "direct_bytes", direct.bytes);
	json_put_u64(o, "indirect_blocks", all.blocks - direct.blocks);
	json_put_u64(o, "indirect_bytes", all.bytes - direct.bytes);
}

static void put_total(struct json_t *document, const char *key,
		      const struct facts *f, enum state state)
{
	const struct loss *total = &f->leaks.total[state];
	struct json_t *o = json_new_object();

	json_put_u64(o, "blocks", total->blocks);
	json_put_u64(o, "bytes", total->bytes);
	put_losses(o, leaks_all_direct(&f->heap, &f->leaks, state), *total);
	json_put(document, key, o);
}

/* Instances lie one behind the other: their first blocks are samples. */
static struct json_t *samples_of(const struct facts *f, uint32_t g)
{
	const struct leak_group *group = &f->leaks.groups[g];
	uint64_t each = group->blocks / group->count;
	struct json_t *list = json_new_array();

	for (uint64_t i = 0; i < group->count && i < SAMPLES; i++)
		json_add_addr(list, f->heap.addr[
			f->leaks.nodes[f->leaks.rows[g] + i * each]]);
	return list;
}

static struct json_t *holder_of(const struct facts *f,
				const struct leak_group *group)
{
	struct lost_holder holder = lost_holder_of(&f->heap, group);
	struct json_t *o = json_new_object();

	if (heap_is_root(&f->heap, group->held_by))
		json_put_text(o, "root", heap_root(&f->heap,
						   group->held_by)->name);
	else
		json_put_addr(o, "addr", f->heap.addr[group->held_by]);
	if (group->held_offset != UINT64_MAX)
		json_put_u64(o, "offset", group->held_offset);
	if (holder.known) {
		json_put_addr(o, "word", holder.addr);
		json_put_addr(o, "value", holder.value);
	}
	json_put_text(o, "why", holder.why);
	return o;
}

static struct json_t *group_json(const struct facts *f, uint32_t g)
{
	const struct leak_group *group = &f->leaks.groups[g];
	struct loss retained = { facts_group_blocks(f, g),
				 facts_group_retained(f, g) };
	struct json_t *o = json_new_object();

	json_put_text(o, "kind", group->cycle ? "cycle" : "block");
	key_put(o, &f->heap, group->key);
	if (!block_key_is_typed(group->key))
		json_put_text(o, "class", content_names[
			f->heap.content[f->leaks.nodes[f->leaks.rows[g]]]]);
	json_put_u64(o, "count", group->count);
	json_put_u64(o, "blocks", group->blocks);
	json_put_u64(o, "bytes", group->bytes);
	put_losses(o, leaks_direct(&f->heap, &f->leaks, g), retained);
	json_put_u64(o, "retained", retained.bytes);
	json_put(o, "members", members_json(&f->heap, &f->leaks.signatures, g));
	json_put_text(o, "verdict", verdicts[group->verdict]);
	if (group->held_by != NODE_NONE)
		json_put(o, "held_by", holder_of(f, group));
	json_put(o, "sample", samples_of(f, g));
	return o;
}

static bool group_matches(const struct report *r, uint32_t g)
{
	char name[NODE_TEXT_MAX];

	return options_match(&r->options,
			     block_key_type(&r->facts.heap,
					    r->facts.leaks.groups[g].key,
					    name, sizeof(name)));
}

static int print_json(const struct report *r, const uint32_t *groups)
{
	struct json_t *document = json_new_object(), *list = json_new_array();
	uint64_t shown = 0;

	put_total(document, "leaked", &r->facts, STATE_LEAKED);
	put_total(document, "stale", &r->facts, STATE_STALE);
	put_total(document, "weak", &r->facts, STATE_WEAK);
	json_put(document, "groups", list);
	for (uint32_t i = 0; i < r->facts.leaks.n_groups &&
	     shown < r->options.limit; i++) {
		if (!group_matches(r, groups[i]))
			continue;
		json_add(list, group_json(&r->facts, groups[i]));
		shown++;
	}
	report_notes_json(r, document);
	return json_print(document);
}

static void print_loss(const struct report *r, const char *what,
		       struct loss loss)
{
	char size[24];

	printf("%s%s in %" PRIu64 " block%s", what,
	       report_size(r, loss.bytes, size), loss.blocks,
	       plural(loss.blocks));
}

static void print_total(const struct report *r, enum state state,
			const char *what)
{
	struct loss total = r->facts.leaks.total[state];
	struct loss direct = leaks_all_direct(&r->facts.heap,
					      &r->facts.leaks, state);

	print_loss(r, what, total);
	if (direct.blocks == total.blocks)
		return;
	fputs(" (", stdout);
	print_loss(r, "", direct);
	total.blocks -= direct.blocks;
	total.bytes -= direct.bytes;
	print_loss(r, " directly, ", total);
	fputs(" indirectly)", stdout);
}

static void print_totals(const struct report *r)
{
	if (r->facts.heap.n_blocks == 0)
		fputs("No block is known, so none can be called leaked",
		      stdout);
	else if (r->facts.leaks.total[STATE_LEAKED].blocks == 0)
		fputs("Nothing is leaked", stdout);
	else
		print_total(r, STATE_LEAKED, "Leaked: ");
	if (r->facts.leaks.total[STATE_STALE].blocks > 0)
		print_total(r, STATE_STALE, "; held by dead words only: ");
	if (r->facts.leaks.total[STATE_WEAK].blocks > 0)
		print_total(r, STATE_WEAK, "; held weakly only: ");
	puts(".");
}

/* ", held by a dead word at 0x1200 in Node *[] (past the last element)" */
static void add_holder(const struct facts *f, const struct leak_group *group,
		       char *text, size_t size)
{
	struct lost_holder holder = lost_holder_of(&f->heap, group);
	bool stale = group->verdict == STATE_STALE;
	char name[NODE_TEXT_MAX], at[32] = "";
	size_t n = strlen(text);

	if (holder.known)
		snprintf(at, sizeof(at), " at 0x%" PRIx64, holder.addr);
	n += (size_t)snprintf(text + n, size - n, ", held by a %s%s in %s",
			      stale ? "dead word" : "weak reference", at,
			      node_text(f, group->held_by, name));
	if (stale && !heap_is_root(&f->heap, group->held_by) && n < size)
		snprintf(text + n, size - n, " (%s)", holder.why);
}

static void add_row(const struct report *r, struct table *t, uint32_t g)
{
	const struct facts *f = &r->facts;
	const struct leak_group *group = &f->leaks.groups[g];
	char name[2 * NODE_TEXT_MAX];

	table_size(t, facts_group_retained(f, g));
	table_size(t, leaks_direct(&f->heap, &f->leaks, g).bytes);
	table_count(t, group->count);
	table_text(t, group->verdict == STATE_LEAKED ? "" :
		      verdicts[group->verdict]);
	table_addr(t, f->heap.addr[f->leaks.nodes[f->leaks.rows[g]]]);
	key_text(&f->heap, group->key, name);
	if (group->cycle)
		snprintf(name + strlen(name), 32, ", cycle of %" PRIu64,
			 group->blocks / group->count);
	if (group->held_by != NODE_NONE)
		add_holder(f, group, name, sizeof(name));
	table_text(t, name);
}

static int print_text(const struct report *r, const uint32_t *groups)
{
	static const struct table_column columns[] = {
		{ "Retained", ALIGN_RIGHT }, { "Direct", ALIGN_RIGHT },
		{ "Count", ALIGN_RIGHT }, { "", ALIGN_LEFT },
		{ "First at", ALIGN_LEFT }, { "Leak root", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 6, &r->options);
	uint64_t shown = 0, left = 0;
	int status = EXIT_DONE;

	print_totals(r);
	for (uint32_t i = 0; i < r->facts.leaks.n_groups; i++) {
		if (!group_matches(r, groups[i]))
			continue;
		if (shown++ < r->options.limit)
			add_row(r, &t, groups[i]);
		else
			left++;
	}
	if (shown > 0) {
		putchar('\n');
		status = table_print(&t);
	}
	if (left > 0)
		printf("... and %" PRIu64 " more groups; --limit shows more\n",
		       left);
	report_notes(r);
	return status;
}

static int run(int argc, char **argv)
{
	struct report report;
	uint32_t *groups;
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_leaks, argc, argv, 1, 1, &report, &status))
		return status;
	groups = sorted_groups(&report);
	if (groups)
		status = report.options.json ? print_json(&report, groups) :
					       print_text(&report, groups);
	else
		status = EXIT_TROUBLE;
	free(groups);
	report_end(&report);
	return status;
}

const struct cmd cmd_leaks = {
	.name = "leaks",
	.summary = "what is lost, and where each loss begins",
	.usage = usage,
	.takes = TAKES_SORT | TAKES_FILTER,
	.run = run,
};
