/* SPDX-License-Identifier: MIT */
/* `threads`: each thread, where it is, and what it holds. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/dom_children.h"
#include "analyze/thread_rows.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

enum { HELD_BLOCKS = 3 };	/* of one root that are shown */

static const char usage[] =
	"usage: holdfast threads [OPTION...] FILE\n"
	"\n"
	"Each thread with what only its stack, registers and thread-local variables\n"
	"hold, those that hold most first.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

/* "epoll_wait+0x1f (libc.so.6)"; "" when nothing is known of the place. */
static const char *place(const struct image *image, uint64_t addr, char *buf,
			 size_t size)
{
	const struct symbol *s = image_symbol(image, addr, SYMBOL_FUNCTION);
	const struct module *m = image_module(image, addr);

	buf[0] = '\0';
	if (s && m)
		snprintf(buf, size, "%s+0x%" PRIx64 " (%s)", s->name,
			 addr - s->addr, path_name(m->path));
	else if (m)
		snprintf(buf, size, "%s+0x%" PRIx64, path_name(m->path),
			 addr - m->start);
	return buf;
}

static struct json_t *holds_json(const struct report *r, uint32_t root,
				 struct err *err)
{
	const struct dominators *dom = &r->facts.dom;
	struct json_t *list = json_new_array();
	struct dom_children children;

	if (!dom_has(dom, root) ||
	    !dom_children_build(dom, root, r->options.limit, &children, err))
		return list;
	for (size_t i = 0; i < children.id.len; i++) {
		struct json_t *o = json_new_object();

		node_put(o, &r->facts, children.id.at[i]);
		json_put_u64(o, "retained", dom->retained[children.id.at[i]]);
		json_add(list, o);
	}
	dom_children_free(&children);
	return list;
}

static struct json_t *thread_json(const struct report *r,
				  const struct thread_rows *rows,
				  const struct thread_row *row, struct err *err)
{
	const struct thread *t = &r->facts.image.threads.at[row->thread];
	struct json_t *o = json_new_object(), *roots = json_new_array();
	char where[512];

	json_put_u64(o, "tid", t->tid);
	json_put_text(o, "name", t->name);
	json_put_addr(o, "pc", t->regs[X86_RIP]);
	json_put_text(o, "function", place(&r->facts.image, t->regs[X86_RIP],
					   where, sizeof(where)));
	json_put_u64(o, "stack_bytes", row->stack_bytes);
	json_put_u64(o, "retained", row->retained);
	for (size_t i = 0; i < row->n_roots; i++) {
		uint32_t root = rows->roots.at[row->first_root + i];
		struct json_t *ro = json_new_object();

		node_put(ro, &r->facts, root);
		json_put_u64(ro, "retained", r->facts.dom.retained[root]);
		json_put(ro, "holds", holds_json(r, root, err));
		json_add(roots, ro);
	}
	json_put(o, "roots", roots);
	return o;
}

static int print_json(const struct report *r, const struct thread_rows *rows)
{
	struct json_t *document = json_new_object(), *list = json_new_array();
	struct err err = {0};

	json_put(document, "threads", list);
	for (size_t i = 0; i < rows->at.len && i < r->options.limit; i++)
		json_add(list, thread_json(r, rows, &rows->at.at[i], &err));
	report_notes_json(r, document);
	return err.code ? cmd_trouble(&err) : json_print(document);
}

static bool add_root(const struct report *r, struct table *t, uint32_t root,
		     struct err *err)
{
	const struct dominators *dom = &r->facts.dom;
	struct dom_children children;
	char name[NODE_TEXT_MAX];

	if (!dom_has(dom, root) || dom->retained[root] == 0)
		return true;
	if (!dom_children_build(dom, root, HELD_BLOCKS, &children, err))
		return false;
	table_size(t, dom->retained[root]);
	table_text(t, "");
	table_format(t, "  %s", node_text(&r->facts, root, name));
	for (size_t i = 0; i < children.id.len; i++) {
		table_size(t, dom->retained[children.id.at[i]]);
		table_text(t, "");
		table_format(t, "    %s  0x%" PRIx64,
			     node_text(&r->facts, children.id.at[i], name),
			     r->facts.heap.addr[children.id.at[i]]);
	}
	if (children.left_out) {
		table_size(t, children.left_bytes);
		table_text(t, "");
		table_format(t, "    ... %" PRIu64 " more", children.left_out);
	}
	dom_children_free(&children);
	return true;
}

static bool add_thread(const struct report *r, struct table *t,
		       const struct thread_rows *rows,
		       const struct thread_row *row, struct err *err)
{
	const struct thread *th = &r->facts.image.threads.at[row->thread];
	char where[512];

	table_size(t, row->retained);
	table_size(t, row->stack_bytes);
	table_format(t, "%" PRIu32 " \"%s\"  %s", th->tid, th->name,
		     place(&r->facts.image, th->regs[X86_RIP], where,
			   sizeof(where)));
	for (size_t i = 0; i < row->n_roots; i++) {
		if (!add_root(r, t, rows->roots.at[row->first_root + i], err))
			return false;
	}
	return true;
}

static int print_text(const struct report *r, const struct thread_rows *rows)
{
	static const struct table_column columns[] = {
		{ "Retained", ALIGN_RIGHT }, { "Stack", ALIGN_RIGHT },
		{ "Thread", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 3, &r->options);
	struct err err = {0};
	bool ok = true;
	int status;

	for (size_t i = 0; ok && i < rows->at.len && i < r->options.limit; i++)
		ok = add_thread(r, &t, rows, &rows->at.at[i], &err);
	status = table_print(&t);
	if (rows->at.len > r->options.limit)
		printf("... and %zu more threads; --limit shows more\n",
		       rows->at.len - (size_t)r->options.limit);
	return ok ? status : cmd_trouble(&err);
}

static int threads_print(const struct report *report)
{
	struct thread_rows rows;
	struct err err = {0};
	int status;

	if (!thread_rows_build(&report->facts, &rows, &err))
		return cmd_trouble(&err);
	status = report->options.json ? print_json(report, &rows) :
					print_text(report, &rows);
	thread_rows_free(&rows);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_threads, argc, argv, threads_print);
}

const struct cmd cmd_threads = {
	.name = "threads",
	.summary = "each thread, where it is, and what it holds",
	.usage = usage,
	.run = run,
};
