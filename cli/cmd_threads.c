/* SPDX-License-Identifier: MIT */
/* `threads`: each thread, its frames and locals, and what it holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/dom_children.h"
#include "analyze/fatal_signal.h"
#include "analyze/thread_groups.h"
#include "cli/node_text.h"
#include "cli/thread_report.h"

enum {
	HELD_BLOCKS = 3,	/* of one root that are shown */
	NAMED_THREADS = 4,	/* of a group */
};

static const char usage[] =
	"usage: holdfast threads [OPTION...] FILE\n"
	"\n"
	"Each thread with its frames, their parameters and local variables, and what\n"
	"only these, its stack, registers and thread-local variables hold: the one\n"
	"that a signal ended first, then those that hold most. Threads that stand\n"
	"in the same place, and whose locals hold nothing, are shown as one.\n"
	"\n"
	"  --all           each thread apart, with all locals, those of the C\n"
	"                  library, too (JSON: always)\n"
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
	struct thread_groups groups;
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

/* True when locals were left out. */
static bool add_frames(const struct report *r, struct table *t,
		       const struct contents *c, const struct thread_row *row,
		       enum locals_shown shown)
{
	return thread_frames_rows(r, &c->locals, row->thread,
				  r->options.all ? LOCALS_ALL : shown, t);
}

static bool add_thread(const struct report *r, struct table *t,
		       const struct contents *c,
		       const struct thread_row *row, struct err *err)
{
	for (size_t i = 0; i < row->n_roots; i++) {
		uint32_t root = c->rows.roots.at[row->first_root + i];

		/* Locals stand with their frames. */
		if (heap_root(&r->facts.heap, root)->kind != ROOT_LOCAL &&
		    !add_root(r, t, root, err))
			return false;
	}
	return true;
}

/* "12 threads alike: 4711 "worker", 4712 "worker", ..." */
static void add_group_title(const struct report *r, struct table *t,
			    const struct thread_groups *groups,
			    const struct thread_group *g)
{
	char names[NAMED_THREADS * 64] = "";
	size_t length = 0;

	for (size_t i = 0; i < g->n && i < NAMED_THREADS; i++) {
		const struct thread *th = &r->facts.image.threads.at[
			groups->rows.at[g->first + i]->thread];

		length += (size_t)snprintf(names + length,
					   sizeof(names) - length,
					   "%s %" PRIu32 " \"%.24s\"",
					   i ? "," : "", th->tid, th->name);
	}
	table_size(t, g->retained);
	table_size(t, g->stack_bytes);
	table_format(t, "%zu threads alike:%s%s", g->n, names,
		     g->n > NAMED_THREADS ? ", ..." : "");
}

/* What the roots of each kind hold together. */
static void add_group_roots(const struct report *r, struct table *t,
			    const struct contents *c,
			    const struct thread_group *g)
{
	static const char *const names[N_ROOT_KINDS] = {
		[ROOT_TLS] = "thread-local variables", [ROOT_STACK] = "stacks",
		[ROOT_REGISTERS] = "registers",
	};
	uint64_t retained[N_ROOT_KINDS] = {0};

	for (size_t i = g->first; i < g->first + g->n; i++) {
		const struct thread_row *row = c->groups.rows.at[i];

		for (size_t k = 0; k < row->n_roots; k++) {
			uint32_t root = c->rows.roots.at[row->first_root + k];

			retained[heap_root(&r->facts.heap, root)->kind] +=
				r->facts.dom.retained[root];
		}
	}
	for (int kind = 0; kind < N_ROOT_KINDS; kind++) {
		if (!names[kind] || retained[kind] == 0)
			continue;
		table_size(t, retained[kind]);
		table_text(t, "");
		table_format(t, "  their %s", names[kind]);
	}
}

static bool add_group(const struct report *r, struct table *t,
		      const struct contents *c, const struct thread_group *g,
		      bool *left_out, struct err *err)
{
	const struct thread_row *row = c->groups.rows.at[g->first];

	if (g->n == 1) {
		add_title(r, t, row);
		*left_out |= add_frames(r, t, c, row, LOCALS_OF_PROGRAM);
		return add_thread(r, t, c, row, err);
	}
	add_group_title(r, t, &c->groups, g);
	*left_out |= add_frames(r, t, c, row, LOCALS_NONE);
	add_group_roots(r, t, c, g);
	return true;
}

static int print_text(const struct report *r, const struct contents *c)
{
	static const struct table_column columns[] = {
		{ "Retained", ALIGN_RIGHT }, { "Stack", ALIGN_RIGHT },
		{ "Thread", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 3, &r->options);
	size_t n_left = c->rows.at.len;
	struct err err = {0};
	bool ok = true, left_out = false;
	int status;

	for (size_t i = 0; ok && i < c->groups.at.len && i < r->options.limit;
	     i++) {
		ok = add_group(r, &t, c, &c->groups.at.at[i], &left_out, &err);
		n_left -= c->groups.at.at[i].n;
	}
	status = table_print(&t);
	if (ok && n_left > 0)
		printf("... and %zu more threads; --limit shows more\n",
		       n_left);
	if (left_out)
		puts("Locals that hold nothing, of the C library and of "
		     "threads alike, are left out;\n--all shows them.");
	return ok ? status : cmd_trouble(&err);
}

static int threads_print(const struct report *report)
{
	struct contents c = {0};
	struct err err = {0};
	int status;

	if (thread_rows_build(&report->facts, &c.rows, &err) &&
	    local_nodes_build(&report->facts.heap, &c.locals, &err) &&
	    thread_groups_build(&report->facts, &c.rows, &c.locals,
				report->options.all, &c.groups, &err))
		status = report->options.json ? print_json(report, &c) :
						print_text(report, &c);
	else
		status = cmd_trouble(&err);
	thread_groups_free(&c.groups);
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
	.takes = TAKES_ALL,
	.run = run,
};
