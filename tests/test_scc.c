/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyze/scc.h"
#include "tests/aid_graph.h"

enum { ALL_KINDS = (1 << N_REF_KINDS) - 1, MAX = 40 };

static bool counts(const struct graph *graph, uint32_t kinds,
		   const struct bitset *members, uint32_t from, uint64_t e)
{
	return kinds >> graph->kind[e] & 1 &&
	       (!members || (bitset_has(members, from) &&
			     bitset_has(members, graph->target[e])));
}

/* Whether there is a path of one reference or more, by Warshall's method. */
static void find_paths(const struct graph *graph, uint32_t kinds,
		       const struct bitset *members, bool path[MAX][MAX])
{
	uint32_t n = graph->n_nodes;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < n; j++)
			path[i][j] = false;
		for (uint64_t e = graph_row(graph, i),
		     end = graph_row(graph, i + 1); e < end; e++) {
			if (counts(graph, kinds, members, i, e))
				path[i][graph->target[e]] = true;
		}
	}
	for (uint32_t k = 0; k < n; k++) {
		for (uint32_t i = 0; i < n; i++) {
			for (uint32_t j = 0; j < n; j++)
				path[i][j] |= path[i][k] && path[k][j];
		}
	}
}

static void check_components(const struct graph *graph, const struct scc *scc,
			     const struct bitset *members,
			     bool path[MAX][MAX])
{
	bool used[MAX] = {0};

	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		uint32_t c = scc->component[i];

		if (members && !bitset_has(members, i)) {
			assert_int_equal(c, NODE_NONE);
			continue;
		}
		assert_true(c < scc->n_components);
		used[c] = true;
		for (uint32_t j = 0; j < graph->n_nodes; j++) {
			uint32_t d = scc->component[j];

			if (d == NODE_NONE)
				continue;
			assert_int_equal(c == d, i == j || (path[i][j] &&
							    path[j][i]));
			if (path[i][j])
				assert_true(c >= d);
		}
	}
	for (uint32_t c = 0; c < scc->n_components; c++)
		assert_true(used[c]);
}

static void check_cycles(const struct graph *graph,
			 const struct scc_cycles *cycles,
			 const struct scc *scc, bool path[MAX][MAX])
{
	bool listed[MAX] = {0};

	for (uint32_t c = 0; c < cycles->n; c++) {
		assert_true(cycles->row[c] < cycles->row[c + 1]);
		for (uint64_t m = cycles->row[c]; m < cycles->row[c + 1];
		     m++) {
			uint32_t node = cycles->node[m];

			assert_false(listed[node]);
			listed[node] = true;
			assert_int_equal(scc->component[node],
				scc->component[cycles->node[cycles->row[c]]]);
			if (m > cycles->row[c])
				assert_true(node > cycles->node[m - 1]);
		}
	}
	for (uint32_t i = 0; i < graph->n_nodes; i++)
		assert_int_equal(listed[i], path[i][i]);
}

static void random_graphs_agree_with_mutual_reachability(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 8000; n++) {
		uint64_t seed = n;
		uint32_t size = random_below(&seed, MAX);
		struct graph graph;
		uint32_t kinds;
		struct bitset set = {0}, *members = NULL;
		struct scc_cycles cycles;
		struct err err = {0};
		struct scc scc;
		bool path[MAX][MAX];

		if (n % 2000 == 0)
			print_message("seed %u\n", (unsigned)n);
		graph_set_wide_from(n % 2);
		graph = random_graph(&seed, size, random_below(&seed, 3 * MAX));
		kinds = random_below(&seed, ALL_KINDS + 1);
		if (random_below(&seed, 2)) {
			assert_true(bitset_init(&set, size));
			for (uint32_t i = 0; i < size; i++) {
				if (random_below(&seed, 6))
					bitset_add(&set, i);
			}
			members = &set;
		}
		find_paths(&graph, kinds, members, path);
		assert_true(scc_build(&graph, kinds, members, &scc, &err));
		check_components(&graph, &scc, members, path);
		assert_true(scc_cycles_build(&graph, kinds, &scc, &cycles,
					     &err));
		check_cycles(&graph, &cycles, &scc, path);
		scc_cycles_free(&cycles);
		scc_free(&scc);
		bitset_free(&set);
		graph_free(&graph);
	}
	graph_set_wide_from(0);
}

/* 0 -> 1 -> 2 -> 0 is a cycle; 2 -> 3 leaves it; 4 refers to itself. */
static void a_cycle_comes_after_what_it_refers_to(void **state)
{
	struct edge edges[] = {
		{ 0, 1, 0 }, { 1, 2, 0 }, { 2, 0, 0 }, { 2, 3, 0 },
		{ 4, 4, 0 },
	};
	struct graph graph = graph_of(5, edges, 5);
	struct scc_cycles cycles;
	struct err err = {0};
	struct scc scc;

	(void)state;
	assert_true(scc_build(&graph, ALL_KINDS, NULL, &scc, &err));
	assert_int_equal(scc.n_components, 3);
	assert_int_equal(scc.component[3], 0);
	assert_int_equal(scc.component[0], 1);
	assert_int_equal(scc.component[1], 1);
	assert_int_equal(scc.component[2], 1);
	assert_int_equal(scc.component[4], 2);
	assert_true(scc_cycles_build(&graph, ALL_KINDS, &scc, &cycles, &err));
	assert_int_equal(cycles.n, 2);
	assert_int_equal(cycles.row[1], 3);
	assert_int_equal(cycles.row[2], 4);
	assert_int_equal(cycles.node[3], 4);
	scc_cycles_free(&cycles);
	scc_free(&scc);
	graph_free(&graph);
}

/* Objects of one class are no cycle because the class refers to them. */
static void references_to_type_objects_are_left_out(void **state)
{
	struct edge edges[] = { { 0, 1, REF_META }, { 1, 0, REF_STRONG } };
	struct graph graph = graph_of(2, edges, 2);
	struct err err = {0};
	struct scc scc;

	(void)state;
	assert_true(scc_build(&graph, ALL_KINDS & ~(1 << REF_META), NULL, &scc,
			      &err));
	assert_int_equal(scc.n_components, 2);
	scc_free(&scc);
	assert_true(scc_build(&graph, ALL_KINDS, NULL, &scc, &err));
	assert_int_equal(scc.n_components, 1);
	scc_free(&scc);
	graph_free(&graph);
}

static void chains_and_rings_of_a_million_need_no_stack(void **state)
{
	enum { N = 1000000 };

	(void)state;
	for (int ring = 0; ring < 2; ring++) {
		struct graph graph = chain_graph(N, ring);
		struct scc_cycles cycles;
		struct err err = {0};
		struct scc scc;

		assert_true(scc_build(&graph, ALL_KINDS, NULL, &scc, &err));
		assert_int_equal(scc.n_components, ring ? 1 : N);
		for (uint32_t i = 0; i < N; i++)
			assert_int_equal(scc.component[i],
					 ring ? 0 : N - 1 - i);
		assert_true(scc_cycles_build(&graph, ALL_KINDS, &scc, &cycles,
					     &err));
		assert_int_equal(cycles.n, ring);
		assert_int_equal(cycles.row[cycles.n], ring ? N : 0);
		scc_cycles_free(&cycles);
		scc_free(&scc);
		graph_free(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs_agree_with_mutual_reachability),
		cmocka_unit_test(a_cycle_comes_after_what_it_refers_to),
		cmocka_unit_test(references_to_type_objects_are_left_out),
		cmocka_unit_test(chains_and_rings_of_a_million_need_no_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
