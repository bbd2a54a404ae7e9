/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <errno.h>

#include "base/err.h"

static void the_first_error_stays(void **state)
{
	struct err err = {0};

	(void)state;
	assert_false(err_at(&err, ERR_FORMAT, 77, "bad %s", "magic"));
	assert_false(err_set(&err, ERR_IO, "later"));
	assert_false(err_nomem(&err, "later"));
	errno = EIO;
	assert_false(err_errno(&err, "later"));
	assert_int_equal(err.code, ERR_FORMAT);
	assert_int_equal(err.offset, 77);
	assert_string_equal(err.message, "bad magic");
}

static void err_set_has_no_offset(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_LIMIT, "too many");
	assert_true(err.offset == ERR_NO_OFFSET);
}

static void a_refusal_of_the_kernel_ends_in_its_reason(void **state)
{
	struct err err = {0};

	(void)state;
	errno = ENOENT;
	assert_false(err_errno(&err, "cannot open %s", "x.core"));
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(err.message,
			    "cannot open x.core: No such file or directory");
}

static void wrapping_puts_the_context_before_the_cause(void **state)
{
	struct err err = {0};

	(void)state;
	assert_false(err_wrap(&err, "nothing to wrap"));
	assert_int_equal(err.code, ERR_NONE);
	err_at(&err, ERR_FORMAT, 5, "truncated note");
	assert_false(err_wrap(&err, "%s", "a.core"));
	assert_string_equal(err.message, "a.core: truncated note");
	assert_int_equal(err.offset, 5);
	err_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(err.message, "");
}

static void a_context_that_is_too_long_leaves_the_cause_whole(void **state)
{
	char path[5000];

	(void)state;
	for (size_t n = 0; n < sizeof(path); n = n * 3 / 2 + 1) {
		struct err err = {0};
		size_t len;

		memset(path, 'p', n);
		path[n] = '\0';
		err_set(&err, ERR_IO, "the cause");
		err_wrap(&err, "%s", path);
		err_wrap(&err, "%s", path);
		len = strlen(err.message);
		assert_true(len < sizeof(err.message));
		assert_string_equal(err.message + len - 11, ": the cause");
		errno = EACCES;
		err_clear(&err);
		err_errno(&err, "%s", path);
		len = strlen(err.message);
		assert_string_equal(err.message + len - 19,
				    ": Permission denied");
	}
}

/* Two texts of any length: the result is in bounds and ends in the cause. */
static void every_length_fits(void **state)
{
	char left[800], right[800];

	(void)state;
	for (size_t n = 0; n < sizeof(left); n += 7) {
		for (size_t m = 0; m < sizeof(right); m += 7) {
			struct err err = {0};

			memset(left, 'l', n);
			left[n] = '\0';
			memset(right, 'r', m);
			right[m] = '\0';
			err_set(&err, ERR_IO, "%s", right);
			err_wrap(&err, "%s", left);
			assert_true(strlen(err.message) < sizeof(err.message));
			if (n + m + 2 < sizeof(err.message))
				assert_int_equal(strlen(err.message),
						 n + m + 2);
		}
	}
}

static void a_cut_does_not_split_a_character(void **state)
{
	char text[1000];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		struct err err = {0};
		const char *c;

		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		err_set(&err, ERR_IO, "%s", text);
		for (c = err.message + shift; strncmp(c, "\xe2\x82\xac", 3) == 0;)
			c += 3;
		assert_string_equal(c, "...");
		err_wrap(&err, "%s", text);
		assert_true(strlen(err.message) < sizeof(err.message));
	}
}

static void quoted_names_cannot_break_the_line(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_IO, "%s", "a\nb\x1b[2J\x7f");
	assert_string_equal(err.message, "a?b?[2J?");
	err_wrap(&err, "%s", "c\r");
	assert_string_equal(err.message, "c?: a?b?[2J?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_error_stays),
		cmocka_unit_test(err_set_has_no_offset),
		cmocka_unit_test(a_refusal_of_the_kernel_ends_in_its_reason),
		cmocka_unit_test(wrapping_puts_the_context_before_the_cause),
		cmocka_unit_test(
			a_context_that_is_too_long_leaves_the_cause_whole),
		cmocka_unit_test(every_length_fits),
		cmocka_unit_test(a_cut_does_not_split_a_character),
		cmocka_unit_test(quoted_names_cannot_break_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
