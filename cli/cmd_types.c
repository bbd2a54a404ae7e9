/* SPDX-License-Identifier: MIT */
/* `types`: the histogram of types. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/type_rows.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

static const char usage[] =
	"usage: holdfast types [OPTION...] FILE\n"
	"\n"
	"How many blocks of each type there are, their bytes, what they retain,\n"
	"and how many of them are leaked.\n"
	"\n"
	OPTIONS_USAGE_SORTED
	"                  (bytes, count, retained, leaked, name; default bytes)\n"
	OPTIONS_EXIT_STATUS;

/* qsort() has no context argument that ISO C knows. */
static const struct heap *sorted_heap;

static int by_bytes(const struct type_row *x, const struct type_row *y)
{
	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static int by_count(const struct type_row *x, const struct type_row *y)
{
	return (x->count < y->count) - (x->count > y->count);
}

static int by_retained(const struct type_row *x, const struct type_row *y)
{
	return (x->retained < y->retained) - (x->retained > y->retained);
}

static int by_leaked(const struct type_row *x, const struct type_row *y)
{
	return (x->leaked_bytes < y->leaked_bytes) -
	       (x->leaked_bytes > y->leaked_bytes);
}

static int by_name(const struct type_row *x, const struct type_row *y)
{
	char a[NODE_TEXT_MAX], b[NODE_TEXT_MAX];

	return strcmp(block_key_label(sorted_heap, x->key, a, sizeof(a)),
		      block_key_label(sorted_heap, y->key, b, sizeof(b)));
}

static const struct {
	const char *key;
	int (*compare)(const struct type_row *, const struct type_row *);
} orders[] = {
	{ "bytes", by_bytes }, { "count", by_count },
	{ "retained", by_retained }, { "leaked", by_leaked },
	{ "name", by_name },
};

static int (*chosen)(const struct type_row *, const struct type_row *);

static int compare_rows(const void *a, const void *b)
{
	const struct type_row *x = a, *y = b;
	int order = chosen(x, y);

	return order ? order : (x->key > y->key) - (x->key < y->key);
}

static bool sort_rows(const struct report *r, struct type_rows *rows)
{
	const char *key = r->options.sort ? r->options.sort : "bytes";

	sorted_heap = &r->facts.heap;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].key, key))
			continue;
		chosen = orders[i].compare;
		if (rows->len > 0)
			qsort(rows->at, rows->len, sizeof(*rows->at),
			      compare_rows);
		return true;
	}
	fprintf(stderr, "holdfast: --sort %s: there is no such key; take bytes, "
		"count, retained, leaked or name\n", key);
	return false;
}

static int print_json(const struct report *r, const struct type_rows *rows)
{
	struct json_t *document = json_new_object(), *list = json_new_array();
	char name[NODE_TEXT_MAX];
	uint64_t shown = 0;

	json_put(document, "types", list);
	for (size_t i = 0; i < rows->len && shown < r->options.limit; i++) {
		const struct type_row *row = &rows->at[i];
		const char *type = block_key_type(&r->facts.heap, row->key,
						  name, sizeof(name));
		struct json_t *o;

		if (!options_match(&r->options, type))
			continue;
		o = json_new_object();
		json_put_text(o, "type", type);
		if (!type)
			json_put_text(o, "class", block_key_class(row->key));
		json_put_u64(o, "count", row->count);
		json_put_u64(o, "bytes", row->bytes);
		json_put_u64(o, "retained", row->retained);
		json_put_u64(o, "leaked_count", row->leaked_count);
		json_put_u64(o, "leaked_bytes", row->leaked_bytes);
		json_add(list, o);
		shown++;
	}
	report_notes_json(r, document);
	return json_print(document);
}

static int print_text(const struct report *r, const struct type_rows *rows)
{
	static const struct table_column columns[] = {
		{ "Blocks", ALIGN_RIGHT }, { "Bytes", ALIGN_RIGHT },
		{ "Retained", ALIGN_RIGHT }, { "Leaked", ALIGN_RIGHT },
		{ "Type", ALIGN_LEFT },
	};
	struct table t = table_of(columns, 5, &r->options);
	char name[NODE_TEXT_MAX];
	uint64_t shown = 0, left = 0;
	int status = EXIT_DONE;

	for (size_t i = 0; i < rows->len; i++) {
		const struct type_row *row = &rows->at[i];
		const char *label = block_key_label(&r->facts.heap, row->key,
						    name, sizeof(name));

		if (!options_match(&r->options, block_key_is_typed(row->key) ?
				   label : NULL))
			continue;
		if (shown++ >= r->options.limit) {
			left++;
			continue;
		}
		table_count(&t, row->count);
		table_size(&t, row->bytes);
		table_size(&t, row->retained);
		if (row->leaked_bytes)
			table_size(&t, row->leaked_bytes);
		else
			table_text(&t, "-");
		table_text(&t, key_text(&r->facts.heap, row->key, name));
	}
	if (r->facts.heap.n_blocks > 0)
		status = table_print(&t);
	else
		puts("No block is known.");
	if (left > 0)
		printf("... and %" PRIu64 " more types; --limit shows more\n",
		       left);
	report_notes(r);
	return status;
}

static int run(int argc, char **argv)
{
	struct report report;
	struct type_rows *rows = &report.facts.summaries.types;
	struct err err = {0};
	int status = EXIT_TROUBLE;

	if (!report_begin(&cmd_types, argc, argv, 1, 1, &report, &status))
		return status;
	if (!summaries_types(&report.facts, &err))
		status = cmd_trouble(&err);
	else if (sort_rows(&report, rows))
		status = report.options.json ? print_json(&report, rows) :
					       print_text(&report, rows);
	else
		status = EXIT_TROUBLE;
	report_end(&report);
	return status;
}

const struct cmd cmd_types = {
	.name = "types",
	.summary = "how many blocks of each type, and what they retain",
	.usage = usage,
	.takes = TAKES_SORT | TAKES_FILTER,
	.run = run,
};
