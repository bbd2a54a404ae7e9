/* SPDX-License-Identifier: MIT */
/* Blocks that are led to by a type that is only part of what they are. */
#include "tests/aid_infer_shapes.h"

/* object { object *next; int tag; } is a header that text and pair repeat. */
static void who_begins_with_a_header_is_told_by_the_rest(void **state)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "tag", number, 8, 0 },
				   { "first", number, 16, 0 },
				   { "second", number, 24, 0 } };
	uint32_t object = record("object", 16, m, 2), next = pointer(object);
	uint32_t text, pair;
	uint64_t at[MANY * 2], before = 0;

	(void)state;
	(void)make_letter();
	made_retarget(&image, object, 0, next);
	m[0].type = next;
	m[2].type = pointer(letter);
	text = record("text", 32, m, 4);
	m[2].type = m[3].type = next;
	pair = record("pair", 32, m, 4);
	(void)pointer(text);
	(void)pointer(pair);
	of_program(text);
	of_program(pair);
	of_program(object);
	for (int i = 0; i < MANY * 2; i++)
		at[i] = place(32);
	for (int i = 0; i < MANY * 2; i++) {
		made_word(&image, at[i], before);
		made_word(&image, at[i] + 8, (uint64_t)i % 2);
		before = at[i];
		made_word(&image, at[i] + 16, i % 2 ? place_text(KEY) :
			  at[(i + 3) % (MANY * 2)]);
		made_word(&image, at[i] + 24, i % 2 ? 5 :
			  at[(i + 5) % (MANY * 2)]);
	}
	pointer_var(object, before);
	infer();
	for (uint32_t i = 0; i < MANY * 2; i++)
		assert_int_equal(heap.type[i], i % 2 ? text : pair);
}

/* Each is led to by the one before it alone, and three kinds take turns. */
static void a_list_of_several_kinds_is_followed_to_its_end(void **state)
{
	enum { LINKS = 45 };
	static const char *const names[] = { "left", "right", "both" };
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "tag", number, 8, 0 },
				   { "first", number, 16, 0 },
				   { "second", number, 24, 0 } };
	uint32_t object = record("object", 16, m, 2), next = pointer(object);
	uint32_t text, kind[3];
	uint64_t at[LINKS], before = 0, key = place_text(KEY);

	(void)state;
	(void)make_letter();
	text = pointer(letter);
	made_retarget(&image, object, 0, next);
	of_program(object);
	m[0].type = next;
	for (int i = 0; i < 3; i++) {
		m[2].type = i == 1 ? number : text;
		m[3].type = i == 0 ? number : text;
		kind[i] = record(names[i], 32, m, 4);
		(void)pointer(kind[i]);
		of_program(kind[i]);
	}
	for (int i = 0; i < LINKS; i++) {
		at[i] = place(32);
		made_word(&image, at[i], before);
		made_word(&image, at[i] + 8, (uint64_t)i % 7);
		made_word(&image, at[i] + 16, i % 3 == 1 ? 5 : key);
		made_word(&image, at[i] + 24, i % 3 == 0 ? 5 : key);
		before = at[i];
	}
	pointer_var(object, before);
	infer();
	for (int i = 0; i < LINKS; i++)
		assert_int_equal(heap.type[heap_find(&heap, at[i])],
				 kind[i % 3]);
}

/* inner { long bits; uintptr_t left, right; }: each level says what the next
 * one is. */
static void words_with_a_tag_lead_down_a_tree(void **state)
{
	struct type alias = {
		.name = types_string(&image.types, "uintptr_t"),
		.kind = TYPE_TYPEDEF, .size = 8, .target = number,
		.scope = TYPE_NONE, .module = UINT32_MAX,
	};
	uint32_t word = types_add(&image.types, &alias, NULL, NULL);
	struct made_member m[] = { { "bits", number, 0, 0 },
				   { "left", word, 8, 0 },
				   { "right", word, 16, 0 } };
	uint32_t inner = record("inner", 24, m, 3);
	uint64_t at[40];

	(void)state;
	(void)pointer(inner);
	of_program(inner);
	of_program(node);
	/* Another one of the size, that has no place for two pointers. */
	image.types.types.at[node].popularity = 9;
	for (uint32_t i = 0; i < 40; i++)
		at[i] = place(24);
	for (uint32_t i = 0; i + 2 < 40; i++) {
		made_word(&image, at[i], 5);
		made_word(&image, at[i] + 8, at[i + 1]);
		made_word(&image, at[i] + 16, at[i + 2] + 1);
	}
	variable(word, at[0]);
	infer();
	assert_true(typed(inner) >= 38);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_begins_with_a_header_is_told_by_the_rest),
		TEST(a_list_of_several_kinds_is_followed_to_its_end),
		TEST(words_with_a_tag_lead_down_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
