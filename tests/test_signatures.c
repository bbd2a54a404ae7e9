/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/signatures.h"

enum { N = 10 };

static uint16_t size[N];
static uint32_t type[N];
static uint8_t content[N];
static const uint32_t blocks[N] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static const struct heap heap = {
	.n_blocks = N, .n_nodes = N, .sizes = { .size = size }, .type = type,
	.content = content,
};

static uint32_t signature(struct signatures *all, uint64_t tag)
{
	struct err err = {0};
	uint32_t ret;

	assert_true(signature_of(all, &heap, blocks, N, tag, &ret, &err));
	return ret;
}

static void fill(uint16_t each)
{
	for (int i = 0; i < N; i++) {
		size[i] = each;
		type[i] = TYPE_NONE;
	}
}

static void sets_with_the_same_members_are_one(void **state)
{
	struct signatures all = {0};
	uint32_t first;

	(void)state;
	fill(24);
	first = signature(&all, 0);
	assert_int_equal(signature(&all, 0), first);
	assert_int_not_equal(signature(&all, 1), first);
	size[4] = 40;
	assert_int_not_equal(signature(&all, 0), first);
	signatures_free(&all);
}

static void a_set_is_called_after_its_largest_member(void **state)
{
	struct signatures all = {0};

	(void)state;
	fill(24);
	size[7] = 184;	/* less than nine times 24 */
	assert_true(signature_largest(&all, signature(&all, 0)) ==
		    block_key(&heap, 7, true));
	signatures_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_with_the_same_members_are_one),
		cmocka_unit_test(a_set_is_called_after_its_largest_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
