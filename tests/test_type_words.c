/* SPDX-License-Identifier: MIT */
/* Which words of a type can refer to something. */
#include "tests/aid_types.h"

#include "analyze/type_words.h"

static void expect_words(uint32_t type, const char *want)
{
	static const char letters[] = {
		[WORD_DEAD] = '.', [WORD_MAYBE] = '?', [WORD_WEAK] = 'w',
		[WORD_POINTER] = 'p',
	};
	const struct word_map *map;
	struct type_words words;
	struct err err = {0};
	char got[64] = "";

	assert_true(type_words_init(&types, &words, &err));
	assert_true(type_words_add(&types, type, &words, &err));
	map = type_words_of(&words, type);
	assert_non_null(map);
	assert_non_null(map->kind);
	for (uint32_t i = 0; i < map->n && i < sizeof(got) - 1; i++)
		got[i] = letters[map->kind[i]];
	assert_string_equal(got, want);
	type_words_free(&words);
}

static void numbers_as_wide_as_pointers_and_bytes_may_refer(void **state)
{
	uint32_t small = add(TYPE_INT, "int", 4, TYPE_NONE, 0);
	uint32_t real = add(TYPE_FLOAT, "double", 8, TYPE_NONE, 0);
	const struct part m[] = {
		{ "next", pointer_to(byte), 0, 0, 0 },
		{ "key", number, 8, 0, 0 },
		{ "n", small, 16, 0, 0 },
		{ "mean", real, 24, 0, 0 },
		{ "raw", array_of(byte, 16), 32, 0, 0 },
	};

	(void)state;
	expect_words(struct_of("entry", 48, m, N(m)), "p?..??");
}

/* { C *text; long length; union { C local[16]; long capacity; } } */
static uint32_t make_string(const char *name, uint32_t target, uint32_t letter)
{
	const struct part u[] = { { "local", array_of(letter, 16), 0, 0, 0 },
				  { "capacity", number, 0, 0, 0 } };
	const struct part m[] = {
		{ "text", pointer_to(target), 0, 0, 0 },
		{ "length", number, 8, 0, 0 },
		{ "u", add_record(TYPE_UNION, name, 16, TYPE_NONE, u, N(u),
				  NULL, 0), 16, 0, 0 },
	};

	return struct_of(name, 32, m, N(m));
}

static void what_is_left_in_a_small_string_refers_to_nothing(void **state)
{
	const struct part m[] = {
		{ "before", pointer_to(byte), 0, 0, 0 },
		{ "name", make_string("string", byte, byte), 8, 0, 0 },
	};

	(void)state;
	expect_words(make_string("text", byte, byte), "p??.");
	expect_words(struct_of("account", 40, m, N(m)), "pp??.");
}

static void a_string_among_alternatives_is_one_all_the_same(void **state)
{
	const struct part u[] = {
		{ "text", make_string("string", byte, byte), 0, 0, 0 },
		{ "count", number, 0, 0, 0 },
	};
	const struct part m[] = {
		{ "u", add_record(TYPE_UNION, "u", 32, TYPE_NONE, u, N(u),
				  NULL, 0), 0, 0, 0 },
	};

	(void)state;
	expect_words(struct_of("either", 32, m, N(m)), "???.");
}

static void bytes_beside_other_pointers_may_be_room_for_objects(void **state)
{
	(void)state;
	/* A small vector of pointers: T *heap beside unsigned char inside[]. */
	expect_words(make_string("vector", pointer_to(number), byte), "p???");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_as_wide_as_pointers_and_bytes_may_refer),
		TEST(what_is_left_in_a_small_string_refers_to_nothing),
		TEST(a_string_among_alternatives_is_one_all_the_same),
		TEST(bytes_beside_other_pointers_may_be_room_for_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
