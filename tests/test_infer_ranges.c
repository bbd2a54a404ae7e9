/* SPDX-License-Identifier: MIT */
/* Arrays whose length stands beside the pointer, or in front of the elements. */
#include "tests/aid_infer.h"

/* The class Small<T>: {void *first; two of @kind and @size}, T an argument. */
static uint32_t make_small(uint32_t element, enum type_kind kind, uint64_t size)
{
	const struct template_arg arg = { .type = element };
	uint32_t other = kind == TYPE_POINTER ?
			 made_pointer(&image, TYPE_NONE) :
			 made_scalar(&image, TYPE_INT, "unsigned", size);
	struct made_member m[3] = {
		{ "first", made_pointer(&image, TYPE_NONE), 0, 0 },
		{ "a", other, 8, 0 }, { "b", other, 8 + size, 0 },
	};
	uint32_t id;

	image.types.types.at[other].flags |=
		kind == TYPE_POINTER ? 0 : TYPE_UNSIGNED;
	id = record("Small", 8 + 2 * size, m, 3);
	image.types.types.at[id].first_arg = (uint32_t)image.types.args.len;
	image.types.types.at[id].n_args = 1;
	assert_true(vec_push(&image.types.args, arg));
	return id;
}

static void a_class_names_what_its_void_pointers_span(void **state)
{
	uint32_t small = make_small(node, TYPE_POINTER, 8);
	uint64_t a = place(72), b = place(72), at;

	(void)state;
	/* Three that fit, two alive; an end that splits one. */
	at = variable(small, a);
	made_word(&image, at + 8, a + 48);
	made_word(&image, at + 16, a + 72);
	at = variable(small, b);
	made_word(&image, at + 8, b + 40);
	made_word(&image, at + 16, b + 72);
	infer();
	expect(0, node, 2, EVIDENCE_ELEMENT);
	expect_untyped(1);
}

static void a_class_names_what_its_void_pointer_counts(void **state)
{
	uint32_t small = make_small(node, TYPE_INT, 4);
	uint64_t a = place(72), b = place(72), at;

	(void)state;
	at = variable(small, a);
	made_word(&image, at + 8, UINT64_C(3) << 32 | 1);
	/* Room for four, but the block has room for three. */
	at = variable(small, b);
	made_word(&image, at + 8, UINT64_C(4) << 32 | 1);
	infer();
	expect(0, node, 1, EVIDENCE_ELEMENT);
	expect_untyped(1);
}

/* Two nodes behind the number 2; the first refers to a node of its own. */
static void the_number_in_front_of_an_array_makes_it_one(void **state)
{
	uint64_t a = place(8 + 48), b = place(24);
	const struct type *t, *elements;

	(void)state;
	pointer_var(node, a + 8);
	made_word(&image, a, 2);
	made_word(&image, a + 8, b);
	infer();
	t = &image.types.types.at[heap.type[0]];
	assert_string_equal(types_text(&image.types, t->name), "node[]");
	assert_int_equal(t->size, 56);
	assert_int_equal(t->n_members, 2);
	elements = &image.types.types.at[image.types.members.at[
		t->first_member + 1].type];
	assert_int_equal(image.types.members.at[t->first_member + 1].offset, 8);
	assert_int_equal(elements->kind, TYPE_ARRAY);
	assert_int_equal(elements->count, 2);
	assert_int_equal(elements->target, node);
	expect(1, node, 1, EVIDENCE_FIELD);
}

static void a_number_that_does_not_fit_the_block_counts_nothing(void **state)
{
	const uint64_t numbers[] = { 0, 1, 3, UINT64_MAX,
				     UINT64_MAX / 24 + 2, 1 << 16 };
	uint64_t a;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		a = place(8 + 48);
		pointer_var(node, a + 8);
		made_word(&image, a, numbers[i]);
	}
	/* Not where a cookie ends. */
	a = place(24 + 48);
	pointer_var(node, a + 24);
	made_word(&image, a + 16, 2);
	infer();
	for (uint32_t i = 0; i < n_blocks; i++)
		expect_untyped(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_class_names_what_its_void_pointers_span),
		TEST(a_class_names_what_its_void_pointer_counts),
		TEST(the_number_in_front_of_an_array_makes_it_one),
		TEST(a_number_that_does_not_fit_the_block_counts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
