/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "analyze/graph.h"
#include "base/pool.h"
#include "tests/aid_graph.h"

/* 0 -> 1, 2; 1 -> 1; 2 -> 0 (weak) */
static void the_reverse_holds_each_edge_once_with_its_kind(void **state)
{
	struct edge edges[] = {
		{ 0, 1, REF_STRONG }, { 0, 2, REF_META },
		{ 1, 1, REF_STRONG }, { 2, 0, REF_WEAK },
	};
	struct graph graph = graph_of(3, edges, 4), back;
	struct err err = {0};

	(void)state;
	assert_true(graph_reverse(&graph, &back, &err));
	assert_true(graph_check(&back));
	assert_int_equal(graph_row(&back, 0), 0);
	assert_int_equal(graph_row(&back, 1), 1);
	assert_int_equal(graph_row(&back, 2), 3);
	assert_int_equal(graph_row(&back, 3), 4);
	assert_int_equal(back.target[0], 2);
	assert_int_equal(back.kind[0], REF_WEAK);
	assert_int_equal(back.target[1], 0);
	assert_int_equal(back.target[2], 1);
	assert_int_equal(back.target[3], 0);
	assert_int_equal(back.kind[3], REF_META);
	graph_free(&back);
	graph_free(&graph);
}

static void an_empty_graph_has_an_empty_reverse(void **state)
{
	struct graph graph = graph_of(0, NULL, 0), back;
	struct err err = {0};

	(void)state;
	assert_true(graph_reverse(&graph, &back, &err));
	assert_true(graph_check(&back));
	assert_int_equal(back.n_nodes, 0);
	graph_free(&back);
	graph_free(&graph);
}

static void a_graph_without_kinds_has_a_reverse_without(void **state)
{
	struct graph graph = chain_graph(1000, true), back;
	struct err err = {0};

	(void)state;
	assert_true(graph_reverse(&graph, &back, &err));
	assert_null(back.kind);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(back.target[i], (i + 999) % 1000);
	graph_free(&back);
	graph_free(&graph);
}

/* Looks for the edge as a person would. */
static bool has_edge(const struct graph *graph, uint32_t from, uint32_t to,
		     uint8_t kind)
{
	for (uint64_t e = graph_row(graph, from),
	     end = graph_row(graph, from + 1); e < end; e++) {
		if (graph->target[e] == to)
			return graph->kind[e] == kind;
	}
	return false;
}

static void check_reverse(const struct graph *graph)
{
	struct graph back;
	struct err err = {0};

	assert_true(graph_check(graph));
	assert_true(graph_reverse(graph, &back, &err));
	assert_true(graph_check(&back));
	assert_int_equal(graph_n_edges(&back), graph_n_edges(graph));
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		for (uint64_t e = graph_row(graph, i),
		     end = graph_row(graph, i + 1); e < end; e++)
			assert_true(has_edge(&back, graph->target[e], i,
					     graph->kind[e]));
	}
	graph_free(&back);
}

static void random_graphs_reverse_on_any_number_of_threads(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 2000; n++) {
		uint64_t seed = n;
		uint32_t n_nodes = 1 + random_below(&seed, 60);
		struct graph graph;

		graph_set_wide_from(n % 2);
		graph = random_graph(&seed, n_nodes, random_below(&seed, 300));
		if (n % 500 == 0)
			print_message("seed %u\n", (unsigned)n);
		pool_set_threads((unsigned)(n % 5));
		check_reverse(&graph);
		graph_free(&graph);
	}
	pool_set_threads(0);
	graph_set_wide_from(0);
}

static void rows_are_wide_from_the_first_edge_that_needs_it(void **state)
{
	struct graph graph = chain_graph(100, true), back;
	struct err err = {0};

	(void)state;
	assert_false(graph_is_wide(UINT32_MAX));
	assert_true(graph_is_wide(UINT64_C(1) << 32));
	for (uint64_t from = 100; from <= 101; from++) {
		graph_set_wide_from(from);
		assert_true(graph_reverse(&graph, &back, &err));
		assert_true(graph_check(&back));
		assert_int_equal(!back.narrow_row, from == 100);
		assert_int_equal(!back.wide_row, from != 100);
		for (uint32_t i = 0; i <= 100; i++)
			assert_int_equal(graph_row(&back, i), i);
		graph_free(&back);
	}
	graph_set_wide_from(0);
	graph_free(&graph);
}

static void the_check_finds_each_broken_invariant(void **state)
{
	struct edge edges[] = { { 0, 1, 0 }, { 0, 2, 0 }, { 2, 0, 0 } };
	struct graph graph = graph_of(3, edges, 3);

	(void)state;
	assert_true(graph_check(&graph));
	graph.target[1] = 1;
	assert_false(graph_check(&graph));	/* twice the same */
	graph.target[1] = 3;
	assert_false(graph_check(&graph));	/* no such node */
	graph.target[1] = 2;
	graph.kind[2] = N_REF_KINDS;
	assert_false(graph_check(&graph));
	graph.kind[2] = REF_STALE;
	assert_true(graph_check(&graph));
	graph_set_row(&graph, 1, 3);
	assert_false(graph_check(&graph));	/* rows go back */
	graph_set_row(&graph, 1, 2);
	graph_set_row(&graph, 0, 1);
	assert_false(graph_check(&graph));
	graph_free(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reverse_holds_each_edge_once_with_its_kind),
		cmocka_unit_test(an_empty_graph_has_an_empty_reverse),
		cmocka_unit_test(a_graph_without_kinds_has_a_reverse_without),
		cmocka_unit_test(random_graphs_reverse_on_any_number_of_threads),
		cmocka_unit_test(
			rows_are_wide_from_the_first_edge_that_needs_it),
		cmocka_unit_test(the_check_finds_each_broken_invariant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
