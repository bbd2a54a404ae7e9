/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "analyze/content.h"

/* The class of a block of @n bytes; words in [from, from + 0x1000) refer. */
static enum content_class class_of(const void *bytes, size_t n, uint64_t from)
{
	struct content c = {0};

	content_begin(&c, bytes, n);
	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, (const char *)bytes + i, 8);
		content_word(&c, word, word >= from && word < from + 0x1000);
	}
	return content_class(&c);
}

static void text_ends_in_a_zero_or_fills_the_block(void **state)
{
	(void)state;
	assert_int_equal(class_of("hello, world\0\0\0\0", 16, 0x1000),
			 CONTENT_TEXT);
	assert_int_equal(class_of("0123456789abcdef", 16, 0x1000),
			 CONTENT_TEXT);
	/* What stands behind the zero is left over from earlier. */
	assert_int_equal(class_of("four\0\x01\x02\x03", 8, 0x1000),
			 CONTENT_TEXT);
	assert_int_equal(class_of("tab\tand\r\n\0\0\0\0\0\0\0", 16, 0x1000),
			 CONTENT_TEXT);
	assert_int_equal(class_of("abc\0\0\0\0\0", 8, 0x1000),
			 CONTENT_NUMBERS);
	assert_int_equal(class_of("hell\x01o, world\0\0\0", 16, 0x1000),
			 CONTENT_NUMBERS);
}

static void text_may_be_utf8_but_not_half_of_it(void **state)
{
	(void)state;
	assert_int_equal(class_of("gr\xc3\xbc\xc3\x9f" "e\0", 8, 0x1000),
			 CONTENT_TEXT);
	assert_int_equal(class_of("\xe2\x82\xac 5,-", 8, 0x1000),
			 CONTENT_TEXT);
	assert_int_equal(class_of("\xf0\x9f\x98\x80 hi\0", 8, 0x1000),
			 CONTENT_TEXT);
	/* Cut by the end of the block, overlong, a lone continuation. */
	assert_int_equal(class_of("abcdef\xe2\x82", 8, 0x1000),
			 CONTENT_NUMBERS);
	assert_int_equal(class_of("abcd\xc0\xaf" "e\0", 8, 0x1000),
			 CONTENT_NUMBERS);
	assert_int_equal(class_of("abcd\x82" "ef\0", 8, 0x1000),
			 CONTENT_NUMBERS);
}

static void words_decide_where_there_is_no_text(void **state)
{
	const uint64_t zero[3] = {0}, numbers[3] = { 1, 2, 3 };
	const uint64_t pointers[4] = { 0x7f0000001008, 0, 0x7f0000001010, 5 };
	const uint64_t mixed[4] = { 0x7f0000001008, 1, 2, 3 };

	(void)state;
	assert_int_equal(class_of(zero, sizeof(zero), 0x7f0000001000),
			 CONTENT_ZERO);
	assert_int_equal(class_of(numbers, sizeof(numbers), 0x7f0000001000),
			 CONTENT_NUMBERS);
	assert_int_equal(class_of(pointers, sizeof(pointers), 0x7f0000001000),
			 CONTENT_POINTERS);
	assert_int_equal(class_of(mixed, sizeof(mixed), 0x7f0000001000),
			 CONTENT_MIXED);
	assert_int_equal(class_of("", 0, 0x7f0000001000), CONTENT_ZERO);
}

/* 0x556677784142 spelled as bytes is "BAxwfU". */
static void a_pointer_in_front_is_no_text(void **state)
{
	const uint64_t words[2] = { UINT64_C(0x556677784142), 0 };

	(void)state;
	assert_int_equal(class_of(words, 16, UINT64_C(0x556677784000)),
			 CONTENT_POINTERS);
	assert_int_equal(class_of(words, 16, UINT64_C(0x100000)),
			 CONTENT_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_ends_in_a_zero_or_fills_the_block),
		cmocka_unit_test(text_may_be_utf8_but_not_half_of_it),
		cmocka_unit_test(words_decide_where_there_is_no_text),
		cmocka_unit_test(a_pointer_in_front_is_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
