/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/arena.h"

enum { N = 4000 };

/* Each piece is filled with its number, and all are looked at in the end. */
static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	static unsigned char *piece[N];
	static size_t size[N];
	struct arena arena = {0};
	uint64_t seed = rng_seed();
	size_t sum = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		size[i] = rng_below(&seed, rng_below(&seed, 50) ? 100 : 60000);
		piece[i] = arena_alloc(&arena, size[i]);
		assert_non_null(piece[i]);
		assert_int_equal((uintptr_t)piece[i] % 16, 0);
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(piece[i][k], 0);
		memset(piece[i], (int)(i % 255) + 1, size[i]);
		sum += size[i];
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(piece[i][k], i % 255 + 1);
	assert_in_range(arena.total, sum, sum + N * 16);
	arena_free(&arena);
	assert_null(arena.chunks);
}

static void a_large_piece_does_not_waste_the_chunk_in_use(void **state)
{
	struct arena arena = {0};
	char *before, *after;

	(void)state;
	before = arena_alloc(&arena, 16);
	assert_non_null(arena_alloc(&arena, 1 << 20));
	after = arena_alloc(&arena, 16);
	assert_ptr_equal(after, before + 16);
	arena_free(&arena);
}

static void a_large_piece_may_come_first(void **state)
{
	struct arena arena = {0};
	char *large, *small;

	(void)state;
	large = arena_alloc(&arena, 100000);
	small = arena_alloc(&arena, 1);
	assert_true(large && small);
	memset(large, 1, 100000);
	assert_int_equal(*small, 0);
	arena_free(&arena);
}

static void impossible_sizes_are_refused(void **state)
{
	struct arena arena = {0};

	(void)state;
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 15));
	assert_null(arena_alloc(&arena, SIZE_MAX - 40));
	assert_null(arena_text(&arena, "x", SIZE_MAX));
	assert_int_equal(arena.total, 0);
	arena_free(&arena);
}

static void text_is_copied_and_terminated(void **state)
{
	struct arena arena = {0};

	(void)state;
	assert_string_equal(arena_text(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_text(&arena, NULL, 0), "");
	assert_memory_equal(arena_text(&arena, "a\0b", 3), "a\0b", 4);
	assert_string_equal(arena_printf(&arena, "%s-%d", "x", 42), "x-42");
	assert_int_equal(strlen(arena_printf(&arena, "%5000d", 1)), 5000);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(a_large_piece_does_not_waste_the_chunk_in_use),
		cmocka_unit_test(a_large_piece_may_come_first),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(text_is_copied_and_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
