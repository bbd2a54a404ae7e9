/* SPDX-License-Identifier: MIT */
/* `memory`: where RSS goes, to the byte. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/memory_report.h"
#include "base/human.h"
#include "cli/report.h"
#include "cli/summary.h"
#include "cli/text_table.h"

static const char usage[] =
	"usage: holdfast memory [OPTION...] FILE\n"
	"\n"
	"Where the resident memory (RSS) of the process goes: parts that add up\n"
	"exactly. Live blocks, free chunks, stacks, module data, files and what\n"
	"nobody owns; the cgroup's figures beside them.\n"
	"\n"
	OPTIONS_USAGE
	OPTIONS_EXIT_STATUS;

static struct json_t *cgroup_json(const struct memory_report *m)
{
	struct json_t *o = json_new_object();

	for (size_t i = 0; i < m->cgroup.len; i++) {
		const struct memory_fact *fact = &m->cgroup.at[i];

		if (fact->is_number)
			json_put_u64(o, fact->key, fact->value);
		else
			json_put_text(o, fact->key, fact->text);
	}
	return o;
}

static int print_json(const struct report *r, const struct memory_report *m)
{
	struct json_t *document = json_new_object(), *parts = json_new_array();

	json_put_u64(document, "rss", m->rss);
	json_put_bool(document, "rss_known", m->rss_known);
	json_put_u64(document, "swap", m->swap);
	json_put_u64(document, "page_tables", m->page_tables);
	json_put(document, "cgroup", cgroup_json(m));
	json_put(document, "parts", parts);
	for (size_t i = 0; i < m->parts.len; i++) {
		const struct memory_part *part = &m->parts.at[i];
		struct json_t *o = json_new_object();

		json_put_text(o, "what", part->what);
		json_put_i64(o, "bytes", part->bytes);
		json_put_u64(o, "mappings", part->mappings);
		json_put_u64(o, "swapped", part->swapped);
		json_put_u64(o, "mapped", part->mapped);
		json_add(parts, o);
	}
	report_notes_json(r, document);
	return json_print(document);
}

static void add_part(struct table *t, const struct memory_report *m,
		     const struct memory_part *part)
{
	char size[HUMAN_MAX];
	uint64_t bytes = part->bytes < 0 ? (uint64_t)-part->bytes :
					   (uint64_t)part->bytes;

	table_format(t, "%s%s", part->bytes < 0 ? "-" : "",
		     human_size(bytes, t->exact, size));
	table_format(t, "%.1f %%", m->rss ?
		     100.0 * (double)part->bytes / (double)m->rss : 0.0);
	if (part->swapped)
		table_size(t, part->swapped);
	else
		table_text(t, "-");
	table_size(t, part->mapped);
	table_count(t, part->mappings);
	table_text(t, part->what);
}

/* cgroup v1 says "no limit" by a number near the end of the address space. */
static const char *fact_text(const struct report *r,
			     const struct memory_fact *fact, char buf[HUMAN_MAX])
{
	if (!fact->is_number)
		return strcmp(fact->text, "max") ? fact->text : "no limit";
	return fact->value >> 60 ? "no limit" : report_size(r, fact->value, buf);
}

static void print_beside(const struct report *r, const struct memory_report *m)
{
	static const char *const wanted[] = {
		"memory.current", "memory.max", "memory.usage_in_bytes",
		"memory.limit_in_bytes",
	};
	char size[HUMAN_MAX];

	if (m->swap)
		printf("%10s  in swap, not in RSS\n",
		       report_size(r, m->swap, size));
	if (m->page_tables)
		printf("%10s  page tables in the kernel, not in RSS\n",
		       report_size(r, m->page_tables, size));
	for (size_t i = 0; i < m->cgroup.len; i++) {
		const struct memory_fact *fact = &m->cgroup.at[i];

		for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
			if (strcmp(fact->key, wanted[k]))
				continue;
			printf("%10s  cgroup %s\n", fact_text(r, fact, size),
			       fact->key);
		}
	}
}

static int print_text(const struct report *r, const struct memory_report *m)
{
	static const struct table_column columns[] = {
		{ "Resident", ALIGN_RIGHT }, { "Share", ALIGN_RIGHT },
		{ "Swapped", ALIGN_RIGHT }, { "Mapped", ALIGN_RIGHT },
		{ "Mappings", ALIGN_RIGHT }, { "What", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 6, &r->options);
	char size[HUMAN_MAX];
	int status;

	if (m->rss_known)
		printf("RSS %s\n\n", report_size(r, m->rss, size));
	else
		printf("The core does not tell RSS; captured: %s\n\n",
		       report_size(r, m->rss, size));
	for (size_t i = 0; i < m->parts.len; i++)
		add_part(&t, m, &m->parts.at[i]);
	status = table_print(&t);
	putchar('\n');
	print_beside(r, m);
	return status;
}

int memory_print(const struct report *report)
{
	const struct summaries *kept = &report->facts.summaries;
	struct memory_report own = {0};
	const struct memory_report *memory = kept->has_memory ? &kept->memory :
								&own;
	struct err err = {0};
	int status;

	if (!kept->has_memory &&
	    !memory_report_build(&report->facts.heap, &own, &err))
		return cmd_trouble(&err);
	status = report->options.json ? print_json(report, memory) :
					print_text(report, memory);
	memory_report_free(&own);
	return status;
}

static int run(int argc, char **argv)
{
	return report_run(&cmd_memory, argc, argv, memory_print);
}

const struct cmd cmd_memory = {
	.name = "memory",
	.summary = "where RSS goes, to the byte",
	.usage = usage,
	.run = run,
};
