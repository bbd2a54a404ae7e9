/* SPDX-License-Identifier: MIT */
/* A path searched from both ends against the one searched from the entries. */
#include "tests/aid_cmocka.h"

#include "analyze/reach_one.h"
#include "base/progress.h"
#include "tests/aid_graph.h"

enum { ROUNDS = 3000, MAX_NODES = 40 };

struct problem {
	struct graph graph, back;
	struct bitset members;
	uint32_t entries[8];
	struct reach_spec spec;
};

static void make(uint64_t *seed, struct problem *p)
{
	uint32_t n = 1 + random_below(seed, MAX_NODES);
	uint32_t n_edges = random_below(seed, n * 3 + 1);
	struct edge edges[MAX_NODES * 3 + 1];
	struct err err = {0};

	for (uint32_t i = 0; i < n_edges; i++)
		edges[i] = (struct edge){
			.from = random_below(seed, n),
			.to = random_below(seed, n),
			.kind = (uint8_t)random_below(seed, N_REF_KINDS),
		};
	p->graph = graph_of(n, edges, n_edges);
	assert_true(graph_reverse(&p->graph, &p->back, &err));
	assert_true(bitset_init(&p->members, n));
	for (uint32_t i = 0; i < n; i++) {
		if (random_below(seed, 8))
			bitset_add(&p->members, i);
	}
	p->spec = (struct reach_spec){
		.graph = &p->graph, .kinds = 1 + random_below(seed, 63),
		.entry = p->entries, .n_entries = random_below(seed, 8),
	};
	for (size_t i = 0; i < p->spec.n_entries; i++)
		p->entries[i] = random_below(seed, n);
}

static void release(struct problem *p)
{
	graph_free(&p->graph);
	graph_free(&p->back);
	bitset_free(&p->members);
}

static bool is_member(const void *ctx, uint32_t node)
{
	return bitset_has(ctx, node);
}

/* For each node: the same way, or none in both. */
static void check(const struct problem *p, const struct bitset *members)
{
	struct reach_paths want;
	struct err err = {0};

	assert_true(reach_paths_build(&p->spec, members, &want, &err));
	for (uint32_t target = 0; target < p->graph.n_nodes; target++) {
		struct reach_one got;
		uint32_t node = target;

		if (members && !bitset_has(members, target))
			continue;
		assert_true(reach_one_build(&p->spec, &p->back, target,
					    members ? is_member : NULL,
					    members, &got, &err));
		if (want.depth[target] == NODE_NONE)
			node = NODE_NONE;
		for (size_t i = got.path.len; i-- > 0; node = want.from[node])
			assert_int_equal(got.path.at[i], node);
		assert_int_equal(node, NODE_NONE);
		reach_one_free(&got);
	}
	reach_paths_free(&want);
}

static void finds_the_path_that_a_search_from_the_entries_finds(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct problem p;

		make(&seed, &p);
		check(&p, NULL);
		check(&p, &p.members);
		release(&p);
	}
}

/* 0 -> 1 -> ... -> N - 1. */
static void can_be_cancelled_on_a_long_way(void **state)
{
	enum { N = 100000 };
	struct edge *edges = calloc(N, sizeof(*edges));
	uint32_t entry = 0;
	struct err err = {0};
	struct graph graph, back;
	struct reach_one path;

	(void)state;
	for (uint32_t i = 0; i + 1 < N; i++)
		edges[i] = (struct edge){ i, i + 1, REF_STRONG };
	graph = graph_of(N, edges, N - 1);
	assert_true(graph_reverse(&graph, &back, &err));
	for (int cancel = 0; cancel < 2; cancel++) {
		const struct reach_spec spec = { &graph, REF_HOLDING, &entry, 1 };

		if (cancel)
			progress_cancel();
		assert_int_equal(reach_one_build(&spec, &back, N - 1, NULL,
						 NULL, &path, &err), !cancel);
		assert_int_equal(path.path.len, cancel ? 0 : N);
		reach_one_free(&path);
	}
	assert_int_equal(err.code, ERR_CANCELLED);
	progress_rearm();
	graph_free(&graph);
	graph_free(&back);
	free(edges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_path_that_a_search_from_the_entries_finds),
		cmocka_unit_test(can_be_cancelled_on_a_long_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
