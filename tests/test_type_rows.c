/* SPDX-License-Identifier: MIT */
/* The histogram of types against sums over every block and every ancestor. */
#include "tests/aid_cmocka.h"

#include "analyze/states.h"
#include "analyze/type_blocks.h"
#include "analyze/type_rows.h"
#include "tests/aid_random_heap.h"

enum { ROUNDS = 2000 };

/* Is there a block of the same row above @node in the tree? */
static bool is_below_its_like(const struct facts *f, uint32_t node)
{
	uint64_t key = block_key(&f->heap, node, false);

	for (uint32_t up = dom_idom(&f->dom, node); up != dom_root(&f->dom);
	     up = dom_idom(&f->dom, up)) {
		if (up < f->heap.n_blocks &&
		    block_key(&f->heap, up, false) == key)
			return true;
	}
	return false;
}

static void check_row(const struct facts *f, const struct type_row *row)
{
	struct type_row want = { .key = row->key };

	for (uint32_t i = 0; i < f->heap.n_blocks; i++) {
		bool leaked = f->heap.state[i] == STATE_LEAKED;

		if (block_key(&f->heap, i, false) != row->key)
			continue;
		want.count++;
		want.bytes += heap_size(&f->heap, i);
		want.leaked_count += leaked;
		want.leaked_bytes += leaked ? heap_size(&f->heap, i) : 0;
		if (!is_below_its_like(f, i))
			want.retained += f->dom.retained[i];
	}
	assert_int_equal(row->count, want.count);
	assert_int_equal(row->bytes, want.bytes);
	assert_int_equal(row->leaked_count, want.leaked_count);
	assert_int_equal(row->leaked_bytes, want.leaked_bytes);
	assert_int_equal(row->retained, want.retained);
}

/* Exactly the blocks with the key, in order. */
static void check_blocks(const struct heap *heap, uint64_t key)
{
	struct type_blocks blocks;
	struct err err = {0};
	uint64_t n = 0;

	assert_true(type_blocks_build(heap, key, &blocks, &err));
	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		if (block_key(heap, i, false) != key)
			continue;
		assert_true(n < blocks.n);
		assert_int_equal(blocks.nodes[n++], i);
	}
	assert_int_equal(blocks.n, n);
	type_blocks_free(&blocks);
}

static void rows_are_the_sums_over_their_blocks(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		static struct random_heap h;
		struct facts *f = &h.facts;
		struct type_rows rows;
		struct err err = {0};
		uint64_t blocks = 0;

		random_heap_make(&seed, &h);
		assert_true(states_build(&f->heap, &err));
		assert_true(facts_conclude(f, &err));
		assert_true(type_rows_build(&f->heap, &f->dom, &rows, &err));
		for (size_t i = 0; i < rows.len; i++) {
			const struct type_row *row = &rows.at[i];

			assert_true(i == 0 || row[-1].bytes > row->bytes ||
				    (row[-1].bytes == row->bytes &&
				     row[-1].key < row->key));
			check_row(f, row);
			check_blocks(&f->heap, row->key);
			blocks += row->count;
		}
		assert_int_equal(blocks, f->heap.n_blocks);
		type_rows_free(&rows);
		random_heap_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_sums_over_their_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
