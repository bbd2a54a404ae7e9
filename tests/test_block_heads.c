/* SPDX-License-Identifier: MIT */
/* The first words of blocks, in any order, and what members in them say. */
#include "tests/aid_cmocka.h"

#include "analyze/block_heads.h"
#include "analyze/discriminators.h"
#include "tests/aid_heap.h"

#define HEAP UINT64_C(0x1000000)
#define HOLE (HEAP + 0x2000)

static struct image image;
static struct heap heap;
static struct window window;
static struct bitset blocks;

/* Three blocks whose words are known, and one in memory that is absent. */
static int set_up(void **state)
{
	const struct chunk chunks[] = {
		{ HEAP, 24 }, { HEAP + 32, 24 }, { HEAP + 64, 8 },
		{ HOLE, 64 },
	};

	(void)state;
	made_image(&image);
	made_memory(&image, HEAP, HEAP + 0x1000, PERM_READ | PERM_WRITE, "");
	made_range(&image, HOLE, HOLE + 0x1000, PRESENCE_ABSENT);
	for (uint64_t i = 0; i < 10; i++)
		made_word(&image, HEAP + i * 8, 100 + i);
	made_heap(&image, chunks, 4, &heap);
	window = window_of(&image);
	assert_true(bitset_init(&blocks, heap.n_blocks));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	window_close(&window);
	bitset_free(&blocks);
	heap_free(&heap);
	image_close(&image);
	return 0;
}

static void heads_come_in_any_order(void **state)
{
	struct block_heads heads = { .heap = &heap, .window = &window,
				     .blocks = &blocks };

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		bitset_add(&blocks, i);
	assert_int_equal(block_heads_get(&heads, 3)->word[0], 0);
	assert_int_equal(block_heads_get(&heads, 1)->word[0], 104);
	assert_int_equal(block_heads_get(&heads, 1)->word[1], 105);
	assert_int_equal(block_heads_get(&heads, 0)->word[1], 101);
	block_heads_free(&heads);
}

/* The word behind a block of 8 bytes is another's. */
static void a_head_ends_with_its_block(void **state)
{
	struct block_head head;

	(void)state;
	block_head_read(&heap, &window, 2, &head);
	assert_int_equal(head.word[0], 108);
	assert_int_equal(head.word[1], 0);
}

static void an_enum_across_the_words_is_read_whole(void **state)
{
	const struct block_head head = { { 0, UINT64_C(0x0000000700000005) } };
	struct discriminators tags = { .types = &image.types };
	struct made_member members[] = {
		{ "first", made_scalar(&image, TYPE_INT, "long", 8), 0, 0 },
		{ "kind", made_scalar(&image, TYPE_ENUM, "kind", 4), 12, 0 },
	};
	struct made_member late[] = {
		{ "a", made_scalar(&image, TYPE_INT, "long", 8), 0, 0 },
		{ "kind", made_scalar(&image, TYPE_ENUM, "kind", 4), 16, 0 },
	};
	uint64_t tag;

	(void)state;
	assert_true(discriminators_read(&tags,
			made_struct(&image, "early", 16, members, 2),
			&head, &tag));
	assert_int_equal(tag, 7 + 1);
	/* Behind the head nothing is looked for. */
	assert_true(discriminators_read(&tags,
			made_struct(&image, "late", 24, late, 2), &head, &tag));
	assert_int_equal(tag, 0);
	discriminators_free(&tags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(heads_come_in_any_order,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_head_ends_with_its_block,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
				an_enum_across_the_words_is_read_whole,
				set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
