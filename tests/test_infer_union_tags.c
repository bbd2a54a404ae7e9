/* SPDX-License-Identifier: MIT */
/* Which pointer of a union is there, as the number beside it says. */
#include "tests/aid_infer_shapes.h"

enum { EACH = 8 };

/* named { char *name; long a, b; }; counted { long a, b; char *name; }; value {
 * long other; unsigned kind; union { named *n; counted *c; }; } */
static uint32_t named, counted, value;

static void make_types(void)
{
	struct made_member m[3] = { { "name", pointer(make_letter()), 0, 0 },
				    { "a", number, 8, 0 },
				    { "b", number, 16, 0 } };
	uint32_t kind = made_scalar(&image, TYPE_INT, "unsigned", 4), both;

	image.types.types.at[kind].flags |= TYPE_UNSIGNED;
	named = record("named", 24, m, 3);
	m[0].offset = 16;
	m[2].offset = 0;
	counted = record("counted", 24, m, 3);
	m[0] = (struct made_member){ "n", pointer(named), 0, 0 };
	m[1] = (struct made_member){ "c", pointer(counted), 0, 0 };
	both = record("both", 8, m, 2);
	image.types.types.at[both].kind = TYPE_UNION;
	m[0] = (struct made_member){ "other", number, 0, 0 };
	m[1] = (struct made_member){ "kind", kind, 8, 0 };
	m[2] = (struct made_member){ "", both, 16, 0 };
	value = record("value", 24, m, 3);
}

/* A variable with @kind that leads to a block of 24 bytes; the block. */
static uint64_t make_value(uint64_t kind)
{
	uint64_t block = place(24), at = variable(value, n_blocks * 3);

	made_word(&image, at + 8, kind);
	made_word(&image, at + 16, block);
	return block;
}

/* Their first block holds nothing that tells. */
static void make_values(uint64_t one, uint64_t other)
{
	make_value(one);
	make_value(other);
	for (int i = 0; i < EACH; i++) {
		made_word(&image, make_value(one), place_text(KEY));
		made_word(&image, make_value(other) + 16, place_text(KEY));
	}
}

static void a_tag_tells_what_the_block_alone_does_not(void **state)
{
	(void)state;
	make_types();
	make_values(4, 7);
	infer();
	expect(0, named, 1, EVIDENCE_ROOT);
	expect(1, counted, 1, EVIDENCE_ROOT);
	assert_int_equal(typed(named), EACH + 1);
	assert_int_equal(typed(counted), EACH + 1);
	/* It rests on contents. */
	assert_true(heap.confidence[0] < 90);
}

static void without_a_tag_each_block_speaks_for_itself(void **state)
{
	(void)state;
	make_types();
	make_values(4, 4);
	infer();
	expect_untyped(0);
	expect_untyped(1);
	assert_int_equal(typed(named), EACH);
	assert_int_equal(typed(counted), EACH);
}

/* Of a value that other unions do not have: by itself. */
static void what_a_value_means_is_not_known_from_others(void **state)
{
	(void)state;
	make_types();
	make_value(9);
	make_values(4, 7);
	infer();
	expect_untyped(0);
	expect(1, named, 1, EVIDENCE_ROOT);
}

static void a_length_may_stand_before_a_text(void **state)
{
	const char text[] = "a value with its length in front";
	uint64_t a = place(4 + sizeof(text)), b = place(4 + sizeof(text));

	(void)state;
	make_letter();
	made_word(&image, a, sizeof(text) - 1);
	made_bytes(&image, a + 4, text, sizeof(text));
	/* Not its length. */
	made_word(&image, b, 1 << 20);
	made_bytes(&image, b + 4, text, sizeof(text));
	/* A pointer behind makes the class of its content a mixture. */
	pointer_var(letter, a);
	pointer_var(letter, b);
	infer();
	assert_int_equal(heap.type[0], letter);
	assert_true(heap.confidence[0] < 90);
}

/* Two pointers in a block of three words: malloc makes no other. */
static void the_word_that_malloc_added_is_no_pointer(void **state)
{
	uint64_t array = place(16), a = place(24);

	(void)state;
	made_word(&image, array, a);
	made_word(&image, array + 8, a);
	made_word(&image, array + 16, NO_POINTER);
	pointer_var(made_pointer(&image, node), array);
	infer();
	assert_int_equal(heap.type[0], made_pointer(&image, node));
	assert_int_equal(heap_count(&heap, 0), 2);
	expect(1, node, 1, EVIDENCE_FIELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tag_tells_what_the_block_alone_does_not),
		TEST(without_a_tag_each_block_speaks_for_itself),
		TEST(what_a_value_means_is_not_known_from_others),
		TEST(a_length_may_stand_before_a_text),
		TEST(the_word_that_malloc_added_is_no_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
