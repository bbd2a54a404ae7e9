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
	uint32_t entries[MAX_PICKS];
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
	for (int i = 0; i < MAX_PICKS; i++)
		p->entries[i] = random_below(seed, n);
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
		graph_free(&p.graph);
	}
	graph_set_wide_from(0);
}

static void chains_and_rings_of_a_million_need_no_stack(void **state)
{
	enum { N = 1000000 };

	(void)state;
	for (int ring = 0; ring < 2; ring++) {
		struct graph graph = chain_graph(N, ring);
		uint32_t entry = 5;
		struct reach_spec spec = {
			.graph = &graph, .kinds = ALL_KINDS, .entry = &entry,
			.n_entries = 1,
		};
		struct reach_paths paths;
		struct err err = {0};

		assert_true(reach_paths_build(&spec, NULL, &paths, &err));
		assert_int_equal(paths.depth[N - 1], N - 6);
		assert_int_equal(paths.depth[4], ring ? N - 1 : NODE_NONE);
		reach_paths_free(&paths);
		graph_free(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs_agree_with_relaxation),
		cmocka_unit_test(chains_and_rings_of_a_million_need_no_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
