/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/dominators.h"
#include "base/bulk.h"
#include "tests/aid_dom_problem.h"
#include "tests/aid_graph.h"
#include "tests/aid_lengauer_tarjan.h"

enum { ALL_KINDS = (1 << N_REF_KINDS) - 1 };

static uint64_t bytes_of_id(const struct dom_spec *spec, uint32_t id)
{
	return id < spec->n_bytes ? block_size(spec->sizes, id) : 0;
}

/*
 * Remove each node in turn: what becomes unreachable is what it dominates.
 * The immediate dominator is the strict one that has the most dominators.
 */
static void check_by_removal(const struct dom_spec *spec,
			     const struct dominators *dom)
{
	struct graph flow = dom_problem_flow(spec);
	uint32_t n = flow.n_nodes, root = spec->graph->n_nodes;
	uint8_t *before = calloc(n, 1), *after = calloc((size_t)n * n, 1);
	uint32_t *depth = calloc(n, sizeof(*depth));

	assert_true(before && after && depth);
	mark_reached(&flow, root, NULL, 0, before);
	for (uint32_t d = 0; d < n; d++) {
		uint64_t retained = 0;

		mark_reached(&flow, root, &d, 1, after + (size_t)d * n);
		for (uint32_t v = 0; v < n; v++) {
			if (!before[v] || after[(size_t)d * n + v])
				continue;
			depth[v]++;
			retained += bytes_of_id(spec, v);
		}
		assert_int_equal(dom->retained[d], retained);
	}
	for (uint32_t v = 0; v < n; v++) {
		uint32_t idom = NODE_NONE;

		for (uint32_t d = 0; d < n; d++) {
			if (d != v && before[v] && !after[(size_t)d * n + v] &&
			    (idom == NODE_NONE || depth[d] > depth[idom]))
				idom = d;
		}
		assert_int_equal(dom_idom(dom, v), idom);
		assert_int_equal(dom_has(dom, v), before[v]);
	}
	free(before);
	free(after);
	free(depth);
	graph_free(&flow);
}

/* [n_nodes + 1 + n_groups]; release with free(). */
static uint32_t *idoms_of(const struct dominators *dom)
{
	size_t n_ids = (size_t)dom->n_nodes + 1 + dom->n_groups;
	uint32_t *idom = malloc(n_ids * sizeof(*idom));
	uint32_t *parent = dom_parents(dom);

	assert_true(idom && parent);
	for (size_t i = 0; i < n_ids; i++)
		idom[i] = NODE_NONE;
	for (uint32_t p = 1; p < dom->n_order; p++)
		idom[dom->order[p]] = dom->order[parent[p]];
	bulk_free(parent);
	return idom;
}

static void check_by_textbook(const struct dom_spec *spec,
			      const struct dominators *dom)
{
	struct graph flow = dom_problem_flow(spec);
	uint32_t *idom = calloc(flow.n_nodes, sizeof(*idom)), *found;

	assert_non_null(idom);
	lengauer_tarjan(&flow, spec->graph->n_nodes, idom);
	found = idoms_of(dom);
	assert_memory_equal(found, idom, flow.n_nodes * sizeof(*idom));
	free(found);
	free(idom);
	graph_free(&flow);
}

/* What must hold between the arrays of any tree. */
static void check_shape(const struct dom_spec *spec,
			const struct dominators *dom)
{
	uint32_t n_ids = dom->n_nodes + 1 + dom->n_groups, n = 0;

	assert_int_equal(dom->order[0], dom_root(dom));
	assert_int_equal(dom->end[0], dom->n_order);
	for (uint32_t id = 0; id < n_ids; id++) {
		uint32_t p = dom->position[id], children = 0;
		uint64_t bytes = bytes_of_id(spec, id);

		if (p == NODE_NONE) {
			assert_int_equal(dom_idom(dom, id), NODE_NONE);
			assert_int_equal(dom->retained[id], 0);
			continue;
		}
		n++;
		assert_int_equal(dom->order[p], id);
		for (uint32_t c = p + 1; c < dom->end[p]; c = dom->end[c]) {
			assert_true(dom->end[c] > c);
			assert_int_equal(dom_idom(dom, dom->order[c]), id);
			bytes += dom->retained[dom->order[c]];
			children++;
		}
		assert_int_equal(dom->retained[id], bytes);
		assert_int_equal(dom_n_children(dom, id), children);
	}
	assert_int_equal(n, dom->n_order);
}

static void random_problems_agree_with_removal(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 6000; n++) {
		uint64_t seed = n;
		struct dom_problem p;
		struct dominators dom;
		struct err err = {0};

		if (n % 1000 == 0)
			print_message("seed %u\n", (unsigned)n);
		graph_set_wide_from(n % 2);
		dom_problem_make(&p, &seed, 24);
		assert_true(dom_build(&p.spec, &dom, &err));
		check_shape(&p.spec, &dom);
		check_by_removal(&p.spec, &dom);
		dom_free(&dom);
		dom_problem_free(&p);
	}
	graph_set_wide_from(0);
}

static void larger_random_problems_agree_with_lengauer_tarjan(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 300; n++) {
		uint64_t seed = n + 1000000;
		struct dom_problem p;
		struct dominators dom;
		struct err err = {0};

		if (n % 100 == 0)
			print_message("seed %u\n", (unsigned)(n + 1000000));
		graph_set_wide_from(n % 2);
		dom_problem_make(&p, &seed, 2000);
		assert_true(dom_build(&p.spec, &dom, &err));
		check_shape(&p.spec, &dom);
		check_by_textbook(&p.spec, &dom);
		dom_free(&dom);
		dom_problem_free(&p);
	}
	graph_set_wide_from(0);
}

static struct dominators from_one(const struct graph *graph, uint32_t entry,
				  const struct block_sizes *sizes)
{
	struct dom_tier tier = { .entry = &entry, .n = 1 };
	struct dom_spec spec = {
		.graph = graph, .kinds = ALL_KINDS, .tiers = &tier,
		.n_tiers = 1, .sizes = sizes,
		.n_bytes = sizes ? graph->n_nodes : 0,
	};
	struct dominators dom;
	struct err err = {0};

	assert_true(dom_build(&spec, &dom, &err));
	return dom;
}

/* Several buckets of late references, and hubs that thousands point at. */
static void a_heap_of_300000_nodes_agrees_with_lengauer_tarjan(void **state)
{
	uint32_t n = 300000, first_root, n_roots;
	struct graph graph = heap_like_graph(7, n, &first_root);
	uint32_t *roots;
	struct dom_tier tier;
	struct dom_spec spec = {
		.graph = &graph, .kinds = ALL_KINDS, .tiers = &tier,
		.n_tiers = 1,
	};
	struct dominators dom;
	struct err err = {0};

	(void)state;
	n_roots = n - first_root;
	roots = calloc(n_roots, sizeof(*roots));
	assert_non_null(roots);
	for (uint32_t i = 0; i < n_roots; i++)
		roots[i] = first_root + i;
	tier = (struct dom_tier){ .entry = roots, .n = n_roots };
	assert_true(dom_build(&spec, &dom, &err));
	assert_true(dom.n_order > n / 2);
	check_shape(&spec, &dom);
	check_by_textbook(&spec, &dom);
	dom_free(&dom);
	free(roots);
	graph_free(&graph);
}

static void chains_and_rings_of_a_million_need_no_stack(void **state)
{
	enum { N = 1000000 };
	struct block_sizes sizes;

	(void)state;
	assert_true(block_sizes_init(&sizes, N));
	for (uint32_t i = 0; i < N; i++)
		assert_true(block_set_size(&sizes, i, 3));
	for (int ring = 0; ring < 2; ring++) {
		struct graph graph = chain_graph(N, ring);
		struct dominators dom = from_one(&graph, 0, &sizes);
		uint32_t *idom = idoms_of(&dom);

		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(idom[i], i ? i - 1 : N);
			assert_int_equal(dom.retained[i], 3 * (N - i));
		}
		free(idom);
		dom_free(&dom);
		graph_free(&graph);
	}
	block_sizes_free(&sizes);
}

/*
 * A list of 500,000 nodes that hold a value each, and a table that holds the
 * values too: nothing dominates a value but the root of both. Semi-NCA alone
 * would walk up half the list for each value, 10^11 steps. The root is far
 * from the table, so that the search takes the list first.
 */
static void a_list_whose_values_a_table_holds_takes_no_quadratic_time(
	void **state)
{
	enum { N = 500000, TABLE = 2 * N, ROOT = TABLE + 100000 };
	struct edge *edges = calloc(4 * N, sizeof(*edges));
	size_t len = 0;
	struct graph graph;
	struct dominators dom;
	uint32_t *idom;

	(void)state;
	assert_non_null(edges);
	for (uint32_t i = 0; i < N; i++) {
		if (i + 1 < N)
			edges[len++] = (struct edge){ .from = i, .to = i + 1 };
		edges[len++] = (struct edge){ .from = i, .to = N + i };
		edges[len++] = (struct edge){ .from = TABLE, .to = N + i };
	}
	edges[len++] = (struct edge){ .from = ROOT, .to = 0 };
	edges[len++] = (struct edge){ .from = ROOT, .to = TABLE };
	graph = graph_of(ROOT + 1, edges, len);
	dom = from_one(&graph, ROOT, NULL);
	idom = idoms_of(&dom);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(idom[i], i ? i - 1 : ROOT);
		assert_int_equal(idom[N + i], ROOT);
	}
	free(idom);
	dom_free(&dom);
	graph_free(&graph);
	free(edges);
}

/*
 * named 0 -> 1 -> 2; stack word 3 -> 2, 3 -> 4; 4 -> 1. The stack must not
 * take 2 away from 1, yet it is what holds 4.
 */
static void a_later_tier_holds_only_what_no_earlier_one_reaches(void **state)
{
	struct edge edges[] = {
		{ 0, 1, 0 }, { 1, 2, 0 }, { 3, 2, 0 }, { 3, 4, 0 },
		{ 4, 1, 0 },
	};
	uint32_t named = 0, stack[] = { 3, 2 };
	struct dom_tier tiers[] = { { &named, 1 }, { stack, 2 } };
	uint64_t bytes[] = { 0, 10, 20, 0, 40 };
	struct block_sizes sizes = made_sizes(bytes, 5);
	struct graph graph = graph_of(5, edges, 5);
	struct dom_spec spec = {
		.graph = &graph, .kinds = 1 << REF_STRONG, .tiers = tiers,
		.n_tiers = 2, .sizes = &sizes, .n_bytes = 5,
	};
	struct dominators dom;
	struct err err = {0};

	(void)state;
	assert_true(dom_build(&spec, &dom, &err));
	assert_int_equal(dom_idom(&dom, 2), 1);
	assert_int_equal(dom.retained[0], 30);
	assert_int_equal(dom_idom(&dom, 4), 3);
	assert_int_equal(dom.retained[3], 40);
	assert_int_equal(dom_idom(&dom, 3), dom_root(&dom));
	assert_int_equal(dom.retained[dom_root(&dom)], 70);
	dom_free(&dom);
	block_sizes_free(&sizes);
	graph_free(&graph);
}

/* Leak roots 0 and 1 share 2; each alone holds nothing of it. */
static void a_group_retains_what_its_members_share(void **state)
{
	struct edge edges[] = { { 0, 2, 0 }, { 1, 2, 0 }, { 3, 4, 0 } };
	uint32_t members[] = { 0, 1, 3 }, entries[] = { 6, 7 };
	uint64_t row[] = { 0, 2, 3 }, bytes[] = { 1, 2, 4, 8, 16 };
	struct block_sizes sizes = made_sizes(bytes, 5);
	struct graph graph = graph_of(5, edges, 3);
	struct dom_tier tier = { entries, 2 };
	struct dom_spec spec = {
		.graph = &graph, .kinds = 1 << REF_STRONG, .tiers = &tier,
		.n_tiers = 1, .n_groups = 2, .group_row = row,
		.group_member = members, .sizes = &sizes, .n_bytes = 5,
	};
	struct dominators dom;
	struct err err = {0};

	(void)state;
	assert_true(dom_build(&spec, &dom, &err));
	assert_int_equal(dom.retained[dom_group(&dom, 0)], 7);
	assert_int_equal(dom.retained[dom_group(&dom, 1)], 24);
	assert_int_equal(dom_idom(&dom, 2), dom_group(&dom, 0));
	assert_int_equal(dom.retained[0], 1);
	assert_true(dom_dominates(&dom, dom_group(&dom, 0), 2));
	assert_false(dom_dominates(&dom, dom_group(&dom, 1), 2));
	assert_false(dom_dominates(&dom, 2, dom_group(&dom, 0)));
	dom_free(&dom);
	block_sizes_free(&sizes);
	graph_free(&graph);
}

static void without_entries_there_is_only_the_root(void **state)
{
	struct graph graph = graph_of(0, NULL, 0);
	struct dom_spec spec = { .graph = &graph, .kinds = ALL_KINDS };
	struct dominators dom;
	struct err err = {0};

	(void)state;
	assert_true(dom_build(&spec, &dom, &err));
	assert_int_equal(dom.n_order, 1);
	assert_int_equal(dom_idom(&dom, 0), NODE_NONE);
	dom_free(&dom);
	graph_free(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_problems_agree_with_removal),
		cmocka_unit_test(
			larger_random_problems_agree_with_lengauer_tarjan),
		cmocka_unit_test(
			a_heap_of_300000_nodes_agrees_with_lengauer_tarjan),
		cmocka_unit_test(chains_and_rings_of_a_million_need_no_stack),
		cmocka_unit_test(
			a_list_whose_values_a_table_holds_takes_no_quadratic_time),
		cmocka_unit_test(
			a_later_tier_holds_only_what_no_earlier_one_reaches),
		cmocka_unit_test(a_group_retains_what_its_members_share),
		cmocka_unit_test(without_entries_there_is_only_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
