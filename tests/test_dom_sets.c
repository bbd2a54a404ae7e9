/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyze/dom_sets.h"
#include "tests/aid_dom_problem.h"
#include "tests/aid_graph.h"

enum { MAX_NODES = 40, MAX_SET = 8, SETS = 6 };

static void check_sets(const struct dom_problem *p, uint64_t *seed,
		       uint64_t budget)
{
	struct dominators dom;
	struct dom_sets sets;
	struct err err = {0};

	assert_true(dom_build(&p->spec, &dom, &err));
	assert_true(dom_sets_init(&p->spec, &dom, budget, &sets, &err));
	for (int i = 0; i < SETS; i++) {
		uint32_t set[MAX_SET];
		size_t n = random_below(seed, MAX_SET + 1);
		struct dom_set_sum sum;
		uint64_t bytes;

		for (size_t j = 0; j < n; j++)
			set[j] = random_below(seed, p->graph.n_nodes);
		assert_true(dom_set_retained(&sets, set, n, &sum, &err));
		bytes = removed_bytes(&p->spec, set, n);
		if (sum.exact)
			assert_int_equal(sum.bytes, bytes);
		else
			assert_true(sum.bytes <= bytes);
		if (budget == UINT64_MAX)
			assert_true(sum.exact);
	}
	dom_sets_free(&sets);
	dom_free(&dom);
}

static void random_sets_agree_with_removal(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 6000; n++) {
		uint64_t seed = n;
		struct dom_problem p;

		if (n % 1000 == 0)
			print_message("seed %u\n", (unsigned)n);
		graph_set_wide_from(n % 2);
		dom_problem_make(&p, &seed, MAX_NODES);
		check_sets(&p, &seed, n % 4 ? UINT64_MAX :
			   random_below(&seed, 3 * MAX_NODES));
		dom_problem_free(&p);
	}
	graph_set_wide_from(0);
}

/* 4 -> 0, 4 -> 1, 0 -> 2 <- 1: 0 and 1 together hold 2. */
static void without_a_budget_a_set_has_its_lower_bound(void **state)
{
	struct edge edges[] = {
		{ 4, 0, 0 }, { 4, 1, 0 }, { 0, 2, 0 }, { 1, 2, 0 },
		{ 0, 3, 0 },
	};
	struct graph graph = graph_of(5, edges, 5);
	uint32_t entry = 4, set[] = { 0, 1 };
	uint64_t bytes[] = { 1, 10, 100, 1000, 0 };
	struct block_sizes sizes = made_sizes(bytes, 5);
	struct dom_tier tier = { &entry, 1 };
	struct dom_spec spec = {
		.graph = &graph, .kinds = 1 << REF_STRONG, .tiers = &tier,
		.n_tiers = 1, .sizes = &sizes, .n_bytes = 5,
	};
	struct dominators dom;
	struct dom_sets sets;
	struct dom_set_sum sum;
	struct err err = {0};

	(void)state;
	assert_true(dom_build(&spec, &dom, &err));
	assert_true(dom_sets_init(&spec, &dom, 0, &sets, &err));
	assert_true(dom_set_retained(&sets, set, 2, &sum, &err));
	assert_false(sum.exact);
	assert_int_equal(sum.bytes, 1011);
	assert_true(dom_set_retained(&sets, set, 1, &sum, &err));
	assert_true(sum.exact);
	assert_int_equal(sum.bytes, 1001);
	sets.budget = 100;
	assert_true(dom_set_retained(&sets, set, 2, &sum, &err));
	assert_true(sum.exact);
	assert_int_equal(sum.bytes, 1111);
	dom_sets_free(&sets);
	dom_free(&dom);
	block_sizes_free(&sizes);
	graph_free(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets_agree_with_removal),
		cmocka_unit_test(without_a_budget_a_set_has_its_lower_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
