/* SPDX-License-Identifier: MIT */
/* `dominators`: the tree of who keeps what alive. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/dom_children.h"
#include "base/bitset.h"
#include "cli/block_target.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/summary.h"
#include "cli/text_table.h"

enum { DEFAULT_DEPTH = 2, DEFAULT_WIDTH = 5, MAX_DEPTH = 64 };

static const char usage[] =
	"usage: holdfast dominators [OPTION...] FILE\n"
	"\n"
	"Who keeps what alive: below each variable or block stand those that would\n"
	"be freed with it. \"Retained\" is the sum over all that would be.\n"
	"\n"
	"  --depth N       levels to show (default 2, at most 64)\n"
	"  --of ADDR       begin at one block\n"
	OPTIONS_USAGE
	"                  (those that retain most; below each at most 5)\n"
	OPTIONS_EXIT_STATUS;

struct view {
	const struct report *report;
	const struct facts *facts;
	uint64_t depth;
	struct bitset chosen;	/* ids that the text shows */
	struct err err;
};

/* A node that may be shown. */
struct candidate {
	uint64_t retained;
	size_t number;		/* parents stand before their children */
	uint64_t level;
	uint32_t id;
};

typedef VEC(struct candidate) candidates;

static uint64_t shallow(const struct facts *f, uint32_t id)
{
	return id < f->heap.n_blocks ? heap_size(&f->heap, id) : 0;
}

/* How many children of a node on @level are shown. */
static uint64_t width(const struct view *v, uint64_t level)
{
	uint64_t limit = v->report->options.limit;

	if (level == 0 || v->report->options.json)
		return limit;
	return limit < DEFAULT_WIDTH ? limit : DEFAULT_WIDTH;
}

/* At most MAX_DEPTH deep, whatever the tree: --depth is bounded. */
static struct json_t *node_json(struct view *v, uint32_t id, uint64_t level)
{
	const struct dominators *dom = &v->facts->dom;
	struct json_t *o = json_new_object(), *list = json_new_array();
	struct dom_children children;

	node_put(o, v->facts, id);
	json_put_u64(o, "shallow", shallow(v->facts, id));
	json_put_u64(o, "retained", dom->retained[id]);
	json_put(o, "children", list);
	if (level >= v->depth ||
	    !dom_children_build(dom, id, width(v, level), &children, &v->err))
		return o;
	for (size_t i = 0; i < children.id.len; i++)
		json_add(list, node_json(v, children.id.at[i], level + 1));
	if (children.left_out)
		json_put_u64(o, "children_left_out", children.left_out);
	dom_children_free(&children);
	return o;
}

static int print_json(struct view *v, uint32_t top)
{
	const struct dominators *dom = &v->facts->dom;
	struct json_t *document = json_new_object(), *list = json_new_array();
	struct dom_children children = {0};

	json_put_u64(document, "total", dom->retained[dom_root(dom)]);
	json_put(document, "nodes", list);
	if (top != dom_root(dom)) {
		json_add(list, node_json(v, top, 0));
	} else if (dom_children_build(dom, top, width(v, 0), &children,
				      &v->err)) {
		for (size_t i = 0; i < children.id.len; i++) {
			/* Roots that hold nothing are no news. */
			if (dom->retained[children.id.at[i]] > 0)
				json_add(list, node_json(v, children.id.at[i],
							 1));
		}
	}
	dom_children_free(&children);
	report_notes_json(v->report, document);
	return json_print(document);
}

static void add_row(struct view *v, struct table *t, uint32_t id,
		    uint64_t level)
{
	uint64_t total = v->facts->dom.retained[dom_root(&v->facts->dom)];
	uint64_t retained = v->facts->dom.retained[id];
	char name[NODE_TEXT_MAX], addr[32] = "";

	table_size(t, retained);
	table_format(t, "%.1f %%", total ?
		     100.0 * (double)retained / (double)total : 0.0);
	if (id < v->facts->heap.n_blocks) {
		table_size(t, shallow(v->facts, id));
		snprintf(addr, sizeof(addr), "  0x%" PRIx64,
			 v->facts->heap.addr[id]);
	} else {
		table_text(t, "-");
	}
	table_format(t, "%*s%s%s", (int)level * 2, "",
		     node_text(v->facts, id, name), addr);
}

static void add_rest(struct view *v, struct table *t, uint64_t level,
		     const struct dom_children *children)
{
	uint64_t total = v->facts->dom.retained[dom_root(&v->facts->dom)];

	if (children->left_bytes == 0)
		return;
	table_size(t, children->left_bytes);
	table_format(t, "%.1f %%", total ? 100.0 *
		     (double)children->left_bytes / (double)total : 0.0);
	table_text(t, "");
	table_format(t, "%*s... %" PRIu64 " more", (int)level * 2, "",
		     children->left_out);
}

static bool add_below(struct view *v, struct table *t, uint32_t id,
		      uint64_t level)
{
	const struct dominators *dom = &v->facts->dom;
	struct dom_children children;
	bool ok = true, any = level == 0;

	if (level >= v->depth)
		return true;
	if (!dom_children_build(dom, id, width(v, level), &children, &v->err))
		return false;
	for (size_t i = 0; ok && i < children.id.len; i++) {
		uint32_t child = children.id.at[i];

		if (!bitset_has(&v->chosen, child)) {
			children.left_bytes += dom->retained[child];
			children.left_out += dom->retained[child] > 0;
			continue;
		}
		any = true;
		add_row(v, t, child, level);
		ok = add_below(v, t, child, level + 1);
	}
	if (any)
		add_rest(v, t, level, &children);
	dom_children_free(&children);
	return ok;
}

static bool add_candidates(struct view *v, uint32_t id, uint64_t level,
			   candidates *c)
{
	const struct dominators *dom = &v->facts->dom;
	struct dom_children children;
	bool ok = true;

	if (!dom_children_build(dom, id, width(v, level), &children, &v->err))
		return false;
	for (size_t i = 0; ok && i < children.id.len; i++) {
		struct candidate next = {
			.retained = dom->retained[children.id.at[i]],
			.number = c->len, .level = level,
			.id = children.id.at[i],
		};

		ok = next.retained == 0 || vec_push(c, next) ||
		     err_nomem(&v->err, "the dominator tree");
	}
	dom_children_free(&children);
	return ok;
}

static int by_retained(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->retained != y->retained)
		return x->retained > y->retained ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/*
 * The --limit nodes that retain most. None retains more than its parent, so
 * they are a tree: level by level, and the smallest are dropped.
 */
static bool choose(struct view *v, uint32_t top)
{
	const struct dominators *dom = &v->facts->dom;
	uint64_t limit = v->report->options.limit;
	candidates c = {0};
	bool ok = add_candidates(v, top, 0, &c);
	bool grew = true;

	for (uint64_t level = 1; ok && grew && level < v->depth; level++) {
		size_t n = c.len;

		for (size_t i = 0; ok && i < n; i++)
			ok = c.at[i].level != level - 1 ||
			     add_candidates(v, c.at[i].id, level, &c);
		grew = c.len > n;
		if (c.len > 1)
			qsort(c.at, c.len, sizeof(*c.at), by_retained);
		for (size_t i = 0; i < c.len; i++)
			c.at[i].number = i;
		if (c.len > limit)
			c.len = (size_t)limit;
	}
	if (ok && !bitset_init(&v->chosen,
			       (size_t)dom->n_nodes + 1 + dom->n_groups))
		ok = err_nomem(&v->err, "the dominator tree");
	for (size_t i = 0; ok && i < c.len; i++)
		bitset_add(&v->chosen, c.at[i].id);
	vec_free(&c);
	return ok;
}

static int print_text(struct view *v, uint32_t top)
{
	static const struct table_column columns[] = {
		{ "Retained", ALIGN_RIGHT }, { "Share", ALIGN_RIGHT },
		{ "Shallow", ALIGN_RIGHT }, { "Holder", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 4, &v->report->options);
	bool ok;
	int status;

	if (v->facts->heap.n_blocks == 0) {
		puts("No block is known.");
		return EXIT_DONE;
	}
	if (top != dom_root(&v->facts->dom))
		add_row(v, &t, top, 0);
	ok = choose(v, top) && add_below(v, &t, top, 0);
	bitset_free(&v->chosen);
	status = table_print(&t);
	return ok ? status : cmd_trouble(&v->err);
}

int dominators_print(const struct report *report)
{
	struct view v = {
		.report = report, .facts = &report->facts,
		.depth = report->options.depth ? report->options.depth :
						 DEFAULT_DEPTH,
	};
	uint32_t top = dom_root(&v.facts->dom);

	if (v.depth > MAX_DEPTH)
		v.depth = MAX_DEPTH;
	if (report->options.of &&
	    !target_block(v.facts, report->options.of, &top, &v.err))
		return cmd_trouble(&v.err);
	return report->options.json ? print_json(&v, top) :
				      print_text(&v, top);
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_dominators, argc, argv, dominators_print);
}

const struct cmd cmd_dominators = {
	.name = "dominators",
	.summary = "who keeps what alive, as a tree",
	.usage = usage,
	.takes = TAKES_DEPTH | TAKES_OF,
	.run = run,
};
