/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyze/block_index.h"
#include "tests/aid_graph.h"

enum { MAX_BLOCKS = 600 };

struct blocks {
	uint64_t addr[MAX_BLOCKS], size[MAX_BLOCKS];
	uint32_t n;
};

static uint32_t find_slowly(const struct blocks *b, uint64_t at)
{
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->addr[i] <= at && at - b->addr[i] < b->size[i])
			return i;
	}
	return NODE_NONE;
}

static uint32_t from_slowly(const struct blocks *b, uint64_t at)
{
	uint32_t i = 0;

	while (i < b->n && b->addr[i] < at)
		i++;
	return i;
}

static void ask(const struct block_index *index, const struct blocks *b,
		uint64_t at, size_t *hint)
{
	uint32_t expected = find_slowly(b, at);

	assert_int_equal(block_index_find(index, at), expected);
	assert_int_equal(block_index_near(index, at, hint), expected);
	assert_int_equal(block_index_from(index, at), from_slowly(b, at));
}

/* Ask at, just before and just after each border, and anywhere. */
static void ask_everything(const struct blocks *b, uint64_t *seed)
{
	struct block_index index;
	struct block_sizes sizes;
	struct err err = {0};
	size_t hint = random_below(seed, 4) ? 0 : SIZE_MAX;
	uint64_t low = b->n ? b->addr[0] : 0;
	uint64_t high = b->n ? b->addr[b->n - 1] + 4096 : 4096;

	assert_true(block_sizes_of(b->size, b->n, &sizes, &err));
	assert_true(block_index_build(b->addr, &sizes, b->n, &index, &err));
	ask(&index, b, 0, &hint);
	ask(&index, b, UINT64_MAX, &hint);
	for (uint32_t i = 0; i < b->n; i++) {
		for (uint64_t off = 0; off < 3; off++) {
			ask(&index, b, b->addr[i] + off - 1, &hint);
			ask(&index, b, b->addr[i] + b->size[i] + off - 1,
			    &hint);
		}
		ask(&index, b, (b->addr[i] | 511) + 1, &hint);
		ask(&index, b, low + random_next(seed) % (high - low), &hint);
	}
	block_index_free(&index);
	block_sizes_free(&sizes);
}

/* Each graph of sizes and gaps favours another scale. */
static void make_blocks(struct blocks *b, uint64_t *seed)
{
	uint64_t at = UINT64_C(0x555500000000) + random_below(seed, 10000);
	uint32_t gap_bits = random_below(seed, 9);
	uint32_t size_bits = random_below(seed, 12);

	b->n = random_below(seed, MAX_BLOCKS);
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t dice = random_below(seed, 64);
		uint32_t bits = dice == 0 ? 20 : dice == 1 ? 30 : size_bits;

		b->addr[i] = at;
		b->size[i] = random_below(seed, UINT32_C(1) << bits);
		at += b->size[i] ? b->size[i] : 1;
		dice = random_below(seed, 64);
		bits = dice == 0 ? 18 : dice == 1 ? 31 : gap_bits;
		at += random_below(seed, UINT32_C(1) << bits);
	}
}

static void random_blocks_are_found_as_by_linear_search(void **state)
{
	static struct blocks b;

	(void)state;
	for (uint64_t n = 1; n <= 300; n++) {
		uint64_t seed = n;

		if (n % 100 == 0)
			print_message("seed %u\n", (unsigned)n);
		make_blocks(&b, &seed);
		ask_everything(&b, &seed);
	}
}

static void an_empty_index_finds_nothing(void **state)
{
	struct blocks b = {0};
	uint64_t seed = 1;

	(void)state;
	ask_everything(&b, &seed);
}

static void the_ends_of_the_address_space_are_addresses_too(void **state)
{
	struct blocks b = {
		.addr = { 0, UINT64_MAX - 600, UINT64_MAX - 10 },
		.size = { 16, 100, 10 }, .n = 3,
	};
	uint64_t seed = 1;

	(void)state;
	ask_everything(&b, &seed);
}

static void a_huge_block_needs_no_table(void **state)
{
	struct blocks b = {
		.addr = { 4096, 4112, 4112 + (UINT64_C(1) << 61) },
		.size = { 16, UINT64_C(1) << 61, 100 }, .n = 3,
	};
	uint64_t seed = 1;

	(void)state;
	ask_everything(&b, &seed);
}

static void blocks_out_of_order_are_refused(void **state)
{
	const uint64_t addr[] = { 100, 110, UINT64_MAX - 4 };
	const uint64_t overlap[] = { 11, 1, 1 }, wrap[] = { 1, 1, 5 };
	struct block_sizes sizes;
	struct block_index index;
	struct err err = {0};

	(void)state;
	assert_true(block_sizes_of(overlap, 3, &sizes, &err));
	assert_false(block_index_build(addr, &sizes, 3, &index, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	assert_int_equal(err.offset, 110);
	err_clear(&err);
	block_sizes_free(&sizes);
	assert_true(block_sizes_of(wrap, 3, &sizes, &err));
	assert_false(block_index_build(addr, &sizes, 3, &index, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	assert_null(index.cells);
	block_sizes_free(&sizes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_blocks_are_found_as_by_linear_search),
		cmocka_unit_test(an_empty_index_finds_nothing),
		cmocka_unit_test(the_ends_of_the_address_space_are_addresses_too),
		cmocka_unit_test(a_huge_block_needs_no_table),
		cmocka_unit_test(blocks_out_of_order_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
