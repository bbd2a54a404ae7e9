/* SPDX-License-Identifier: MIT */
/* `blocks`: every block, one record each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/show_type.h"
#include "cli/text_table.h"

enum { NAME_MAX_BYTES = 4096 };

static const char usage[] =
	"usage: holdfast blocks [OPTION...] FILE\n"
	"\n"
	"Every block in address order: one line, or one JSON object a line.\n"
	"\n"
	"  --free          free chunks as well\n"
	"  --candidates    what else each block could be\n"
	OPTIONS_USAGE
	"  --filter REGEX  only types whose name matches\n"
	OPTIONS_EXIT_STATUS;

/* Blocks and free chunks, merged by address as they are printed. */
struct record {
	uint64_t addr, size;
	uint32_t node;		/* NODE_NONE: a free chunk */
	uint8_t owner;
};

struct printer {
	const struct report *report;
	struct alternatives alternatives;	/* heap NULL: not asked for */
	uint64_t shown;
};

static struct record block_record(const struct heap *heap, uint32_t node)
{
	return (struct record){
		.addr = heap->addr[node], .size = heap_size(heap, node),
		.node = node, .owner = heap->owner[node],
	};
}

/* The next record by address; false at the end. */
static bool next_record(const struct report *r, uint32_t *block, size_t *chunk,
			struct record *ret)
{
	const struct heap *heap = &r->facts.heap;
	bool free_left = r->options.free_chunks && *chunk < heap->n_free;

	if (*block < heap->n_blocks &&
	    (!free_left || heap->addr[*block] < heap->free[*chunk].addr)) {
		*ret = block_record(heap, (*block)++);
		return true;
	}
	if (!free_left)
		return false;
	*ret = (struct record){
		.addr = heap->free[*chunk].addr, .size = heap->free[*chunk].size,
		.node = NODE_NONE, .owner = heap->free_owner[*chunk],
	};
	(*chunk)++;
	return true;
}


static int print_json(struct printer *p, const struct record *rec,
		      const char *type)
{
	const struct heap *heap = &p->report->facts.heap;
	struct json_t *o = json_new_object();
	bool is_free = rec->node == NODE_NONE;

	json_put_addr(o, "addr", rec->addr);
	json_put_u64(o, "size", rec->size);
	json_put_text(o, "type", type);
	json_put_text(o, "class", is_free || type ? NULL :
		      content_names[heap->content[rec->node]]);
	json_put_real(o, "confidence", is_free ? 0 :
		      heap->confidence[rec->node] / 100.0);
	json_put_text(o, "evidence", is_free ? "none" :
		      evidence_names[heap->evidence[rec->node]]);
	json_put_text(o, "state", is_free ? "free" :
		      state_names[heap->state[rec->node]]);
	json_put_text(o, "allocator",
		      heap->allocators.at[rec->owner].allocator->name);
	if (p->alternatives.heap && !is_free)
		json_put(o, "candidates",
			 candidates_json(&p->alternatives, rec->node));
	return json_print_line(o);
}

static int print_text(struct printer *p, const struct record *rec,
		      const char *label)
{
	bool is_free = rec->node == NODE_NONE;

	printf("0x%012" PRIx64 " %10" PRIu64 "  %-9s  ", rec->addr, rec->size,
	       is_free ? "free" :
	       state_names[p->report->facts.heap.state[rec->node]]);
	text_print(label);
	if (p->alternatives.heap && !is_free)
		candidates_print(&p->alternatives, rec->node, "  or ");
	putchar('\n');
	return EXIT_DONE;
}

static int print_record(struct printer *p, const struct record *rec)
{
	const struct report *r = p->report;
	const struct heap *heap = &r->facts.heap;
	char name[NAME_MAX_BYTES];
	const char *type = NULL, *label = "";

	if (rec->node != NODE_NONE) {
		uint64_t key = block_key(heap, rec->node, false);

		label = block_key_label(heap, key, name, sizeof(name));
		type = block_key_is_typed(key) ? label : NULL;
	}
	if (!options_match(&r->options, type))
		return EXIT_DONE;
	p->shown++;
	if (r->options.json)
		return print_json(p, rec, type);
	if (rec->node != NODE_NONE)
		label = key_text(heap, block_key(heap, rec->node, false), name);
	return print_text(p, rec, label);
}

static int print_all(struct printer *p)
{
	struct record rec;
	uint32_t block = 0;
	size_t chunk = 0;
	int status = EXIT_DONE;

	while (status == EXIT_DONE && p->shown < p->report->options.limit &&
	       next_record(p->report, &block, &chunk, &rec)) {
		status = print_record(p, &rec);
		/* A reader that has seen enough closes its end. */
		if (ferror(stdout) || progress_cancelled())
			return EXIT_TROUBLE;
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct report report;
	struct printer p = { .report = &report };
	struct err err = {0};
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_blocks, argc, argv, 1, 1, &report, &status))
		return status;
	if (!report.options.candidates ||
	    alternatives_open(&report.facts.heap, &p.alternatives, &err))
		status = print_all(&p);
	else
		status = cmd_trouble(&err);
	alternatives_close(&p.alternatives);
	report_end(&report);
	return status;
}

const struct cmd cmd_blocks = {
	.name = "blocks",
	.summary = "every block, one record each",
	.usage = usage,
	.takes = TAKES_FILTER | TAKES_FREE,
	.run = run,
};
