/* SPDX-License-Identifier: MIT */
/*
 * Answers of several allocators, laid side by side. The allocators are made
 * here: this file brings its own table of them.
 */
#include "tests/aid_cmocka.h"

#include "analyze/walk_all.h"

struct answer {
	bool found, fails;
	enum err_code code;	/* of a failure */
	struct chunk blocks[8], free[4];
	size_t n_blocks, n_free;
	struct extent extents[4];
	size_t n_extents;
};

static struct answer first, second;

static bool answer_probe(const struct answer *a, struct allocator_finding *ret)
{
	ret->found = a->found;
	ret->version = "1.0";
	ret->mapped_bytes = 4096;
	for (size_t i = 0; i < a->n_extents; i++)
		assert_true(vec_push(&ret->extents, a->extents[i]));
	return true;
}

static bool answer_walk(const struct answer *a, struct allocation_list *ret,
			struct err *err)
{
	if (a->fails)
		return err_set(err, a->code, "damaged");
	for (size_t i = 0; i < a->n_blocks; i++)
		assert_true(vec_push(&ret->blocks, a->blocks[i]));
	for (size_t i = 0; i < a->n_free; i++)
		assert_true(vec_push(&ret->free, a->free[i]));
	for (size_t i = 0; i < a->n_extents; i++)
		assert_true(vec_push(&ret->extents, a->extents[i]));
	return true;
}

static bool probe_first(const struct image *image, struct arena *arena,
			struct allocator_finding *ret, struct err *err)
{
	(void)image;
	(void)arena;
	(void)err;
	return answer_probe(&first, ret);
}

static bool probe_second(const struct image *image, struct arena *arena,
			 struct allocator_finding *ret, struct err *err)
{
	(void)image;
	(void)arena;
	(void)err;
	return answer_probe(&second, ret);
}

static bool walk_first(const struct image *image,
		       const struct allocator_finding *finding,
		       struct allocation_list *ret, struct diag *diag,
		       struct err *err)
{
	(void)image;
	(void)finding;
	(void)diag;
	return answer_walk(&first, ret, err);
}

static bool walk_second(const struct image *image,
			const struct allocator_finding *finding,
			struct allocation_list *ret, struct diag *diag,
			struct err *err)
{
	(void)image;
	(void)finding;
	(void)diag;
	return answer_walk(&second, ret, err);
}

static const struct allocator alloc_first = {
	.name = "first", .probe = probe_first, .walk = walk_first,
};
static const struct allocator alloc_second = {
	.name = "second", .probe = probe_second, .walk = walk_second,
};

const struct allocator *const allocators[] = { &alloc_first, &alloc_second,
					       NULL };

/* Beside the table in analyze/allocators.c, which this one replaces. */
void allocation_list_free(struct allocation_list *list)
{
	vec_free(&list->blocks);
	vec_free(&list->free);
	vec_free(&list->extents);
	vec_free(&list->state);
}

static struct image image;
static struct heap heap;

static int set_up(void **state)
{
	(void)state;
	first = second = (struct answer){0};
	image = (struct image){0};
	heap = (struct heap){ .image = &image };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	heap_free(&heap);
	return 0;
}

static void walk(void)
{
	struct err err = {0};

	assert_true(walk_all(&heap, &err));
}

static void blocks_of_all_are_in_address_order(void **state)
{
	(void)state;
	first = (struct answer){ .found = true, .n_blocks = 3,
		.blocks = { { 0x3000, 16 }, { 0x1000, 32 }, { 0x1020, 8 } },
		.n_free = 1, .free = { { 0x2000, 64 } } };
	second = (struct answer){ .found = true, .n_blocks = 1,
		.blocks = { { 0x2800, 24 } } };
	walk();
	assert_int_equal(heap.n_blocks, 4);
	assert_int_equal(heap.addr[0], 0x1000);
	assert_int_equal(heap.addr[1], 0x1020);
	assert_int_equal(heap.addr[2], 0x2800);
	assert_int_equal(heap.owner[2], 1);
	assert_int_equal(heap.addr[3], 0x3000);
	assert_int_equal(heap.type[3], TYPE_NONE);
	assert_int_equal(heap_find(&heap, 0x2810), 2);
	assert_int_equal(heap_find(&heap, 0x2818), NODE_NONE);
	assert_int_equal(heap.n_free, 1);
	assert_int_equal(heap.allocators.len, 2);
	assert_int_equal(heap.allocators.at[0].live_blocks, 3);
	assert_int_equal(heap.allocators.at[0].live_bytes, 56);
	assert_int_equal(heap.allocators.at[0].free_bytes, 64);
	assert_true(heap.allocators.at[1].understood);
}

static void of_blocks_that_overlap_the_first_stays(void **state)
{
	(void)state;
	first = (struct answer){ .found = true, .n_blocks = 5,
		.blocks = { { 0x1000, 64 }, { 0x1020, 8 }, { 0x1040, 8 },
			    { 0x1044, 100 }, { UINT64_MAX - 8, 64 } } };
	walk();
	assert_int_equal(heap.n_blocks, 2);
	assert_int_equal(heap.addr[0], 0x1000);
	assert_int_equal(heap.addr[1], 0x1040);
	assert_int_equal(heap.diag.len, 1);
	assert_int_equal(heap.diag.at[0].count, 3);
}

static void extents_meet_and_the_first_claim_stands(void **state)
{
	(void)state;
	first = (struct answer){ .found = true, .n_extents = 3,
		.extents = { { 0x2000, 0x3000 }, { 0x1000, 0x2000 },
			     { 0x9000, 0x8000 } } };
	second = (struct answer){ .found = true, .n_extents = 2,
		.extents = { { 0x2800, 0x4000 }, { 0x2000, 0x2800 } } };
	walk();
	assert_int_equal(heap.extents.len, 2);
	assert_int_equal(heap.extents.at[0].start, 0x1000);
	assert_int_equal(heap.extents.at[0].end, 0x3000);
	assert_int_equal(heap.extents.at[0].allocator, 0);
	assert_int_equal(heap.extents.at[1].start, 0x3000);
	assert_int_equal(heap.extents.at[1].end, 0x4000);
	assert_int_equal(heap.extents.at[1].allocator, 1);
}

/* Its memory is known and said not to be understood; the rest goes on. */
static void one_that_cannot_be_walked_stops_no_other(void **state)
{
	(void)state;
	first = (struct answer){ .found = true, .fails = true,
		.code = ERR_FORMAT, .n_extents = 1,
		.extents = { { 0x1000, 0x2000 } } };
	second = (struct answer){ .found = true, .n_blocks = 1,
		.blocks = { { 0x5000, 24 } } };
	walk();
	assert_int_equal(heap.n_blocks, 1);
	assert_false(heap.allocators.at[0].understood);
	assert_int_equal(heap.allocators.at[0].mapped_bytes, 4096);
	assert_int_equal(heap.extents.len, 1);
	assert_int_equal(heap.extents.at[0].allocator, 0);
	assert_int_equal(heap.diag.len, 1);
}

static void a_cancelled_walk_stops_all(void **state)
{
	struct err err = {0};

	(void)state;
	first = (struct answer){ .found = true, .fails = true,
				 .code = ERR_CANCELLED };
	assert_false(walk_all(&heap, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
}

static void what_is_not_found_is_not_listed(void **state)
{
	(void)state;
	first = (struct answer){ .n_blocks = 1, .blocks = { { 0x1000, 8 } } };
	walk();
	assert_int_equal(heap.n_blocks, 0);
	assert_int_equal(heap.allocators.len, 0);
	assert_int_equal(heap_find(&heap, 0x1000), NODE_NONE);
}

static void blocks_without_bytes_do_not_share_an_address(void **state)
{
	(void)state;
	first = (struct answer){ .found = true, .n_blocks = 4,
		.blocks = { { 0x1000, 0 }, { 0x1000, 0 }, { 0x1000, 16 },
			    { UINT64_MAX - 15, 16 } } };
	walk();
	assert_int_equal(heap.n_blocks, 1);
	assert_int_equal(heap.addr[0], 0x1000);
	assert_int_equal(heap_size(&heap, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blocks_of_all_are_in_address_order),
		TEST(of_blocks_that_overlap_the_first_stays),
		TEST(extents_meet_and_the_first_claim_stands),
		TEST(one_that_cannot_be_walked_stops_no_other),
		TEST(a_cancelled_walk_stops_all),
		TEST(what_is_not_found_is_not_listed),
		TEST(blocks_without_bytes_do_not_share_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
