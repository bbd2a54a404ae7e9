/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/reach.h"
#include "tests/aid_graph.h"

enum { ALL_KINDS = (1 << N_REF_KINDS) - 1, MAX = 48, MAX_PICKS = 6 };

struct problem {
	struct graph graph;
	struct reach_spec spec;
	uint32_t entries[MAX_PICKS], set[MAX_PICKS];
	size_t n_set;
	uint64_t bytes[MAX];
};

static void make_problem(struct problem *p, uint64_t *seed)
{
	uint32_t n = 1 + random_below(seed, MAX);

	*p = (struct problem){0};
	p->graph = random_graph(seed, n, random_below(seed, 3 * MAX));
	p->spec.graph = &p->graph;
	p->spec.kinds = random_below(seed, 2) ? ALL_KINDS :
			random_below(seed, ALL_KINDS + 1);
	p->spec.entry = p->entries;
	p->spec.n_entries = random_below(seed, MAX_PICKS + 1);
	p->n_set = random_below(seed, MAX_PICKS + 1);
	for (int i = 0; i < MAX_PICKS; i++) {
		p->entries[i] = random_below(seed, n);
		p->set[i] = random_below(seed, n);
	}
	for (uint32_t i = 0; i < n; i++)
		p->bytes[i] = random_below(seed, 1000);
}

/*
 * Steps from the entries by Bellman and Ford's method, through nodes that
 * @open allows; NODE_NONE where there is no way.
 */
static void relax(const struct problem *p, const bool *open, uint32_t *depth)
{
	const struct graph *g = &p->graph;
	bool changed = true;

	memset(depth, 0xff, MAX * sizeof(*depth));
	for (size_t i = 0; i < p->spec.n_entries; i++) {
		if (open[p->entries[i]])
			depth[p->entries[i]] = 0;
	}
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < g->n_nodes; i++) {
			for (uint64_t e = graph_row(g, i),
			     end = graph_row(g, i + 1); e < end; e++) {
				uint32_t to = g->target[e];

				if (depth[i] == NODE_NONE || !open[to] ||
				    !(p->spec.kinds >> g->kind[e] & 1) ||
				    depth[to] <= depth[i] + 1)
					continue;
				depth[to] = depth[i] + 1;
				changed = true;
			}
		}
	}
}

static bool has_reference(const struct problem *p, uint32_t from, uint32_t to)
{
	const struct graph *g = &p->graph;

	for (uint64_t e = graph_row(g, from),
	     end = graph_row(g, from + 1); e < end; e++) {
		if (g->target[e] == to)
			return p->spec.kinds >> g->kind[e] & 1;
	}
	return false;
}

static void check_paths(const struct problem *p, uint64_t *seed)
{
	uint32_t depth[MAX];
	bool open[MAX];
	struct reach_paths paths;
	struct bitset members;
	struct err err = {0};
	bool all = random_below(seed, 2);

	assert_true(bitset_init(&members, p->graph.n_nodes));
	for (uint32_t i = 0; i < p->graph.n_nodes; i++) {
		open[i] = all || random_below(seed, 6) > 0;
		if (open[i])
			bitset_add(&members, i);
	}
	relax(p, open, depth);
	assert_true(reach_paths_build(&p->spec, all ? NULL : &members, &paths,
				      &err));
	for (uint32_t i = 0; i < p->graph.n_nodes; i++) {
		uint32_t from = paths.from[i];

		assert_int_equal(paths.depth[i], depth[i]);
		assert_int_equal(from == NODE_NONE,
				 depth[i] == 0 || depth[i] == NODE_NONE);
		if (from != NODE_NONE) {
			assert_int_equal(depth[from] + 1, depth[i]);
			assert_true(has_reference(p, from, i));
		}
	}
	reach_paths_free(&paths);
	bitset_free(&members);
}

static void check_marks(const struct problem *p, uint64_t *seed)
{
	uint32_t depth[MAX];
	bool open[MAX];
	struct bitset seen;
	struct err err = {0};

	assert_true(bitset_init(&seen, p->graph.n_nodes));
	for (uint32_t i = 0; i < p->graph.n_nodes; i++) {
		open[i] = random_below(seed, 8) > 0;
		if (!open[i])
			bitset_add(&seen, i);
	}
	relax(p, open, depth);
	assert_true(reach_add(&p->spec, &seen, &err));
	for (uint32_t i = 0; i < p->graph.n_nodes; i++)
		assert_int_equal(bitset_has(&seen, i),
				 !open[i] || depth[i] != NODE_NONE);
	bitset_free(&seen);
}

/* Take the set out of the graph, and see what is reached no more. */
static void check_retained(const struct problem *p, uint64_t *seed)
{
	uint32_t before[MAX], after[MAX], n_bytes;
	bool open[MAX];
	struct bitset gone, reached, *known = NULL;
	struct retained_sum sum, expected = {0};
	struct err err = {0};

	n_bytes = p->graph.n_nodes - random_below(seed, p->graph.n_nodes);
	memset(open, 1, sizeof(open));
	relax(p, open, before);
	for (size_t i = 0; i < p->n_set; i++)
		open[p->set[i]] = false;
	relax(p, open, after);
	assert_true(bitset_init(&gone, p->graph.n_nodes));
	assert_true(bitset_init(&reached, p->graph.n_nodes));
	if (random_below(seed, 2)) {
		known = &reached;
		assert_true(reach_add(&p->spec, known, &err));
	}
	assert_true(retained_set(&p->spec, p->set, p->n_set, p->bytes, n_bytes,
				 known, &gone, &sum, &err));
	for (uint32_t i = 0; i < p->graph.n_nodes; i++) {
		bool freed = before[i] != NODE_NONE && after[i] == NODE_NONE;

		assert_int_equal(bitset_has(&gone, i), freed);
		expected.nodes += freed;
		expected.bytes += freed && i < n_bytes ? p->bytes[i] : 0;
	}
	assert_int_equal(sum.nodes, expected.nodes);
	assert_int_equal(sum.bytes, expected.bytes);
	bitset_free(&gone);
	bitset_free(&reached);
}

static void random_graphs_agree_with_relaxation(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 8000; n++) {
		uint64_t seed = n;
		struct problem p;

		if (n % 2000 == 0)
			print_message("seed %u\n", (unsigned)n);
		graph_set_wide_from(n % 2);
		make_problem(&p, &seed);
		check_marks(&p, &seed);
		check_paths(&p, &seed);
		check_retained(&p, &seed);
		graph_free(&p.graph);
	}
	graph_set_wide_from(0);
}

/* 0 -> 1 -> 3, 0 -> 2 -> 3: neither 1 nor 2 holds 3, but both do. */
static void a_set_retains_what_none_of_it_retains_alone(void **state)
{
	struct edge edges[] = { { 0, 1, 0 }, { 0, 2, 0 }, { 1, 3, 0 },
				{ 2, 3, 0 } };
	struct graph graph = graph_of(4, edges, 4);
	uint32_t entry = 0, set[] = { 1, 2 };
	uint64_t bytes[] = { 1, 10, 100, 1000 };
	struct reach_spec spec = {
		.graph = &graph, .kinds = ALL_KINDS, .entry = &entry,
		.n_entries = 1,
	};
	struct retained_sum sum;
	struct err err = {0};

	(void)state;
	assert_true(retained_set(&spec, set, 1, bytes, 4, NULL, NULL, &sum,
				 &err));
	assert_int_equal(sum.bytes, 10);
	assert_true(retained_set(&spec, set, 2, bytes, 4, NULL, NULL, &sum,
				 &err));
	assert_int_equal(sum.bytes, 1110);
	assert_int_equal(sum.nodes, 3);
	graph_free(&graph);
}

static void chains_and_rings_of_a_million_need_no_stack(void **state)
{
	enum { N = 1000000 };

	(void)state;
	for (int ring = 0; ring < 2; ring++) {
		struct graph graph = chain_graph(N, ring);
		uint32_t entry = 5, middle = N / 2;
		struct reach_spec spec = {
			.graph = &graph, .kinds = ALL_KINDS, .entry = &entry,
			.n_entries = 1,
		};
		struct reach_paths paths;
		struct retained_sum sum;
		struct err err = {0};

		assert_true(reach_paths_build(&spec, NULL, &paths, &err));
		assert_int_equal(paths.depth[N - 1], N - 6);
		assert_int_equal(paths.depth[4], ring ? N - 1 : NODE_NONE);
		reach_paths_free(&paths);
		assert_true(retained_set(&spec, &middle, 1, NULL, 0, NULL,
					 NULL, &sum, &err));
		assert_int_equal(sum.nodes, ring ? N / 2 + 5 : N / 2);
		graph_free(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs_agree_with_relaxation),
		cmocka_unit_test(a_set_retains_what_none_of_it_retains_alone),
		cmocka_unit_test(chains_and_rings_of_a_million_need_no_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
