/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/cycles.h"
#include "tests/aid_dom_problem.h"
#include "tests/aid_graph.h"

enum { MAX = 32, KINDS = REF_HOLDING & ~(1 << REF_META), FAR_AWAY = 1000 };

/* A heap of untyped blocks, which differ in their sizes alone. */
struct small_heap {
	struct dom_problem problem;
	struct heap heap;
	uint32_t type[MAX];
	uint8_t state[MAX], content[MAX];
	uint32_t steps[MAX][MAX];	/* of the shortest way, 1 or more */
};

static void find_steps(struct small_heap *h)
{
	const struct graph *g = &h->problem.graph;

	for (uint32_t i = 0; i < MAX; i++) {
		for (uint32_t j = 0; j < MAX; j++)
			h->steps[i][j] = FAR_AWAY;
	}
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		for (uint64_t e = graph_row(g, i),
		     end = graph_row(g, i + 1); e < end; e++) {
			if (KINDS >> g->kind[e] & 1)
				h->steps[i][g->target[e]] = 1;
		}
	}
	for (uint32_t k = 0; k < MAX; k++) {
		for (uint32_t i = 0; i < MAX; i++) {
			for (uint32_t j = 0; j < MAX; j++) {
				uint32_t n = h->steps[i][k] + h->steps[k][j];

				if (n < h->steps[i][j])
					h->steps[i][j] = n;
			}
		}
	}
}

static void make_heap(struct small_heap *h, uint64_t *seed)
{
	struct dom_problem *p = &h->problem;
	uint8_t reached[MAX + 1 + MAX_GROUPS];
	struct graph flow;
	uint32_t n;

	memset(h, 0, sizeof(*h));
	dom_problem_make(p, seed, MAX);
	n = p->graph.n_nodes;
	p->spec.kinds = REF_HOLDING;
	p->spec.members = NULL;
	p->spec.n_bytes = n;
	flow = dom_problem_flow(&p->spec);
	mark_reached(&flow, n, NULL, 0, reached);
	graph_free(&flow);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(block_set_size(&p->sizes, i, 16 *
					   (1 + random_below(seed, 3))));
		h->type[i] = TYPE_NONE;
		h->state[i] = reached[i] ? STATE_REACHABLE : STATE_LEAKED;
	}
	h->heap = (struct heap){
		.n_blocks = n, .n_nodes = n, .sizes = p->sizes,
		.type = h->type, .state = h->state, .content = h->content,
		.refs = p->graph,
	};
	find_steps(h);
}

static bool in_cycle(const struct small_heap *h, uint32_t i)
{
	return h->steps[i][i] < FAR_AWAY;
}

static bool same_cycle(const struct small_heap *h, uint32_t i, uint32_t j)
{
	return i == j || (h->steps[i][j] < FAR_AWAY &&
			  h->steps[j][i] < FAR_AWAY);
}

/* The fate of the cycle that @i is in, and how many of each size it has. */
struct fate {
	uint8_t state;
	uint32_t of_size[3];
};

static struct fate fate_of(const struct small_heap *h, uint32_t i)
{
	struct fate fate;

	memset(&fate, 0, sizeof(fate));
	fate.state = h->state[i];
	for (uint32_t j = 0; j < h->heap.n_blocks; j++)
		fate.of_size[heap_size(&h->heap, j) / 16 - 1] +=
			same_cycle(h, i, j);
	return fate;
}

static void check_members(const struct cycles *cycles, uint32_t g,
			  const struct fate *fate)
{
	const struct signature *sig = &cycles->signatures.at.at[g];
	uint32_t found[3] = {0};

	for (size_t i = 0; i < sig->n_members; i++) {
		const struct signature_member *m =
			&cycles->signatures.members.at[sig->first_member + i];

		found[block_key_size(m->key) / 16 - 1] = (uint32_t)m->count;
	}
	assert_memory_equal(found, fate->of_size, sizeof(found));
}

/* The way goes round, and none through its kind of start is shorter. */
static void check_way(const struct small_heap *h, const struct cycles *cycles,
		      uint32_t g)
{
	const struct cycle_group *group = &cycles->groups[g];
	const uint32_t *way = cycles->steps.at + group->first_step;
	const uint32_t *block = cycles->node + cycles->row[g];
	size_t n = (size_t)(group->blocks / group->count);
	uint32_t shortest = FAR_AWAY;
	bool tried[3] = {0};

	for (size_t i = 0; i < group->n_steps; i++) {
		uint32_t next = way[(i + 1) % group->n_steps];

		assert_int_equal(h->steps[way[i]][next], 1);
		assert_true(same_cycle(h, way[i], block[0]));
	}
	for (size_t i = 0; i < n; i++) {
		bool *done = &tried[heap_size(&h->heap, block[i]) / 16 - 1];

		if (!*done && h->steps[block[i]][block[i]] < shortest)
			shortest = h->steps[block[i]][block[i]];
		*done = true;
	}
	assert_int_equal(group->n_steps, shortest);
}

static void check_group(const struct small_heap *h,
			const struct cycles *cycles, uint32_t g)
{
	const struct cycle_group *group = &cycles->groups[g];
	const uint32_t *block = cycles->node + cycles->row[g];
	struct fate fate = fate_of(h, block[0]);
	uint64_t blocks = 0, bytes = 0, lowest = 0;

	for (uint32_t i = 0; i < h->heap.n_blocks; i++) {
		struct fate other = fate_of(h, i);
		bool first = true, listed = false;

		for (uint64_t m = 0; m < group->blocks; m++)
			listed = listed || block[m] == i;
		assert_int_equal(listed, in_cycle(h, i) &&
				 !memcmp(&other, &fate, sizeof(fate)));
		for (uint32_t j = 0; j < i; j++)
			first = first && !same_cycle(h, i, j);
		blocks += listed;
		bytes += listed ? heap_size(&h->heap, i) : 0;
		lowest += listed && first;
	}
	assert_int_equal(group->blocks, blocks);
	assert_int_equal(cycles->row[g + 1] - cycles->row[g], blocks);
	assert_int_equal(group->bytes, bytes);
	assert_int_equal(group->count, lowest);
	assert_int_equal(group->reachable, fate.state == STATE_REACHABLE);
	assert_true(group->exact);
	assert_int_equal(group->retained,
			 removed_bytes(&h->problem.spec, block,
				       group->blocks));
	check_members(cycles, g, &fate);
	check_way(h, cycles, g);
}

static void random_heaps_agree_with_what_anybody_would_count(void **state)
{
	static struct small_heap h;
	uint64_t n_groups = 0, n_blocks = 0;

	(void)state;
	for (uint64_t n = 1; n <= 1500; n++) {
		uint64_t seed = n, listed = 0;
		struct dominators dom;
		struct cycles cycles;
		struct err err = {0};

		if (n % 500 == 0)
			print_message("seed %u\n", (unsigned)n);
		graph_set_wide_from(n % 2);
		make_heap(&h, &seed);
		assert_true(dom_build(&h.problem.spec, &dom, &err));
		assert_true(cycles_build(&h.heap, &h.problem.spec, &dom,
					 &cycles, &err));
		for (uint32_t g = 0; g < cycles.n_groups; g++) {
			check_group(&h, &cycles, g);
			listed += cycles.groups[g].blocks;
		}
		for (uint32_t i = 0; i < h.heap.n_blocks; i++)
			listed -= in_cycle(&h, i);
		assert_int_equal(listed, 0);
		n_groups += cycles.n_groups;
		n_blocks += h.heap.n_blocks;
		cycles_free(&cycles);
		dom_free(&dom);
		dom_problem_free(&h.problem);
	}
	graph_set_wide_from(0);
	assert_true(n_groups > 500 && n_blocks > n_groups);
}

/* A ring of 300,000 blocks, of which one refers to itself. */
static void a_long_ring_has_a_short_way_where_there_is_one(void **state)
{
	enum { N = 300000, ODD = 70000 };
	struct edge *edges = calloc(N + 1, sizeof(*edges));
	uint32_t *type = calloc(N, sizeof(*type)), entry = 5;
	uint8_t *zeros = calloc(N, 1);
	struct dom_tier tier = { &entry, 1 };
	struct heap heap = {
		.n_blocks = N, .n_nodes = N, .type = type,
		.state = zeros, .content = zeros,
	};
	struct dom_spec spec = { .kinds = REF_HOLDING, .tiers = &tier,
				 .n_tiers = 1, .sizes = &heap.sizes,
				 .n_bytes = N };
	struct dominators dom;
	struct cycles cycles;
	struct err err = {0};

	(void)state;
	assert_true(edges && type && zeros);
	assert_true(block_sizes_init(&heap.sizes, N));
	for (uint32_t i = 0; i < N; i++) {
		edges[i] = (struct edge){ .from = i, .to = (i + 1) % N };
		assert_true(block_set_size(&heap.sizes, i,
					   i == ODD ? 48 : 32));
		type[i] = TYPE_NONE;
	}
	edges[N] = (struct edge){ .from = ODD, .to = ODD };
	heap.refs = graph_of(N, edges, N + 1);
	spec.graph = &heap.refs;
	assert_true(dom_build(&spec, &dom, &err));
	assert_true(cycles_build(&heap, &spec, &dom, &cycles, &err));
	assert_int_equal(cycles.n_groups, 1);
	assert_int_equal(cycles.groups[0].count, 1);
	assert_int_equal(cycles.groups[0].blocks, N);
	/* Its title is the largest member, however many others there are. */
	assert_int_equal(block_key_size(cycles.groups[0].key), 48);
	assert_int_equal(cycles.groups[0].retained, 32 * N + 16);
	assert_int_equal(cycles.groups[0].n_steps, 1);
	assert_int_equal(cycles.steps.at[cycles.groups[0].first_step], ODD);
	assert_true(cycles.groups[0].reachable);
	cycles_free(&cycles);
	dom_free(&dom);
	graph_free(&heap.refs);
	free(edges);
	block_sizes_free(&heap.sizes);
	free(type);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			random_heaps_agree_with_what_anybody_would_count),
		cmocka_unit_test(
			a_long_ring_has_a_short_way_where_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
