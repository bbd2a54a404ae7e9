/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/human.h"

static void sizes_read_as_people_write_them(void **state)
{
	static const struct { uint64_t bytes; const char *text; } cases[] = {
		{ 0, "0 B" }, { 17, "17 B" }, { 1023, "1023 B" },
		{ 1024, "1.0 KiB" }, { 1536, "1.5 KiB" },
		{ 1258291, "1.2 MiB" }, { 1048575, "1.0 MiB" },
		{ 1023 * 1024 + 972, "1023.9 KiB" },
		{ 1023 * 1024 + 973, "1.0 MiB" },
		{ UINT64_C(1) << 30, "1.0 GiB" },
		{ UINT64_C(1) << 40, "1.0 TiB" },
		{ UINT64_C(1) << 50, "1.0 PiB" },
		{ UINT64_C(1) << 60, "1.0 EiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};
	char buf[HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(human_size(cases[i].bytes, false, buf),
				    cases[i].text);
	assert_string_equal(human_size(1258291, true, buf), "1258291");
	assert_string_equal(human_size(UINT64_MAX, true, buf),
			    "18446744073709551615");
}

static void counts_are_exact_until_they_get_long(void **state)
{
	static const struct { uint64_t n; const char *text; } cases[] = {
		{ 0, "0" }, { 99999, "99999" }, { 100000, "100.0k" },
		{ 999949, "999.9k" }, { 999950, "1.0M" },
		{ 13900000, "13.9M" }, { UINT64_MAX, "18.4E" },
	};
	char buf[HUMAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(human_count(cases[i].n, false, buf),
				    cases[i].text);
	assert_string_equal(human_count(123456789, true, buf), "123456789");
}

/* What is shown lies within half a tenth of what it stands for. */
static void a_shown_size_reads_back_within_its_rounding(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t n = rng_next(&seed) >> (1 + rng_below(&seed, 63));
		uint64_t back, unit = 1, off;
		char buf[HUMAN_MAX];
		struct err err = {0};

		assert_true(human_parse_size(human_size(n, false, buf), &back,
					     &err));
		for (uint64_t u = n; u >= 1024; u /= 1024)
			unit *= 1024;
		off = n > back ? n - back : back - n;
		assert_true(off <= (unit == 1 ? 0 : unit / 20 + 1));
		assert_true(human_parse_size(human_size(n, true, buf), &back,
					     &err));
		assert_true(back == n);
	}
}

static void typed_sizes_are_understood(void **state)
{
	static const struct { const char *text; uint64_t bytes; } cases[] = {
		{ "0", 0 }, { "512", 512 }, { "512B", 512 }, { "64K", 65536 },
		{ "64k", 65536 }, { "64KiB", 65536 }, { "64kib", 65536 },
		{ "64KB", 64000 }, { "10 MB", 10000000 },
		{ "1.5GiB", 1610612736 }, { "0.5k", 512 }, { "0.3K", 307 },
		{ "1.000000001G", 1073741825 },
		{ "15.999999999E", UINT64_C(18446744072556630111) },
		{ "18446744073709551615", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		uint64_t bytes;

		if (!human_parse_size(cases[i].text, &bytes, &err))
			fail_msg("%s: %s", cases[i].text, err.message);
		if (bytes != cases[i].bytes)
			fail_msg("%s: %llu", cases[i].text,
				 (unsigned long long)bytes);
	}
}

static void what_is_no_size_is_refused_with_an_example(void **state)
{
	static const char *const texts[] = {
		"", " ", "K", "-1", "+1", "1.5", "1.5B", "1.", ".5K", "1..5K",
		"1KK", "1Ki", "1 K ", "1  K", "0x10", "1e3", "1iB", "1,5K",
		"1.0000000001G", "64Q", "12\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		uint64_t bytes = 1;

		if (human_parse_size(texts[i], &bytes, &err))
			fail_msg("'%s' was accepted", texts[i]);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_non_null(strstr(err.message, "1.5GiB"));
		assert_int_equal(bytes, 0);
	}
}

static void a_size_beyond_64_bits_is_refused(void **state)
{
	static const char *const texts[] = {
		"18446744073709551616", "16E", "17179869184G",
		"99999999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		uint64_t bytes;

		assert_false(human_parse_size(texts[i], &bytes, &err));
		assert_int_equal(err.code, ERR_LIMIT);
	}
}

static void check_escape(const char *text, size_t n, enum human_charset set,
			 const char *expected)
{
	char buf[HUMAN_ESCAPED(64)];

	assert_int_equal(human_escape(text, n, set, buf, sizeof(buf)),
			 strlen(expected));
	assert_string_equal(buf, expected);
}

static void harmless_text_stays(void **state)
{
	static const char text[] = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 ~";

	(void)state;
	check_escape(text, strlen(text), HUMAN_UTF8, text);
	check_escape(text, strlen(text), HUMAN_ASCII,
		     "caf\\u00e9 \\u20ac \\U0001f600 ~");
	check_escape("", 0, HUMAN_UTF8, "");
}

static void controls_are_spelled_out(void **state)
{
	(void)state;
	check_escape("a\0b\n\t\r\\\x1b[2J\x7f", 12, HUMAN_UTF8,
		     "a\\x00b\\n\\t\\r\\\\\\x1b[2J\\x7f");
	/* C1, right-to-left override, isolate, line separator, soft hyphen */
	check_escape("\xc2\x9b", 2, HUMAN_UTF8, "\\u009b");
	check_escape("\xe2\x80\xae", 3, HUMAN_UTF8, "\\u202e");
	check_escape("\xe2\x81\xa6", 3, HUMAN_UTF8, "\\u2066");
	check_escape("\xe2\x80\xa8", 3, HUMAN_UTF8, "\\u2028");
	check_escape("\xd8\x9c", 2, HUMAN_UTF8, "\\u061c");
	check_escape("\xef\xbb\xbf", 3, HUMAN_UTF8, "\\ufeff");
}

static void invalid_utf8_is_shown_byte_by_byte(void **state)
{
	(void)state;
	check_escape("\xff", 1, HUMAN_UTF8, "\\xff");
	check_escape("\x80", 1, HUMAN_UTF8, "\\x80");
	check_escape("\xc3", 1, HUMAN_UTF8, "\\xc3");
	check_escape("\xc3(", 2, HUMAN_UTF8, "\\xc3(");
	/* overlong '/', a surrogate, beyond U+10FFFF, a cut character */
	check_escape("\xc0\xaf", 2, HUMAN_UTF8, "\\xc0\\xaf");
	check_escape("\xe0\x80\xaf", 3, HUMAN_UTF8, "\\xe0\\x80\\xaf");
	check_escape("\xed\xa0\x80", 3, HUMAN_UTF8, "\\xed\\xa0\\x80");
	check_escape("\xf4\x90\x80\x80", 4, HUMAN_UTF8,
		     "\\xf4\\x90\\x80\\x80");
	check_escape("\xf8\x88\x80\x80\x80", 5, HUMAN_UTF8,
		     "\\xf8\\x88\\x80\\x80\\x80");
	check_escape("\xf0\x9f\x98", 3, HUMAN_UTF8, "\\xf0\\x9f\\x98");
}

static void text_that_does_not_fit_is_cut_between_characters(void **state)
{
	static const char text[] = "a\x1b\xe2\x82\xac";	/* 1 + 4 + 3 shown */
	static const size_t lengths[] = { 0, 1, 1, 1, 1, 5, 5, 5, 8, 8 };
	char buf[16];

	(void)state;
	for (size_t size = 1; size <= 10; size++) {
		memset(buf, 'Z', sizeof(buf));
		assert_int_equal(human_escape(text, 5, HUMAN_UTF8, buf, size),
				 lengths[size - 1]);
		assert_int_equal(strlen(buf), lengths[size - 1]);
		assert_int_equal(buf[size], 'Z');
	}
}

/* No bytes get a control character through, and none overruns the bound. */
static void random_bytes_come_out_printable(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 50000; round++) {
		char text[40], buf[HUMAN_ESCAPED(sizeof(text))];
		size_t n = rng_below(&seed, sizeof(text) + 1), len;
		uint64_t mask = rng_below(&seed, 2) ? 0xff : 0x9f;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rng_next(&seed) & mask);
		len = human_escape(text, n, HUMAN_ASCII, buf, sizeof(buf));
		assert_true(len >= n && len <= n * 4);
		for (size_t i = 0; i < len; i++)
			assert_true(buf[i] >= ' ' && buf[i] <= '~');
		len = human_escape(text, n, HUMAN_UTF8, buf, sizeof(buf));
		assert_true(len >= n && len <= n * 4);
		/* What is already harmless stays, but for its backslashes. */
		for (size_t i = 0; i < len; i++)
			if (buf[i] == '\\')
				buf[i] = '/';
		memcpy(text, buf, len < 40 ? len : 0);
		if (len < 40)
			check_escape(text, len, HUMAN_UTF8, buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_read_as_people_write_them),
		cmocka_unit_test(counts_are_exact_until_they_get_long),
		cmocka_unit_test(a_shown_size_reads_back_within_its_rounding),
		cmocka_unit_test(typed_sizes_are_understood),
		cmocka_unit_test(what_is_no_size_is_refused_with_an_example),
		cmocka_unit_test(a_size_beyond_64_bits_is_refused),
		cmocka_unit_test(harmless_text_stays),
		cmocka_unit_test(controls_are_spelled_out),
		cmocka_unit_test(invalid_utf8_is_shown_byte_by_byte),
		cmocka_unit_test(
			text_that_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(random_bytes_come_out_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
