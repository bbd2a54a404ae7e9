/* SPDX-License-Identifier: MIT */
#include "cli/show_type.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "analyze/ref_words.h"
#include "analyze/why_chain.h"
#include "cli/node_text.h"
#include "cli/report.h"
#include "cli/text_table.h"

enum {
	MAX_LINES = 8,		/* of text: the first ones, and the last */
	SURE_ENOUGH = 95,	/* percent: nobody asks for other types */
};

/* The word that gave @step->node its type. */
static void print_word(const struct facts *facts, const struct why_step *step)
{
	const struct heap *heap = &facts->heap;
	char name[NODE_TEXT_MAX], field[NODE_TEXT_MAX];
	char place[2 * NODE_TEXT_MAX];

	if (step->why == NODE_NONE) {
		puts("its contents fit no other");
		return;
	}
	if (step->why == step->node) {
		puts("its own first word");
		return;
	}
	ref_field(heap, step->why, step->offset, field, sizeof(field));
	text_print(ref_place(node_text(facts, step->why, name), field, place,
			     sizeof(place)));
	if (!heap_is_root(heap, step->why))
		printf("  0x%" PRIx64, heap->addr[step->why]);
	if (step->more > 0)
		printf(", and %" PRIu32 " more like that", step->more);
	putchar('\n');
}

void show_why(const struct facts *facts, uint32_t node)
{
	const struct heap *heap = &facts->heap;
	struct why_chain chain;

	why_chain_find(heap, node, &chain);
	for (size_t i = 0; i < chain.n; i++) {
		const struct why_step *step = &chain.at[i];

		if (i == MAX_LINES - 1 && chain.n > MAX_LINES) {
			printf("             ... %zu more steps\n",
			       chain.n - MAX_LINES);
			i = chain.n - 2;
			continue;
		}
		printf("  %-10s %s, %u %%: ", i == 0 ? "type by" : "since",
		       evidence_names[heap->evidence[step->node]],
		       heap->confidence[step->node]);
		print_word(facts, step);
	}
	if (chain.cut)
		puts("             and so on");
}

static struct json_t *step_json(const struct facts *facts,
				const struct why_step *step)
{
	char field[NODE_TEXT_MAX];
	struct json_t *o = json_new_object();

	node_put(o, facts, step->why);
	json_put_u64(o, "offset", step->offset);
	json_put_text(o, "field", ref_field(&facts->heap, step->why,
					    step->offset, field,
					    sizeof(field)));
	json_put_u64(o, "more", step->more);
	return o;
}

struct json_t *show_why_json(const struct facts *facts, uint32_t node)
{
	struct why_chain chain;
	struct json_t *o = NULL;

	why_chain_find(&facts->heap, node, &chain);
	while (chain.n-- > 0) {
		struct json_t *step;

		if (chain.at[chain.n].why == NODE_NONE)
			continue;
		step = step_json(facts, &chain.at[chain.n]);
		if (o)
			json_put(step, "why", o);
		o = step;
	}
	return o;
}

size_t candidates_print(struct alternatives *a, uint32_t node, const char *lead)
{
	struct alternative found[MAX_ALTERNATIVES];
	size_t n = alternatives_find(a, node, found);
	char name[NODE_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		fputs(i == 0 ? lead : ", ", stdout);
		types_name(&a->heap->image->types, found[i].type, name,
			   sizeof(name));
		text_print(name);
	}
	return n;
}

void show_candidates(const struct heap *heap, uint32_t node)
{
	struct alternatives a;
	struct err err = {0};

	if (heap->confidence[node] >= SURE_ENOUGH)
		return;
	/* Without memory for it, nothing is said. */
	if (alternatives_open(heap, &a, &err) &&
	    candidates_print(&a, node, "  could be   ") > 0)
		putchar('\n');
	alternatives_close(&a);
}

struct json_t *candidates_json(struct alternatives *a, uint32_t node)
{
	struct alternative found[MAX_ALTERNATIVES];
	size_t n = alternatives_find(a, node, found);
	struct json_t *list = json_new_array();
	char name[NODE_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		struct json_t *o = json_new_object();

		types_name(&a->heap->image->types, found[i].type, name,
			   sizeof(name));
		json_put_text(o, "type", name);
		json_put_real(o, "score", found[i].score / 10.0);
		json_add(list, o);
	}
	return list;
}

struct json_t *show_candidates_json(const struct heap *heap, uint32_t node)
{
	struct alternatives a;
	struct err err = {0};
	struct json_t *list = alternatives_open(heap, &a, &err) ?
			      candidates_json(&a, node) : json_new_array();

	alternatives_close(&a);
	return list;
}
