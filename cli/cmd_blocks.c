/* SPDX-License-Identifier: MIT */
/* `blocks`: every block, one record each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

enum { NAME_MAX_BYTES = 4096 };

static const char usage[] =
	"usage: holdfast blocks [OPTION...] FILE\n"
	"\n"
	"Every block in address order: one line, or one JSON object a line.\n"
	"\n"
	"  --free          free chunks as well\n"
	OPTIONS_USAGE
	"  --filter REGEX  only types whose name matches\n"
	OPTIONS_EXIT_STATUS;

/* Blocks and free chunks, merged by address as they are printed. */
struct record {
	uint64_t addr, size;
	uint32_t node;		/* NODE_NONE: a free chunk */
	uint8_t owner;
};

static struct record block_record(const struct heap *heap, uint32_t node)
{
	return (struct record){
		.addr = heap->addr[node], .size = heap->size[node],
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


static int print_json(const struct heap *heap, const struct record *rec,
		      const char *type)
{
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
	return json_print_line(o);
}

static int print_text(const struct heap *heap, const struct record *rec,
		      const char *label)
{
	printf("0x%012" PRIx64 " %10" PRIu64 "  %-9s  ", rec->addr, rec->size,
	       rec->node == NODE_NONE ? "free" :
	       state_names[heap->state[rec->node]]);
	text_print(label);
	putchar('\n');
	return EXIT_DONE;
}

static int print_record(const struct report *r, const struct record *rec,
			uint64_t *shown)
{
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
	(*shown)++;
	if (r->options.json)
		return print_json(heap, rec, type);
	if (rec->node != NODE_NONE)
		label = key_text(heap, block_key(heap, rec->node, false), name);
	return print_text(heap, rec, label);
}

static int print_all(const struct report *r)
{
	struct record rec;
	uint32_t block = 0;
	size_t chunk = 0;
	uint64_t shown = 0;
	int status = EXIT_DONE;

	while (status == EXIT_DONE && shown < r->options.limit &&
	       next_record(r, &block, &chunk, &rec)) {
		status = print_record(r, &rec, &shown);
		/* A reader that has seen enough closes its end. */
		if (ferror(stdout) || progress_cancelled())
			return EXIT_TROUBLE;
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct report report;
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_blocks, argc, argv, 1, 1, &report, &status))
		return status;
	status = print_all(&report);
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
