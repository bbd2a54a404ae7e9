/* SPDX-License-Identifier: MIT */
/* Paths to blocks: real, shortest in their round, and merged. */
#include "tests/aid_cmocka.h"

#include "analyze/retainers.h"
#include "analyze/states.h"
#include "tests/aid_graph.h"
#include "tests/aid_heap.h"
#include "tests/aid_random_heap.h"

enum { ROUNDS = 3000, MAX = RANDOM_NODES, N_ROUNDS = 4 };

/* Roots with names, other roots, dead stacks, leak roots: the order asked. */
static int round_of(const struct root *root)
{
	return root->kind == ROOT_DEAD_STACK ? 2 :
	       root->kind <= ROOT_DATA ? 0 : 1;
}

static bool counts(uint8_t kind, int round)
{
	return round == 2 || (kind != REF_WEAK && kind != REF_STALE);
}

/* Steps from the entries of @round, by relaxing; what earlier ones took is out. */
static void search(const struct random_heap *h, int round, int *taken,
		   int *depth)
{
	const struct facts *f = &h->facts;
	uint32_t n = f->heap.n_nodes;
	bool changed = true;
	int found[MAX];

	memset(found, 0xff, sizeof(found));
	for (uint32_t i = f->heap.n_blocks; i < n; i++) {
		if (round_of(heap_root(&f->heap, i)) == round)
			found[i] = 0;
	}
	for (uint64_t i = 0; round == 3 && i < f->leaks.rows[f->leaks.n_groups];
	     i++)
		if (taken[f->leaks.nodes[i]] < 0)
			found[f->leaks.nodes[i]] = 0;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < n * n; i++) {
			const struct random_ref *r = &h->refs[i / n][i % n];
			int *from = &found[i / n], *to = &found[i % n];

			if (!r->is_there || *from < 0 || taken[i % n] >= 0 ||
			    !counts(r->kind, round) ||
			    (*to >= 0 && *to <= *from + 1))
				continue;
			*to = *from + 1;
			changed = true;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		if (found[i] < 0)
			continue;
		taken[i] = round;
		depth[i] = found[i];
	}
}

static const char *want_field(const struct random_heap *h, uint32_t from,
			      uint32_t to, char buf[32])
{
	const struct heap *heap = &h->facts.heap;
	uint32_t slot = h->refs[from][to].slot;

	if (heap_is_root(heap, from) && heap_root(heap, from)->addr == 0)
		return "";
	snprintf(buf, 32, !heap_is_root(heap, from) &&
		 heap->type[from] != TYPE_NONE ? "f%u" : "+0x%x",
		 !heap_is_root(heap, from) && heap->type[from] != TYPE_NONE ?
		 slot : slot * 8);
	return buf;
}

/* A path that is looked for in the heap itself. */
struct follow {
	const struct random_heap *h;
	const struct retainer_step *steps;
	size_t n;
	const int *taken;
	uint32_t target;
	bool seen[MAX][MAX + 1];
};

/* May @node be what step @i stands for? */
static bool step_fits(const struct follow *f, uint32_t node, size_t i)
{
	const struct heap *heap = &f->h->facts.heap;
	uint64_t key = heap_is_root(heap, node) ? node :
		       block_key(heap, node, false);

	return i < f->n && f->steps[i].key == key;
}

/*
 * Is there a way from a node whose step is @i to the target, over nodes of the
 * same round and steps as told, repeating where it says so? Depth first.
 */
static bool leads(struct follow *f, uint32_t at, size_t i)
{
	uint32_t n = f->h->facts.heap.n_nodes;

	if (i == f->n)
		return at == f->target;
	if (!step_fits(f, at, i) || f->seen[at][i])
		return false;
	f->seen[at][i] = true;
	for (uint32_t to = 0; to < n; to++) {
		const struct random_ref *r = &f->h->refs[at][to];
		char buf[32];

		if (!r->is_there || f->taken[to] != f->taken[f->target] ||
		    !counts(r->kind, f->taken[to]) ||
		    strcmp(f->steps[i].field, want_field(f->h, at, to, buf)))
			continue;
		if (leads(f, to, i + 1) ||
		    (f->steps[i].repeats && leads(f, to, i)))
			return true;
	}
	return false;
}

/* From an entry of its round: of leak roots alike any may be the one. */
static bool begins_somewhere(struct follow *f, const int *depth)
{
	for (uint32_t i = 0; i < f->h->facts.heap.n_nodes; i++) {
		if (f->taken[i] == f->taken[f->target] && depth[i] == 0 &&
		    leads(f, i, 0))
			return true;
	}
	return false;
}

static void check_path(const struct random_heap *h, const struct retainers *ret,
		       const struct retainer_path *p, const int *taken,
		       const int *depth)
{
	static struct follow f;
	bool repeats = false;

	f = (struct follow){
		.h = h, .steps = ret->steps.at + p->first_step,
		.n = p->n_steps, .taken = taken, .target = p->target,
	};
	for (size_t i = 0; i < f.n; i++)
		repeats |= f.steps[i].repeats;
	if (repeats)
		assert_in_range(f.n, 1, depth[p->target]);
	else
		assert_int_equal(f.n, depth[p->target]);
	if (f.n == 0) {
		assert_int_equal(taken[p->target], 3);
		return;
	}
	for (size_t i = 0; i < f.n; i++)
		assert_true(step_fits(&f, f.steps[i].node, i));
	assert_true(begins_somewhere(&f, depth));
}

static void check_round(struct random_heap *h, uint64_t *seed)
{
	const struct heap *heap = &h->facts.heap;
	uint32_t targets[MAX];
	int taken[MAX], depth[MAX];
	struct retainers ret;
	struct err err = {0};
	uint64_t sum = 0;
	size_t n = 0;

	memset(taken, 0xff, sizeof(taken));
	memset(depth, 0xff, sizeof(depth));
	for (int r = 0; r < N_ROUNDS; r++)
		search(h, r, taken, depth);
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		assert_int_not_equal(taken[i], -1);
		if (random_below(seed, 2))
			targets[n++] = i;
	}
	assert_true(retainers_build(&h->facts, targets, n, &ret, &err));
	for (size_t i = 0; i < ret.paths.len; i++) {
		const struct retainer_path *p = &ret.paths.at[i];

		assert_true(i == 0 || p[-1].count >= p->count);
		sum += p->count;
		check_path(h, &ret, p, taken, depth);
	}
	assert_int_equal(sum, n);
	retainers_free(&ret);
	/* One alone is searched in another way. */
	for (size_t i = 0; i < n; i++) {
		assert_true(retainers_build(&h->facts, &targets[i], 1, &ret,
					    &err));
		assert_int_equal(ret.paths.len, 1);
		check_path(h, &ret, &ret.paths.at[0], taken, depth);
		retainers_free(&ret);
	}
}

static void paths_are_real_and_shortest_and_count_every_target(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		static struct random_heap h;
		struct err err = {0};

		random_heap_make(&seed, &h);
		assert_true(states_build(&h.facts.heap, &err));
		assert_true(facts_conclude(&h.facts, &err));
		check_round(&h, &seed);
		random_heap_free(&h);
	}
}

/* A list of @n nodes of 24 bytes, held by app:list, or by nothing. */
static void make_list(struct facts *f, uint32_t n, bool held)
{
	enum { RW = PERM_READ | PERM_WRITE };
	const uint64_t at = 0x10000000;
	struct chunk *chunks = calloc(n, sizeof(*chunks));
	struct edge *edges = calloc(n + 1, sizeof(*edges));
	struct root root = {
		.name = "app:list", .addr = 0x5000, .size = 8,
		.type = TYPE_NONE, .thread = UINT32_MAX, .kind = ROOT_VARIABLE,
	};
	struct made_member next = { "next", 0, 8, 0 };
	size_t n_edges = 0;
	uint32_t type;

	*f = (struct facts){0};
	made_image(&f->image);
	made_memory(&f->image, 0x5000, 0x6000, RW, "/bin/app");
	made_memory(&f->image, at, (at + n * 32 + 0xfff) & ~UINT64_C(0xfff),
		    RW, "[heap]");
	next.type = made_pointer(&f->image, TYPE_NONE);
	type = made_struct(&f->image, "node", 24, &next, 1);
	made_word(&f->image, 0x5000, at);
	for (uint32_t i = 0; i < n; i++) {
		chunks[i] = (struct chunk){ at + i * 32, 24 };
		if (i + 1 == n)
			continue;
		made_word(&f->image, at + i * 32 + 8, at + (i + 1) * 32);
		edges[n_edges++] = (struct edge){ i, i + 1, REF_STRONG };
	}
	made_heap(&f->image, chunks, n, &f->heap);
	made_root(&f->heap, &root);
	edges[n_edges] = (struct edge){ n, 0, REF_STRONG };
	for (uint32_t i = 0; i < n; i++) {
		f->heap.type[i] = type;
		heap_set_count(&f->heap, i, 1);
	}
	made_refs(&f->heap, graph_of(n + 1, edges, n_edges + held));
	free(chunks);
	free(edges);
}

static void a_long_list_is_one_path_with_a_step_that_repeats(void **state)
{
	enum { N = 200000 };
	uint32_t *targets = calloc(N, sizeof(*targets));
	const struct retainer_step *steps;
	struct timespec start, end;
	struct retainers ret;
	struct facts facts;
	struct err err = {0};

	(void)state;
	make_list(&facts, N, true);
	assert_true(states_build(&facts.heap, &err));
	assert_true(facts_conclude(&facts, &err));
	/* All but the first, to which another path leads. */
	for (uint32_t i = 0; i < N; i++)
		targets[i] = N - 1 - i;
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_true(retainers_build(&facts, targets, N - 1, &ret, &err));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(ret.paths.len, 1);
	assert_int_equal(ret.paths.at[0].count, N - 1);
	assert_int_equal(ret.paths.at[0].target, N - 1);
	assert_int_equal(ret.paths.at[0].n_steps, 2);
	steps = ret.steps.at + ret.paths.at[0].first_step;
	assert_int_equal(steps[0].node, N);
	assert_string_equal(steps[0].field, "");
	assert_false(steps[0].repeats);
	assert_int_equal(steps[1].node, 0);
	assert_string_equal(steps[1].field, "next");
	assert_true(steps[1].repeats);
	/* A walk from each target to the root would take minutes. */
	assert_in_range(end.tv_sec - start.tv_sec, 0, 10);
	retainers_free(&ret);
	facts_close(&facts);
	free(targets);
}

static void what_is_lost_is_reached_from_its_leak_root(void **state)
{
	const uint32_t targets[] = { 0, 3 };
	struct retainers ret;
	struct facts facts;
	struct err err = {0};

	(void)state;
	make_list(&facts, 4, false);
	assert_true(states_build(&facts.heap, &err));
	assert_true(facts_conclude(&facts, &err));
	assert_true(retainers_build(&facts, targets, 2, &ret, &err));
	assert_int_equal(ret.paths.len, 2);
	assert_int_equal(ret.paths.at[0].target, 0);
	assert_int_equal(ret.paths.at[0].n_steps, 0);
	assert_int_equal(ret.paths.at[1].target, 3);
	assert_int_equal(ret.paths.at[1].n_steps, 1);
	assert_int_equal(ret.steps.at[ret.paths.at[1].first_step].node, 0);
	assert_true(ret.steps.at[ret.paths.at[1].first_step].repeats);
	retainers_free(&ret);
	facts_close(&facts);
}

static void no_targets_have_no_paths(void **state)
{
	struct retainers ret;
	struct facts facts;
	struct err err = {0};

	(void)state;
	make_list(&facts, 4, true);
	assert_true(states_build(&facts.heap, &err));
	assert_true(facts_conclude(&facts, &err));
	assert_true(retainers_build(&facts, NULL, 0, &ret, &err));
	assert_int_equal(ret.paths.len, 0);
	retainers_free(&ret);
	facts_close(&facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_real_and_shortest_and_count_every_target),
		cmocka_unit_test(a_long_list_is_one_path_with_a_step_that_repeats),
		cmocka_unit_test(what_is_lost_is_reached_from_its_leak_root),
		cmocka_unit_test(no_targets_have_no_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
