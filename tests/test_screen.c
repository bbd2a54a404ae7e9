/* SPDX-License-Identifier: MIT */
/* The grid: clipping, widths, escapes, ASCII. */
#include <locale.h>

#include "tests/aid_cmocka.h"
#include "tui/screen.h"

static struct screen grid(int rows, int cols, enum human_charset charset)
{
	struct screen s = { .charset = charset };

	assert_true(screen_resize(&s, rows, cols));
	return s;
}

static void expect(struct screen *s, const char *want)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	screen_dump(s, out);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void cuts_text_and_says_so(void **state)
{
	struct screen s = grid(2, 10, HUMAN_UTF8);

	(void)state;
	assert_int_equal(screen_text(&s, 0, 0, 6, STYLE_TYPE, "Account"), 6);
	screen_text(&s, 1, 2, 7, STYLE_TYPE, "Account");
	expect(&s, "Accou~\n  Account\n");
	assert_int_equal(s.cells[0].style, STYLE_TYPE);
	assert_int_equal(s.cells[6].style, STYLE_NORMAL);
	screen_free(&s);
}

static void pads_over_what_was_there(void **state)
{
	struct screen s = grid(1, 10, HUMAN_UTF8);

	(void)state;
	screen_text(&s, 0, 0, 10, STYLE_NORMAL, "##########");
	screen_text(&s, 0, 2, 5, STYLE_NORMAL, "ab");
	screen_right(&s, 0, 7, 3, STYLE_NORMAL, "7");
	expect(&s, "##ab     7\n");
	screen_free(&s);
}

static void clips_at_every_edge(void **state)
{
	struct screen s = grid(2, 4, HUMAN_UTF8);

	(void)state;
	screen_text(&s, -1, 0, 4, STYLE_NORMAL, "xxxx");
	screen_text(&s, 2, 0, 4, STYLE_NORMAL, "xxxx");
	screen_text(&s, 0, -2, 4, STYLE_NORMAL, "abcd");
	screen_text(&s, 1, 2, 4, STYLE_NORMAL, "abcd");
	screen_text(&s, 1, 0, -3, STYLE_NORMAL, "abcd");
	screen_glyph(&s, 5, 5, STYLE_NORMAL, GLYPH_BAR);
	screen_style(&s, 1, 3, 100, STYLE_ERROR);
	expect(&s, "cd\n  ab\n");
	screen_free(&s);
}

static void shows_hostile_bytes_as_escapes(void **state)
{
	struct screen s = grid(1, 40, HUMAN_UTF8);

	(void)state;
	screen_text(&s, 0, 0, 40, STYLE_NORMAL,
		    "a\033[2J\x9b\n\t\xe2\x80\xae\xff\\");
	expect(&s, "a\\x1b[2J\\x9b\\n\\t\\u202e\\xff\\\\\n");
	screen_free(&s);
}

/* U+6F22 is two cells wide. */
#define WIDE "\xe6\xbc\xa2"

static void gives_wide_characters_two_cells(void **state)
{
	struct screen s = grid(3, 5, HUMAN_UTF8);

	(void)state;
	assert_int_equal(screen_width(&s, "a" WIDE), 3);
	screen_text(&s, 0, 0, 5, STYLE_NORMAL, WIDE WIDE);
	screen_text(&s, 1, 0, 5, STYLE_NORMAL, "a" WIDE WIDE);
	assert_string_equal(s.cells[0].text, WIDE);
	assert_string_equal(s.cells[1].text, "");
	/* No half of one stays when the other half is overwritten. */
	screen_text(&s, 2, 0, 5, STYLE_NORMAL, WIDE WIDE);
	screen_text(&s, 2, 1, 2, STYLE_NORMAL, "xy");
	expect(&s, WIDE WIDE "\na" WIDE WIDE "\n xy\n");
	screen_free(&s);
}

static void cuts_before_half_a_wide_character(void **state)
{
	struct screen s = grid(2, 4, HUMAN_UTF8);

	(void)state;
	screen_text(&s, 0, 0, 3, STYLE_NORMAL, WIDE WIDE);
	screen_text(&s, 1, 0, 4, STYLE_NORMAL, WIDE WIDE WIDE);
	expect(&s, WIDE "~\n" WIDE " ~\n");
	screen_free(&s);
}

static void puts_marks_on_the_character_before(void **state)
{
	struct screen s = grid(1, 4, HUMAN_UTF8);

	(void)state;
	screen_text(&s, 0, 0, 4, STYLE_NORMAL, "e\xcc\x81x");
	assert_string_equal(s.cells[0].text, "e\xcc\x81");
	assert_string_equal(s.cells[1].text, "x");
	/* However many follow, the cell stays in its bounds. */
	screen_text(&s, 0, 0, 4, STYLE_NORMAL,
		    "o\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87"
		    "\xcc\x88z");
	assert_true(strlen(s.cells[0].text) < CELL_TEXT);
	assert_string_equal(s.cells[1].text, "z");
	/* One that has no character before it is not shown. */
	screen_text(&s, 0, 0, 4, STYLE_NORMAL, "\xcc\x81" "ab");
	assert_string_equal(s.cells[0].text, "a");
	screen_free(&s);
}

static void leaves_out_what_was_scrolled_away(void **state)
{
	struct screen s = grid(2, 6, HUMAN_UTF8);

	(void)state;
	screen_text_from(&s, 0, 0, 6, STYLE_NORMAL, "0123456789", 4);
	screen_text_from(&s, 1, 0, 6, STYLE_NORMAL, "a" WIDE "bcd", 2);
	expect(&s, "~56789\n~bcd\n");
	screen_free(&s);
}

static void uses_nothing_but_ascii_where_asked(void **state)
{
	struct screen s = grid(1, 12, HUMAN_ASCII);

	(void)state;
	screen_glyph(&s, 0, 0, STYLE_NORMAL, GLYPH_BAR);
	screen_glyph(&s, 0, 1, STYLE_NORMAL, GLYPH_FOLDED);
	screen_text(&s, 0, 2, 10, STYLE_NORMAL, WIDE);
	expect(&s, "#+\\u6f22\n");
	screen_free(&s);
}

static void grows_and_shrinks(void **state)
{
	struct screen s = grid(1, 1, HUMAN_UTF8);

	(void)state;
	screen_text(&s, 0, 0, 1, STYLE_NORMAL, "abc");
	expect(&s, "~\n");
	assert_true(screen_resize(&s, 0, -5));
	assert_int_equal(s.rows * s.cols, 1);
	assert_true(screen_resize(&s, 3, 2));
	expect(&s, "\n\n\n");
	screen_free(&s);
}

static void random_text_never_leaves_its_cells(void **state)
{
	struct screen s = grid(3, 20, HUMAN_UTF8);
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[32];
		int col = (int)rng_below(&seed, 24) - 2;
		int width = (int)rng_below(&seed, 24) - 2;

		screen_clear(&s);
		for (size_t i = 0; i + 1 < sizeof(text); i++)
			text[i] = (char)(rng_below(&seed, 3) ?
					 rng_next(&seed) : 'a');
		text[rng_below(&seed, sizeof(text))] = '\0';
		text[sizeof(text) - 1] = '\0';
		screen_text_from(&s, 1, col, width, STYLE_TYPE, text,
				 (int)rng_below(&seed, 4));
		for (int c = 0; c < s.cols; c++) {
			const struct cell *row = s.cells;

			assert_string_equal(row[c].text, " ");
			assert_string_equal(row[2 * s.cols + c].text, " ");
			if (c < col || c >= col + width)
				assert_string_equal(row[s.cols + c].text, " ");
		}
	}
	screen_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_text_and_says_so),
		cmocka_unit_test(pads_over_what_was_there),
		cmocka_unit_test(clips_at_every_edge),
		cmocka_unit_test(shows_hostile_bytes_as_escapes),
		cmocka_unit_test(gives_wide_characters_two_cells),
		cmocka_unit_test(cuts_before_half_a_wide_character),
		cmocka_unit_test(puts_marks_on_the_character_before),
		cmocka_unit_test(leaves_out_what_was_scrolled_away),
		cmocka_unit_test(uses_nothing_but_ascii_where_asked),
		cmocka_unit_test(grows_and_shrinks),
		cmocka_unit_test(random_text_never_leaves_its_cells),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
