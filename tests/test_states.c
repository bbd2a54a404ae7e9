/* SPDX-License-Identifier: MIT */
/* States and leak groups of random heaps, told by searches of their own. */
#include "tests/aid_cmocka.h"

#include "analyze/lost_holder.h"
#include "analyze/states.h"
#include "tests/aid_random_heap.h"

enum { ROUNDS = 4000, MAX = RANDOM_NODES };

static bool holds(uint8_t kind)
{
	return kind != REF_WEAK && kind != REF_STALE;
}

static bool is_dead(const struct heap *heap, uint32_t node)
{
	return heap_is_root(heap, node) &&
	       heap_root(heap, node)->kind == ROOT_DEAD_STACK;
}

/* Until nothing changes: what @in reaches over kinds that @weak, @stale allow. */
static void spread(const struct random_heap *h, bool *in, bool weak, bool stale)
{
	uint32_t n = h->facts.heap.n_nodes;
	bool changed = true;

	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < n * n; i++) {
			const struct random_ref *r = &h->refs[i / n][i % n];

			if (!r->is_there || !in[i / n] || in[i % n] ||
			    (r->kind == REF_WEAK && !weak) ||
			    (r->kind == REF_STALE && !stale))
				continue;
			in[i % n] = changed = true;
		}
	}
}

static void naive_states(const struct random_heap *h, enum state *state)
{
	const struct heap *heap = &h->facts.heap;
	bool strong[MAX] = {0}, weak[MAX], stale[MAX];

	for (uint32_t i = heap->n_blocks; i < heap->n_nodes; i++)
		strong[i] = !is_dead(heap, i);
	spread(h, strong, false, false);
	memcpy(weak, strong, sizeof(weak));
	spread(h, weak, true, false);
	memcpy(stale, weak, sizeof(stale));
	for (uint32_t i = heap->n_blocks; i < heap->n_nodes; i++)
		stale[i] = true;
	spread(h, stale, true, true);
	for (uint32_t i = 0; i < heap->n_blocks; i++)
		state[i] = strong[i] ? STATE_REACHABLE :
			   weak[i] ? STATE_WEAK :
			   stale[i] ? STATE_STALE : STATE_LEAKED;
}

/* way[i][k]: k can be reached from i over references that hold. */
static void close_ways(const struct random_heap *h, bool way[MAX][MAX])
{
	uint32_t n = h->facts.heap.n_blocks;

	memset(way, 0, sizeof(bool) * MAX * MAX);
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < n; k++)
			way[i][k] = h->refs[i][k].is_there &&
				    holds(h->refs[i][k].kind);
	}
	for (uint32_t via = 0; via < n; via++) {
		for (uint32_t i = 0; i < n; i++) {
			for (uint32_t k = 0; k < n; k++)
				way[i][k] |= way[i][via] && way[via][k];
		}
	}
}

/* Whoever of the same verdict reaches it must be reached by it as well. */
static bool is_leak_root(const struct heap *heap, bool way[MAX][MAX],
			 uint32_t node)
{
	if (heap->state[node] == STATE_REACHABLE)
		return false;
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (heap->state[i] == heap->state[node] && way[i][node] &&
		    !way[node][i])
			return false;
	}
	return true;
}

/* Each leak root is in one group, nothing else is, and alike ones together. */
static void check_groups(const struct random_heap *h, bool way[MAX][MAX])
{
	const struct heap *heap = &h->facts.heap;
	const struct leaks *leaks = &h->facts.leaks;
	uint32_t group_of[MAX];

	memset(group_of, 0xff, sizeof(group_of));
	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		for (uint64_t i = leaks->rows[g]; i < leaks->rows[g + 1]; i++) {
			assert_int_equal(group_of[leaks->nodes[i]], NODE_NONE);
			group_of[leaks->nodes[i]] = g;
		}
	}
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		const struct leak_group *g;

		assert_int_equal(group_of[i] != NODE_NONE,
				 is_leak_root(heap, way, i));
		if (group_of[i] == NODE_NONE)
			continue;
		g = &leaks->groups[group_of[i]];
		assert_int_equal(g->verdict, heap->state[i]);
		assert_int_equal(g->cycle, way[i][i]);
		for (uint32_t k = 0; k < heap->n_blocks; k++) {
			/* One instance lies in one group ... */
			if (way[i][k] && way[k][i])
				assert_int_equal(group_of[i], group_of[k]);
		}
	}
}

/* Types of the members of the instance around @node, as a sorted text. */
static void describe(const struct heap *heap, bool way[MAX][MAX], uint32_t node,
		     char ret[MAX * 8])
{
	uint64_t keys[MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (i == node || (way[i][node] && way[node][i]))
			keys[n++] = heap->type[i] != TYPE_NONE ? heap->type[i] :
				    heap_size(heap, i) + 1000;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1; k < n; k++) {
			uint64_t swap = keys[i];

			if (keys[k] >= keys[i])
				continue;
			keys[i] = keys[k];
			keys[k] = swap;
		}
	}
	ret += sprintf(ret, "%d%d", heap->state[node], way[node][node]);
	for (size_t i = 0; i < n; i++)
		ret += sprintf(ret, " %u", (unsigned)keys[i]);
}

/* Two leak roots share a group just when they look alike; sums are right. */
static void check_signatures(const struct random_heap *h, bool way[MAX][MAX])
{
	const struct heap *heap = &h->facts.heap;
	const struct leaks *leaks = &h->facts.leaks;
	char text[MAX * 8], other[MAX * 8];

	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		uint64_t first = leaks->rows[g], end = leaks->rows[g + 1];
		uint64_t bytes = 0, instances = 0;

		describe(heap, way, leaks->nodes[first], text);
		for (uint64_t i = 0; i < leaks->rows[leaks->n_groups]; i++) {
			describe(heap, way, leaks->nodes[i], other);
			assert_int_equal(i >= first && i < end,
					 !strcmp(text, other));
		}
		for (uint64_t i = first; i < end; i++) {
			uint32_t node = leaks->nodes[i], before = 0;

			for (uint32_t k = 0; k < node; k++)
				before += way[k][node] && way[node][k];
			instances += before == 0;
			bytes += heap_size(heap, node);
		}
		assert_int_equal(leaks->groups[g].blocks, end - first);
		assert_int_equal(leaks->groups[g].bytes, bytes);
		assert_int_equal(leaks->groups[g].count, instances);
	}
}

static void check_totals(const struct random_heap *h)
{
	const struct heap *heap = &h->facts.heap;

	for (unsigned s = 0; s < N_STATES; s++) {
		uint64_t blocks = 0, bytes = 0;

		for (uint32_t i = 0; i < heap->n_blocks; i++) {
			blocks += heap->state[i] == s;
			bytes += heap->state[i] == s ? heap_size(heap, i) : 0;
		}
		assert_int_equal(h->facts.leaks.total[s].blocks, blocks);
		assert_int_equal(h->facts.leaks.total[s].bytes, bytes);
	}
}

/* What living roots and leak groups of these verdicts hold, one left out. */
static struct loss held_without(const struct random_heap *h,
				const bool verdicts[N_STATES], uint32_t without)
{
	const struct heap *heap = &h->facts.heap;
	const struct leaks *leaks = &h->facts.leaks;
	struct loss held = {0};
	bool in[MAX] = {0};

	for (uint32_t i = heap->n_blocks; i < heap->n_nodes; i++)
		in[i] = !is_dead(heap, i);
	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		for (uint64_t i = leaks->rows[g]; i < leaks->rows[g + 1]; i++)
			in[leaks->nodes[i]] = g != without &&
				verdicts[leaks->groups[g].verdict];
	}
	spread(h, in, false, false);
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		held.blocks += in[i];
		held.bytes += in[i] ? heap_size(heap, i) : 0;
	}
	return held;
}

/*
 * A group retains what is lost when it goes, among what the roots and groups
 * of its verdict and of lighter ones hold.
 */
static void check_retained(const struct random_heap *h)
{
	static const enum state order[] = { STATE_WEAK, STATE_STALE,
					    STATE_LEAKED };
	const struct facts *f = &h->facts;
	bool verdicts[N_STATES] = {0};
	uint64_t all = 0;

	for (int v = 0; v < 3; v++) {
		verdicts[order[v]] = true;
		for (uint32_t g = 0; g < f->leaks.n_groups; g++) {
			struct loss with, without;

			if (f->leaks.groups[g].verdict != order[v])
				continue;
			with = held_without(h, verdicts, NODE_NONE);
			without = held_without(h, verdicts, g);
			assert_int_equal(facts_group_retained(f, g),
					 with.bytes - without.bytes);
			assert_int_equal(facts_group_blocks(f, g),
					 with.blocks - without.blocks);
		}
	}
	for (uint32_t i = 0; i < f->heap.n_blocks; i++)
		all += heap_size(&f->heap, i);
	assert_int_equal(held_without(h, verdicts, NODE_NONE).bytes, all);
	assert_int_equal(f->dom.retained[dom_root(&f->dom)], all);
}

/* The word that is shown leads to a block of the group, unless it lies in a
 * register, which has no address. */
static void check_word(const struct heap *heap, const struct leaks *leaks,
		       uint32_t g)
{
	struct lost_holder word = lost_holder_of(heap, &leaks->groups[g]);
	uint32_t to = word.known ? heap_find(heap, word.value) : NODE_NONE;
	bool found = false;

	assert_int_equal(word.known,
			 leaks->groups[g].held_offset != UINT64_MAX);
	for (uint64_t i = leaks->rows[g]; i < leaks->rows[g + 1]; i++)
		found |= leaks->nodes[i] == to;
	assert_int_equal(found, word.known);
}

/* A stale or weak group names a live holder, and the word is there. */
static void check_holders(const struct random_heap *h)
{
	const struct heap *heap = &h->facts.heap;
	const struct leaks *leaks = &h->facts.leaks;

	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		const struct leak_group *group = &leaks->groups[g];
		bool found = false;

		if (group->verdict == STATE_LEAKED) {
			assert_int_equal(group->held_by, NODE_NONE);
			continue;
		}
		assert_in_range(group->held_by, 0, heap->n_nodes - 1);
		for (uint64_t i = leaks->rows[g]; i < leaks->rows[g + 1]; i++) {
			const struct random_ref *r =
				&h->refs[group->held_by][leaks->nodes[i]];

			if (!r->is_there || holds(r->kind))
				continue;
			found |= heap_is_root(heap, group->held_by) &&
				 heap_root(heap, group->held_by)->addr == 0 ?
				 group->held_offset == UINT64_MAX :
				 group->held_offset == r->slot * 8;
		}
		assert_true(found);
		check_word(heap, leaks, g);
		if (!heap_is_root(heap, group->held_by))
			assert_int_not_equal(heap->state[group->held_by],
					     STATE_LEAKED);
	}
}

static void states_and_leaks_agree_with_naive_searches(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		static struct random_heap h;
		static bool way[MAX][MAX];
		enum state want[MAX];
		struct err err = {0};

		random_heap_make(&seed, &h);
		assert_true(states_build(&h.facts.heap, &err));
		naive_states(&h, want);
		for (uint32_t i = 0; i < h.facts.heap.n_blocks; i++)
			assert_int_equal(h.facts.heap.state[i], want[i]);
		assert_true(facts_conclude(&h.facts, &err));
		close_ways(&h, way);
		check_groups(&h, way);
		check_signatures(&h, way);
		check_totals(&h);
		check_retained(&h);
		check_holders(&h);
		random_heap_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_and_leaks_agree_with_naive_searches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
