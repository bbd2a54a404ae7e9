/* SPDX-License-Identifier: MIT */
/* Pointers to one of several structs that only begin alike. */
#include "tests/aid_infer_shapes.h"

enum { C99 = 0x0c };

/* element { element *next; char *name; int kind; char *content; long line } and
 * attribute { element *next; char *name; int kind; long order; char *owner } */
static uint32_t element, attribute;

static void make_family(uint8_t language)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "name", pointer(make_letter()), 8, 0 },
				   { "kind", number, 16, 0 },
				   { "content", number, 24, 0 },
				   { "line", number, 32, 0 },
				   { "column", number, 36, 0 } };
	uint32_t small = made_scalar(&image, TYPE_INT, "int", 4);

	m[2].type = m[4].type = m[5].type = small;
	m[3].type = pointer(letter);
	element = record("element", 40, m, 6);
	made_retarget(&image, element, 0, pointer(element));
	m[0].type = image.types.members.at[
		    image.types.types.at[element].first_member].type;
	m[3] = (struct made_member){ "order", small, 24, 0 };
	m[4] = (struct made_member){ "owner", pointer(letter), 32, 0 };
	attribute = record("attribute", 40, m, 5);
	(void)pointer(attribute);
	of_program(element);
	of_program(attribute);
	image.types.types.at[element].language = language;
	image.types.types.at[attribute].language = language;
}

/* MANY in a list, each other one an attribute; the first is an element. */
static void place_list(void)
{
	uint64_t before = 0, text = place_text(KEY);

	for (uint64_t i = 0; i < MANY; i++) {
		bool is_attribute = i + 1 < MANY && i % 2 == 0;
		uint64_t at = place(40);

		made_word(&image, at, before);
		made_word(&image, at + 8, text);
		made_word(&image, at + 16, is_attribute);
		made_word(&image, at + 24, is_attribute ? 5 : text);
		made_word(&image, at + 32, is_attribute ? text : i);
		before = at;
	}
	pointer_var(element, before);
}

static void what_the_pointer_says_is_refuted_by_a_reference(void **state)
{
	(void)state;
	make_family(C99);
	place_list();
	infer();
	assert_int_equal(typed(element), MANY / 2);
	assert_int_equal(typed(attribute), MANY / 2);
}

static void classes_that_begin_alike_are_no_relatives(void **state)
{
	(void)state;
	make_family(0x21);	/* C++14 */
	place_list();
	infer();
	assert_int_equal(typed(attribute), 0);
}

/* Numbers in the place of numbers, and letters in the place of letters. */
static void what_keeps_its_promises_is_what_the_pointer_says(void **state)
{
	uint64_t at, text;

	(void)state;
	make_family(C99);
	text = place_text(KEY);
	at = place(40);
	made_word(&image, at + 8, text);
	made_word(&image, at + 24, text);
	made_word(&image, at + 32, UINT64_C(7) << 32 | 9);
	pointer_var(element, at);
	infer();
	assert_int_equal(typed(element), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_pointer_says_is_refuted_by_a_reference),
		TEST(classes_that_begin_alike_are_no_relatives),
		TEST(what_keeps_its_promises_is_what_the_pointer_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
