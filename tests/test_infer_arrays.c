/* SPDX-License-Identifier: MIT */
/* Blocks that are larger than what a pointer to them is declared to. */
#include "tests/aid_infer.h"

static uint32_t letter, small;

/* op { int code, flags; void *operand; } of 16 bytes, of which nothing is a
 * pointer to a known type */
static uint32_t make_op(void)
{
	struct made_member m[] = { { "code", 0, 0, 0 }, { "flags", 0, 4, 0 },
				   { "weight", 0, 8, 0 } };

	small = made_scalar(&image, TYPE_INT, "int", 4);
	m[0].type = m[1].type = small;
	m[2].type = made_scalar(&image, TYPE_FLOAT, "double", 8);
	return record("op", 16, m, 3);
}

static void records_of_numbers_are_an_array_where_they_fit(void **state)
{
	uint32_t op = make_op();
	uint64_t a = place(5 * 16);

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		made_word(&image, a + i * 16, i << 32 | 7);
	pointer_var(op, a);
	infer();
	expect(0, op, 5, EVIDENCE_ROOT);
	assert_true(heap.confidence[0] < 90);
}

static void a_pointer_among_the_numbers_is_no_number(void **state)
{
	uint32_t op = make_op();
	uint64_t a = place(5 * 16), b = place(100);

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		made_word(&image, a + i * 16, i << 32 | 7);
	made_word(&image, a + 3 * 16, b);
	pointer_var(op, a);
	infer();
	expect_untyped(0);
}

/* table { table *up; char *name; long n; } of 24 bytes */
static uint32_t make_table(void)
{
	struct made_member m[] = { { "up", number, 0, 0 },
				   { "name", number, 8, 0 },
				   { "n", number, 16, 0 } };
	uint32_t table = record("table", 24, m, 3);

	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	made_retarget(&image, table, 0, made_pointer(&image, table));
	made_retarget(&image, table, 1, made_pointer(&image, letter));
	return table;
}

static void a_header_points_at_its_payload(void **state)
{
	uint32_t table = make_table();
	uint64_t a = place(24 + 70), b = place(24);

	(void)state;
	made_word(&image, a, b);
	made_word(&image, a + 8, a + 24);
	made_bytes(&image, a + 24, "in the same block", 18);
	pointer_var(table, a);
	infer();
	expect(0, table, 1, EVIDENCE_ROOT);
	expect(1, table, 1, EVIDENCE_FIELD);
}

static void a_header_behind_a_header_is_one_of_an_array(void **state)
{
	uint32_t table = make_table();
	uint64_t a = place(24 + 70);

	(void)state;
	made_word(&image, a, a + 24);
	pointer_var(table, a);
	infer();
	expect(0, table, 4, EVIDENCE_ROOT);
}

/* What stands behind the header may refer to anything. */
static void words_of_a_payload_hold(void **state)
{
	uint32_t table = make_table();
	uint64_t a = place(24 + 70), b = place(500);

	(void)state;
	made_word(&image, a + 8, a + 24);
	made_word(&image, a + 40, b);
	pointer_var(table, a);
	infer();
	expect(0, table, 1, EVIDENCE_ROOT);
	assert_int_equal(kind_of_ref(0, 1), REF_CONSERVATIVE);
}

/* list { long n; node *at[1]; }: an array of any length, as it was written
 * before C had a word for it. */
static uint32_t make_list(uint64_t count)
{
	struct made_member m[] = { { "n", number, 0, 0 }, { "at", 0, 8, 0 } };
	uint32_t pointer = made_pointer(&image, node);

	m[1].type = made_array(&image, pointer, count);
	return record("list", 8 + 8 * count, m, 2);
}

static void an_array_of_one_at_the_end_may_be_longer(void **state)
{
	uint32_t list = make_list(1);
	uint64_t a = place(8 + 8 * 7), b = place(24);

	(void)state;
	made_word(&image, a, 7);
	made_word(&image, a + 8 * 6, b);
	pointer_var(list, a);
	infer();
	expect(0, list, 1, EVIDENCE_ROOT);
	assert_int_equal(kind_of_ref(0, 1), REF_CONSERVATIVE);
}

static void an_array_of_three_is_one_of_three(void **state)
{
	uint32_t list = make_list(3);
	uint64_t a = place(8 + 8 * 9);

	(void)state;
	made_word(&image, a, 9);
	pointer_var(list, a);
	infer();
	expect_untyped(0);
}

/* The third element is old: there are two of them. */
static void elements_at_the_end_are_followed_as_far_as_they_are_counted(
	void **state)
{
	uint32_t list = make_list(1);
	uint64_t a = place(8 + 8 * 7), b = place(24), c = place(24);
	uint64_t d = place(24);

	(void)state;
	made_word(&image, a, 2);
	made_word(&image, a + 8, b);
	made_word(&image, a + 16, c);
	made_word(&image, a + 24, d);
	pointer_var(list, a);
	infer();
	expect(1, node, 1, EVIDENCE_FIELD);
	expect(2, node, 1, EVIDENCE_FIELD);
	assert_true(heap.confidence[2] < 90);
	expect_untyped(3);
}

static void a_short_string_is_text_whatever_is_behind(void **state)
{
	uint64_t a = place(24), b = place(24), c = place(100);

	(void)state;
	letter = made_scalar(&image, TYPE_CHAR, "char", 1);
	made_word(&image, a, 0x6469);
	made_word(&image, a + 8, c);
	made_word(&image, b, 0x6407);
	made_word(&image, b + 8, c);
	pointer_var(letter, a);
	pointer_var(letter, b);
	infer();
	expect(0, letter, 24, EVIDENCE_ROOT);
	expect_untyped(1);
}

static void a_table_of_pointers_may_have_marks(void **state)
{
	uint32_t pointer = made_pointer(&image, TYPE_NONE);
	uint64_t a = place(16 * 8), b = place(24), c = place(24);

	(void)state;
	made_word(&image, a + 8, b);
	made_word(&image, a + 16, 1);
	made_word(&image, a + 64, c);
	pointer_var(pointer, a);
	infer();
	expect(0, pointer, 17, EVIDENCE_ROOT);
	assert_true(heap.confidence[0] < 90);
}

static void numbers_are_no_table_of_pointers(void **state)
{
	uint32_t pointer = made_pointer(&image, TYPE_NONE);
	uint64_t a = place(16 * 8), b = place(24);

	(void)state;
	made_word(&image, a + 8, b);
	made_word(&image, a + 16, 70000);
	pointer_var(pointer, a);
	infer();
	expect_untyped(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_of_numbers_are_an_array_where_they_fit),
		TEST(a_pointer_among_the_numbers_is_no_number),
		TEST(a_header_points_at_its_payload),
		TEST(a_header_behind_a_header_is_one_of_an_array),
		TEST(words_of_a_payload_hold),
		TEST(an_array_of_one_at_the_end_may_be_longer),
		TEST(an_array_of_three_is_one_of_three),
		TEST(elements_at_the_end_are_followed_as_far_as_they_are_counted),
		TEST(a_short_string_is_text_whatever_is_behind),
		TEST(a_table_of_pointers_may_have_marks),
		TEST(numbers_are_no_table_of_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
