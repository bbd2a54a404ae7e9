/* SPDX-License-Identifier: MIT */
/* A number in a header tells the structs with that header apart. */
#include "tests/aid_infer_shapes.h"

/* value { int type; }, real { value; double number }, flags { value; int a, b,
 * c, d, e } of one size, and list { list *next; value *value } */
static uint32_t value, real, flags, list;

static void make_values(const char *what)
{
	uint32_t small = made_scalar(&image, TYPE_INT, "int", 4);
	uint32_t wide = made_scalar(&image, TYPE_FLOAT, "double", 8);
	struct made_member m[] = { { what, small, 0, 0 },
				   { "a", small, 8, 0 },
				   { "b", small, 12, 0 },
				   { "c", wide, 16, 0 } };

	value = record("value", 8, m, 1);
	m[0] = (struct made_member){ "value", value, 0, 0 };
	flags = record("flags", 24, m, 4);
	m[1] = (struct made_member){ "x", wide, 8, 0 };
	m[2] = (struct made_member){ "y", wide, 16, 0 };
	real = record("real", 24, m, 3);
	m[0] = (struct made_member){ "next", number, 0, 0 };
	m[1] = (struct made_member){ "value", pointer(value), 8, 0 };
	list = record("list", 16, m, 2);
	made_retarget(&image, list, 0, pointer(list));
	(void)pointer(real);
	(void)pointer(flags);
	of_program(value);
	of_program(real);
	of_program(flags);
	of_program(list);
}

static void place_values(void)
{
	uint64_t before = 0;

	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t at = place(24), link = place(16);
		bool is_real = i % 4 == 0;

		made_word(&image, at, is_real ? 4 : 3);
		made_word(&image, at + 8, is_real ? UINT64_C(0x4039000000000000) :
			  i << 32 | 1);
		made_word(&image, at + 16, UINT64_C(0x3ff8000000000000));
		made_word(&image, link, before);
		made_word(&image, link + 8, at);
		before = link;
	}
	pointer_var(list, before);
}

static void the_type_in_a_header_splits_what_is_compared(void **state)
{
	(void)state;
	make_values("type");
	place_values();
	infer();
	assert_int_equal(typed(real), MANY / 4);
	assert_int_equal(typed(flags), MANY - MANY / 4);
}

static void another_number_does_not(void **state)
{
	(void)state;
	make_values("count");
	place_values();
	infer();
	assert_int_equal(typed(real), 0);
}

/* Of half of the blocks nothing but what the header says is known. */
static void a_value_means_what_it_means_elsewhere(void **state)
{
	uint64_t before = 0;

	(void)state;
	make_values("type");
	for (uint64_t i = 0; i < MANY + 4; i++) {
		uint64_t at = place(24), link = place(16);

		made_word(&image, at, i % 4);
		if (i % 4 == 0)
			variable(pointer(real), at);
		if (i % 4 == 1)
			variable(pointer(flags), at);
		made_word(&image, link, before);
		/* Those that the list leads to are empty. */
		at = place(24);
		made_word(&image, at, i % 2);
		made_word(&image, link + 8, at);
		before = link;
	}
	pointer_var(list, before);
	infer();
	assert_int_equal(typed(real), (MANY + 4) / 4 + (MANY + 4) / 2);
	assert_int_equal(typed(flags), (MANY + 4) / 4 + (MANY + 4) / 2);
}

/* Numbers where real has fractions: flags is left, without any evidence. */
static void the_only_one_that_nothing_speaks_against_is_left(void **state)
{
	uint64_t before = 0;

	(void)state;
	make_values("type");
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t at = place(24), link = place(16);

		made_word(&image, at, 3);
		made_word(&image, at + 8, 7 + i);
		made_word(&image, link, before);
		made_word(&image, link + 8, at);
		before = link;
	}
	pointer_var(list, before);
	infer();
	assert_int_equal(typed(flags), MANY);
}

/* Values behind a void pointer: word { value; char *text; } and leaf { value;
 * node *to; }. The header that both begin with tells them apart. */
static void kinds_behind_a_void_pointer_are_told_by_their_header(void **state)
{
	struct made_member m[] = { { "value", 0, 0, 0 },
				   { "text", 0, 8, 0 } };
	uint32_t word, leaf, entry = make_entry();

	(void)state;
	make_values("type");
	m[0].type = value;
	m[1].type = pointer(letter);
	word = record("word", 16, m, 2);
	m[1] = (struct made_member){ "to", pointer(node), 8, 0 };
	leaf = record("leaf", 16, m, 2);
	(void)pointer(word);
	(void)pointer(leaf);
	of_program(word);
	of_program(leaf);
	of_program(entry);
	image.types.types.at[word].language = 0x0c;
	image.types.types.at[leaf].language = 0x0c;
	pointer_var(entry, place_entries(16));
	for (uint32_t i = 0; i < MANY; i++) {
		made_word(&image, payload[i], i % 3 == 0);
		made_word(&image, payload[i] + 8,
			  i % 3 == 0 ? place_text(KEY) : place(24));
	}
	infer();
	assert_int_equal(typed(word), MANY / 3);
	assert_int_equal(typed(leaf), MANY - MANY / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_type_in_a_header_splits_what_is_compared),
		TEST(another_number_does_not),
		TEST(a_value_means_what_it_means_elsewhere),
		TEST(kinds_behind_a_void_pointer_are_told_by_their_header),
		TEST(the_only_one_that_nothing_speaks_against_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
