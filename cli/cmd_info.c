/* SPDX-License-Identifier: MIT */
/* `info`: what the file is, what was found in it, and what is missing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/fatal_signal.h"
#include "analyze/heap_index.h"
#include "base/human.h"
#include "cli/report.h"
#include "cli/text_table.h"

static const char usage[] =
	"usage: holdfast info [OPTION...] FILE\n"
	"\n"
	"What the file is, which process it shows, what was found and what is\n"
	"missing: debug information, memory, allocators that are not understood.\n"
	"\n"
	OPTIONS_USAGE
	"  --timings       say on stderr what each phase of the analysis cost\n"
	OPTIONS_EXIT_STATUS;

static const char *const debug_names[] = {
	[DEBUG_NONE] = "none", [DEBUG_SYMBOLS] = "symbols",
	[DEBUG_LINES] = "lines", [DEBUG_FULL] = "full",
};

static const char *kind_name(const struct image *image)
{
	return image->meta.kind == IMAGE_SNAPSHOT ? "snapshot" : "core";
}

static const char *build_id_text(const struct module *m, char buf[80])
{
	for (uint32_t i = 0; i < m->build_id_size; i++)
		snprintf(buf + i * 2, 3, "%02x", m->build_id[i]);
	return m->build_id_size ? buf : NULL;
}

struct typed_sum {
	uint64_t blocks, bytes;
};

static struct typed_sum typed_sum(const struct heap *heap)
{
	struct typed_sum sum = {0};

	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (heap->type[i] == TYPE_NONE)
			continue;
		sum.blocks++;
		sum.bytes += heap_size(heap, i);
	}
	return sum;
}

static uint64_t live_bytes(const struct facts *f)
{
	uint64_t bytes = 0;

	for (int s = 0; s < N_STATES; s++)
		bytes += f->leaks.total[s].bytes;
	return bytes;
}

/**
 * The pid in the process's own namespace: the last number of the line
 * "NSpid: 4711 1" of /proc/PID/status. 0 when it is not known.
 */
static uint64_t namespace_pid(const struct image_meta *meta)
{
	const char *at = strstr(meta->status, "\nNSpid:");
	uint64_t pid = 0;
	char *end;

	if (!at)
		return 0;
	for (at += strlen("\nNSpid:"); *at == ' ' || *at == '\t'; at = end) {
		uint64_t value = strtoull(at, &end, 10);

		if (value > UINT32_MAX || value == 0)
			break;
		pid = value;
	}
	return pid;
}

/* --- JSON --- */

static struct json_t *process_json(const struct image *image)
{
	struct json_t *o = json_new_object();
	char signal[HUMAN_MAX];
	uint64_t fault;

	json_put_u64(o, "pid", image->meta.pid);
	if (namespace_pid(&image->meta))
		json_put_u64(o, "namespace_pid", namespace_pid(&image->meta));
	else
		json_put_text(o, "namespace_pid", NULL);
	json_put_text(o, "exe", image->meta.exe);
	json_put_text(o, "command", image->meta.command);
	json_put_text(o, "signal", image->meta.signal > 0 ?
		      human_signal(image->meta.signal, signal) : NULL);
	if (fault_address(image, &fault))
		json_put_addr(o, "fault_address", fault);
	else
		json_put_text(o, "fault_address", NULL);
	json_put_text(o, "captured_at", image->meta.captured_at);
	if (image->meta.pause_ns)
		json_put_real(o, "pause_ms",
			      (double)image->meta.pause_ns / 1e6);
	else
		json_put_text(o, "pause_ms", NULL);
	json_put_text(o, "kernel", image->meta.kernel);
	return o;
}

static struct json_t *modules_json(const struct image *image)
{
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];
		struct json_t *o = json_new_object();
		char id[80];

		json_put_text(o, "path", m->path);
		json_put_text(o, "build_id", build_id_text(m, id));
		json_put_text(o, "debug", debug_names[m->debug]);
		json_put_text(o, "hint", m->hint);
		json_add(list, o);
	}
	return list;
}

static struct json_t *allocators_json(const struct heap *heap)
{
	struct json_t *list = json_new_array();

	for (size_t i = 0; i < heap->allocators.len; i++) {
		const struct allocator_summary *a = &heap->allocators.at[i];
		struct json_t *o = json_new_object();

		json_put_text(o, "name", a->allocator->name);
		json_put_text(o, "version", a->version);
		json_put_bool(o, "tested", a->tested);
		json_put_bool(o, "understood", a->understood);
		json_put_u64(o, "arenas", a->arenas);
		json_put_u64(o, "live_blocks", a->live_blocks);
		json_put_u64(o, "live_bytes", a->live_bytes);
		json_put_u64(o, "free_chunks", a->free_chunks);
		json_put_u64(o, "free_bytes", a->free_bytes);
		json_put_u64(o, "overhead_bytes", a->overhead_bytes);
		json_put_u64(o, "mapped_bytes", a->mapped_bytes);
		json_add(list, o);
	}
	return list;
}

static struct json_t *heap_json(const struct facts *f)
{
	static const struct {
		const char *blocks, *bytes;
	} keys[N_STATES] = {
		[STATE_REACHABLE] = { "reachable_blocks", "reachable_bytes" },
		[STATE_LEAKED] = { "leaked_blocks", "leaked_bytes" },
		[STATE_STALE] = { "stale_blocks", "stale_bytes" },
		[STATE_WEAK] = { "weak_blocks", "weak_bytes" },
	};
	struct json_t *o = json_new_object();

	json_put_u64(o, "live_blocks", f->heap.n_blocks);
	json_put_u64(o, "live_bytes", live_bytes(f));
	for (int s = 0; s < N_STATES; s++) {
		json_put_u64(o, keys[s].blocks, f->leaks.total[s].blocks);
		json_put_u64(o, keys[s].bytes, f->leaks.total[s].bytes);
	}
	return o;
}

static void add_diagnostics(struct json_t *list, const struct diag *diag)
{
	for (size_t i = 0; i < diag->len; i++) {
		struct json_t *o = json_new_object();

		json_put_text(o, "what", diag->at[i].what);
		json_put_u64(o, "count", diag->at[i].count);
		if (diag->at[i].first != DIAG_NO_PLACE)
			json_put_addr(o, "first", diag->at[i].first);
		json_add(list, o);
	}
}

static int print_json(const struct report *r)
{
	const struct facts *f = &r->facts;
	struct json_t *document = json_new_object(), *list = json_new_array();
	struct json_t *typed = json_new_object();
	struct typed_sum sum = typed_sum(&f->heap);

	json_put_text(document, "file", r->options.args[0]);
	json_put_text(document, "kind", kind_name(&f->image));
	json_put_text(document, "content", f->image.meta.pointers_only ?
		      "pointers" : "full");
	json_put_bool(document, "index", heap_index_used(f));
	json_put(document, "process", process_json(&f->image));
	json_put(document, "modules", modules_json(&f->image));
	json_put_u64(document, "threads", f->image.threads.len);
	json_put(document, "allocators", allocators_json(&f->heap));
	json_put(document, "heap", heap_json(f));
	json_put_u64(typed, "blocks", sum.blocks);
	json_put_u64(typed, "bytes", sum.bytes);
	json_put(document, "typed", typed);
	add_diagnostics(list, &f->image.diag);
	add_diagnostics(list, &f->heap.diag);
	json_put(document, "diagnostics", list);
	report_notes_json(r, document);
	return json_print(document);
}

/* --- text --- */

static void print_process(const struct report *r)
{
	const struct image_meta *m = &r->facts.image.meta;
	char signal[FATAL_SIGNAL_MAX];

	fputs("File       ", stdout);
	text_print(r->options.args[0]);
	printf("  (%s)\nProcess    ", kind_name(&r->facts.image));
	text_print(m->exe[0] ? m->exe : "unknown program");
	printf("  pid %" PRIu32, m->pid);
	if (namespace_pid(m) && namespace_pid(m) != m->pid)
		printf(" (%" PRIu64 " in its namespace)", namespace_pid(m));
	printf(", %zu thread%s\n", r->facts.image.threads.len,
	       plural(r->facts.image.threads.len));
	if (m->command[0]) {
		fputs("Command    ", stdout);
		text_print(m->command);
		putchar('\n');
	}
	if (m->captured_at[0])
		printf("Captured   %s", m->captured_at);
	if (m->captured_at[0] && m->pause_ns)
		printf(", after a pause of %.1f ms", (double)m->pause_ns / 1e6);
	if (m->captured_at[0])
		putchar('\n');
	if (heap_index_used(&r->facts))
		puts("Analysis   kept from an earlier one of this file");
	if (m->pointers_only)
		puts("Content    pointers only: text and numbers were left "
		     "out, as asked");
	if (fatal_signal_text(&r->facts.image, signal)) {
		fputs("Signal     ", stdout);
		text_print(signal);
		putchar('\n');
	}
	if (m->kernel[0]) {
		fputs("Kernel     ", stdout);
		text_print(m->kernel);
		putchar('\n');
	}
}

static void print_state(const struct report *r, enum state state)
{
	uint64_t blocks = r->facts.leaks.total[state].blocks;
	char size[HUMAN_MAX];

	if (blocks > 0 || state <= STATE_LEAKED)
		printf("  %-9s%10s in %" PRIu64 " block%s\n",
		       state_names[state],
		       report_size(r, r->facts.leaks.total[state].bytes, size),
		       blocks, plural(blocks));
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_heap(const struct report *r)
{
	const struct facts *f = &r->facts;
	struct typed_sum sum = typed_sum(&f->heap);
	char size[HUMAN_MAX];

	printf("\nHeap       %s in %" PRIu32 " live block%s\n",
	       report_size(r, live_bytes(f), size), f->heap.n_blocks,
	       plural(f->heap.n_blocks));
	for (enum state s = 0; s < N_STATES; s++)
		print_state(r, s);
	printf("  %-9s%9.1f %% of the blocks, %.1f %% of the bytes\n", "typed",
	       percent(sum.blocks, f->heap.n_blocks),
	       percent(sum.bytes, live_bytes(f)));
}

static int print_allocators(const struct report *r)
{
	static const struct table_column columns[] = {
		{ "Allocator", ALIGN_LEFT }, { "Mapped", ALIGN_RIGHT },
		{ "Live", ALIGN_RIGHT }, { "Free", ALIGN_RIGHT },
		{ "Overhead", ALIGN_RIGHT }, { "Arenas", ALIGN_RIGHT },
		{ "", ALIGN_LEFT },
	};
	const struct heap *heap = &r->facts.heap;
	struct table t = table_of(columns, 7, &r->options);

	if (heap->allocators.len == 0)
		return EXIT_DONE;
	for (size_t i = 0; i < heap->allocators.len; i++) {
		const struct allocator_summary *a = &heap->allocators.at[i];

		table_format(&t, "%s%s%s", a->allocator->name,
			     a->version[0] ? " " : "", a->version);
		table_size(&t, a->mapped_bytes);
		if (!a->understood) {
			for (int k = 0; k < 4; k++)
				table_text(&t, "-");
			table_text(&t, "not understood yet");
			continue;
		}
		table_size(&t, a->live_bytes);
		table_size(&t, a->free_bytes);
		table_size(&t, a->overhead_bytes);
		table_count(&t, a->arenas);
		table_text(&t, a->tested ? "" :
			   "layout assumed: not tested on this version");
	}
	putchar('\n');
	return table_print(&t);
}

static int print_modules(const struct report *r)
{
	static const struct table_column columns[] = {
		{ "Debug info", ALIGN_LEFT }, { "Module", ALIGN_LEFT },
		{ "", ALIGN_LEFT },
	};
	const struct image *image = &r->facts.image;
	struct table t = table_of(columns, 3, &r->options);
	const char *last = "";
	int status;

	if (image->modules.len == 0)
		return EXIT_DONE;
	for (size_t i = 0; i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];

		if (i >= r->options.limit)
			break;
		table_text(&t, debug_names[m->debug]);
		table_text(&t, m->path);
		table_text(&t, m->hint[0] && !strcmp(m->hint, last) ?
			       "(as above)" : m->hint);
		if (m->hint[0])
			last = m->hint;
	}
	putchar('\n');
	status = table_print(&t);
	if (image->modules.len > r->options.limit)
		printf("... and %" PRIu64 " more modules; --limit shows more\n",
		       image->modules.len - r->options.limit);
	return status;
}

static int print_text(const struct report *r)
{
	int status;

	print_process(r);
	print_heap(r);
	status = print_allocators(r);
	if (status == EXIT_DONE)
		status = print_modules(r);
	report_notes(r);
	return status;
}

static int run(int argc, char **argv)
{
	struct report report;
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_info, argc, argv, 1, 1, &report, &status))
		return status;
	status = report.options.json ? print_json(&report) :
				       print_text(&report);
	report_end(&report);
	return status;
}

const struct cmd cmd_info = {
	.name = "info",
	.summary = "what the file is, what was found, what is missing",
	.usage = usage,
	.takes = TAKES_TIMINGS,
	.run = run,
};
