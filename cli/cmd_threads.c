/* SPDX-License-Identifier: MIT */
/* `threads`: each thread, its frames and locals, and what it holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/dom_children.h"
#include "analyze/fatal_signal.h"
#include "analyze/thread_rows.h"
#include "cli/node_text.h"
#include "cli/thread_report.h"

enum { HELD_BLOCKS = 3 };	/* of one root that are shown */

static const char usage[] =
	"usage: holdfast threads [OPTION...] FILE\n"
	"\n"
	"Each thread with its frames, their parameters and local variables, and what\n"
	"only these, its stack, registers and thread-local variables hold: the one\n"
	"that a signal ended first, then those that hold most.\n"
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

/* What is shown of the threads. */
struct contents {
	struct thread_rows rows;
	struct local_nodes locals;
};

static struct json_t *thread_json(const struct report *r,
				  const struct contents *c,
				  const struct thread_row *row, struct err *err)
{
	const struct thread_rows *rows = &c->rows;
	const struct thread *t = &r->facts.image.threads.at[row->thread];
	struct json_t *o = json_new_object(), *roots = json_new_array();
	char where[512];

	json_put_u64(o, "tid", t->tid);
	json_put_text(o, "name", t->name);
	json_put_addr(o, "pc", t->regs[X86_RIP]);
	json_put_text(o, "function", place(&r->facts.image, t->regs[X86_RIP],
					   where, sizeof(where)));
	json_put_bool(o, "fatal", thread_is_fatal(&r->facts.image,
						  row->thread));
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
	json_put(o, "frames", thread_frames_json(r, &c->locals, row->thread));
	return o;
}

static int print_json(const struct report *r, const struct contents *c)
{
	const struct thread_rows *rows = &c->rows;
	struct json_t *document = json_new_object(), *list = json_new_array();
	struct err err = {0};

	json_put(document, "threads", list);
	for (size_t i = 0; i < rows->at.len && i < r->options.limit; i++)
		json_add(list, thread_json(r, c, &rows->at.at[i], &err));
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

static void add_title(const struct report *r, struct table *t,
		      const struct thread_row *row)
{
	const struct image *image = &r->facts.image;
	const struct thread *th = &image->threads.at[row->thread];
	bool has_frames = thread_frames_of(image, row->thread).n > 0;
	bool fatal = thread_is_fatal(image, row->thread);
	char where[512], signal[FATAL_SIGNAL_MAX] = "";

	if (fatal)
		(void)fatal_signal_text(image, signal);
	table_size(t, row->retained);
	table_size(t, row->stack_bytes);
	table_format(t, "%" PRIu32 " \"%s\"%s%s%s%s", th->tid, th->name,
		     fatal ? "  " : "", signal,
		     has_frames ? "" : "  ", has_frames ? "" :
		     place(image, th->regs[X86_RIP], where, sizeof(where)));
}

static bool add_thread(const struct report *r, struct table *t,
		       const struct contents *c,
		       const struct thread_row *row, struct err *err)
{
	add_title(r, t, row);
	thread_frames_rows(r, &c->locals, row->thread, t);
	for (size_t i = 0; i < row->n_roots; i++) {
		uint32_t root = c->rows.roots.at[row->first_root + i];

		/* Locals stand with their frames. */
		if (heap_root(&r->facts.heap, root)->kind != ROOT_LOCAL &&
		    !add_root(r, t, root, err))
			return false;
	}
	return true;
}

static int print_text(const struct report *r, const struct contents *c)
{
	const struct thread_rows *rows = &c->rows;
	static const struct table_column columns[] = {
		{ "Retained", ALIGN_RIGHT }, { "Stack", ALIGN_RIGHT },
		{ "Thread", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 3, &r->options);
	struct err err = {0};
	bool ok = true;
	int status;

	for (size_t i = 0; ok && i < rows->at.len && i < r->options.limit; i++)
		ok = add_thread(r, &t, c, &rows->at.at[i], &err);
	status = table_print(&t);
	if (rows->at.len > r->options.limit)
		printf("... and %zu more threads; --limit shows more\n",
		       rows->at.len - (size_t)r->options.limit);
	return ok ? status : cmd_trouble(&err);
}

static int threads_print(const struct report *report)
{
	struct contents c = {0};
	struct err err = {0};
	int status;

	if (thread_rows_build(&report->facts, &c.rows, &err) &&
	    local_nodes_build(&report->facts.heap, &c.locals, &err))
		status = report->options.json ? print_json(report, &c) :
						print_text(report, &c);
	else
		status = cmd_trouble(&err);
	thread_rows_free(&c.rows);
	local_nodes_free(&c.locals);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_threads, argc, argv, threads_print);
}

const struct cmd cmd_threads = {
	.name = "threads",
	.summary = "each thread, its frames and locals, and what they hold",
	.usage = usage,
	.run = run,
};
