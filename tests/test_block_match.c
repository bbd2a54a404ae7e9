/* SPDX-License-Identifier: MIT */
/* Which blocks hold a text, against the text of their cells. */
#include "tests/aid_cmocka.h"

#include <ctype.h>

#include "tests/aid_graph.h"
#include "tests/aid_tui_heap.h"
#include "tui/block_match.h"
#include "tui/row_find.h"
#include "tui/table.h"
#include "tui/views.h"

enum { ROUNDS = 3000 };

static struct facts facts;
static struct session session;
static struct view *view;	/* all blocks and roots */

static int set_up(void **state)
{
	struct err err = {0};
	uint32_t *nodes;

	(void)state;
	tui_heap_make(&facts);
	session = session_of(&facts, "made.core");
	nodes = malloc((facts.heap.n_nodes + (size_t)1) * sizeof(*nodes));
	for (uint32_t i = 0; i < facts.heap.n_nodes; i++)
		nodes[i] = i;
	view = view_nodes_open(&session, nodes, facts.heap.n_nodes, "all",
			       &err);
	free(nodes);
	return view ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	view_free(view);
	session_close(&session);
	facts_close(&facts);
	return 0;
}

static const char *cell(uint32_t row, int column)
{
	static struct cell_out out;

	out.text[0] = '\0';
	view->class->model.cell(view->data, row, column, &out);
	return out.text;
}

static bool cells_hold(uint32_t row, const char *pattern)
{
	for (int c = 0; c < view->class->n_columns; c++) {
		if (text_holds(cell(row, c), pattern))
			return true;
	}
	return false;
}

/* A piece of some cell, now and then with a letter changed. */
static void make_pattern(uint64_t *seed, char pattern[PATTERN_MAX])
{
	uint32_t row = random_below(seed, facts.heap.n_nodes);
	const char *text = cell(row, (int)random_below(seed, 5));
	size_t n = strlen(text), from, len;

	snprintf(pattern, PATTERN_MAX, "nowhere");
	if (n == 0)
		return;
	from = random_below(seed, (uint32_t)n);
	len = 1 + random_below(seed, 12);
	snprintf(pattern, PATTERN_MAX, "%.*s", (int)len, text + from);
	for (char *p = pattern; *p && random_below(seed, 2); p++)
		*p = (char)tolower((unsigned char)*p);
	if (random_below(seed, 4) == 0)
		pattern[random_below(seed, (uint32_t)strlen(pattern))] = 'e';
}

static void finds_what_the_cells_hold(void **state)
{
	uint64_t seed = rng_seed();
	int prepared = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		char pattern[PATTERN_MAX];
		struct block_match *match;

		session.exact = random_below(&seed, 2);
		make_pattern(&seed, pattern);
		match = block_match_new(&session, pattern);
		for (uint32_t i = 0; match && i < facts.heap.n_nodes; i++) {
			if (block_match_has(match, i, 0) !=
			    cells_hold(i, pattern))
				fail_msg("\"%s\" in row %u", pattern, i);
		}
		prepared += match != NULL;
		if (match)
			block_match_free(match);
	}
	assert_in_range(prepared, ROUNDS / 2, ROUNDS);
}

/* Each match by the key for the next one, in whatever order. */
static void goes_from_match_to_match_in_the_order_of_the_view(void **state)
{
	static const char sorts[] = { 0, 'A', 'R', 'R', 'B' };
	struct err err = {0};
	bool done;

	(void)state;
	for (size_t s = 0; s < sizeof(sorts); s++) {
		uint32_t n = 0;

		if (sorts[s])
			assert_true(table_sort_key(view, sorts[s], &done,
						   &err));
		for (uint32_t at = 0; at < view->n_shown; at++, n++) {
			uint32_t want = at, got;

			while (want < view->n_shown &&
			       !cells_hold(table_row(view, want), "session"))
				want++;
			assert_true(row_find(view, "session", at, true, &got,
					     &err));
			if (want == view->n_shown)
				break;
			assert_int_equal(got, want);
			at = want;
		}
		assert_true(n > 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_the_cells_hold),
		cmocka_unit_test(goes_from_match_to_match_in_the_order_of_the_view),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
