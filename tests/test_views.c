/* SPDX-License-Identifier: MIT */
/*
 * Every view, keys in and text out, at three sizes: tests/golden/tui_*.txt.
 * REGOLD=1 writes them anew; read the difference before you commit it.
 */
#include <locale.h>
#include <unistd.h>

#include "tests/aid_cmocka.h"
#include "tests/aid_tui_heap.h"
#include "tui/browser.h"
#include "tui/table.h"

static const struct { int rows, cols; } sizes[] = {
	{ 24, 80 }, { 40, 120 }, { 5, 20 },
};

static struct facts facts;

static void open_browser(struct browser *b, enum human_charset charset)
{
	struct err err = {0};

	assert_true(browser_open(&facts, "chat.core.zst", charset, b, &err));
}

/* Keys as characters; Enter, Escape and Backspace as terminals send them. */
static void type(struct browser *b, const char *keys)
{
	for (; *keys; keys++) {
		int key = (unsigned char)*keys;

		browser_key(b, key == '\r' ? VKEY_ENTER :
			       key == '\033' ? VKEY_ESCAPE :
			       key == '\177' ? VKEY_BACKSPACE : key);
	}
}

static void draw(struct browser *b, int rows, int cols, FILE *out)
{
	assert_true(screen_resize(&b->screen, rows, cols));
	browser_draw(b);
	screen_dump(&b->screen, out);
}

/* All sizes of what @keys lead to; owned by the caller. */
static char *draw_all(const char *keys, enum human_charset charset)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct browser b;

	assert_non_null(out);
	open_browser(&b, charset);
	type(&b, keys);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fprintf(out, "=== %d x %d\n", sizes[i].cols, sizes[i].rows);
		draw(&b, sizes[i].rows, sizes[i].cols, out);
	}
	fclose(out);
	browser_close(&b);
	return text;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *in = fopen(path, "r");

	assert_non_null(text);
	if (!in)
		fail_msg("%s is missing: REGOLD=1 writes it", path);
	assert_true(fread(text, 1, (1 << 16) - 1, in) > 0);
	fclose(in);
	return text;
}

static void check_golden_in(const char *name, const char *keys,
			    enum human_charset charset)
{
	char *text = draw_all(keys, charset), *want, path[256];
	const char *regold = getenv("REGOLD");
	FILE *out;

	snprintf(path, sizeof(path), "tests/golden/tui_%s.txt", name);
	if (regold && regold[0] == '1') {
		out = fopen(path, "w");
		assert_non_null(out);
		fputs(text, out);
		fclose(out);
	}
	want = read_file(path);
	assert_string_equal(text, want);
	free(want);
	free(text);
}

static void check_golden(const char *name, const char *keys)
{
	check_golden_in(name, keys, HUMAN_UTF8);
}

/* The keys that lead to each view, from the first screen on. */
static const struct { const char *name, *keys; } goldens[] = {
	{ "overview", "" },
	{ "types", "2" },
	{ "types_by_name", "2T" },
	{ "dominators", "3+j+" },
	{ "dominators_all", "3*" },
	{ "leaks", "4" },
	{ "cycles", "5" },
	{ "cycle_blocks", "5\r" },
	{ "cycle_step", "5jj\r" },
	{ "threads", "6+" },
	{ "globals", "7" },
	{ "memory", "8" },
	{ "blocks", "2/Session\r\r" },
	{ "text_blocks", "2/char\r\r" },
	{ "instances", "4/cycle\r\r" },
	{ "fields", ":chat::lobby\r\r" },
	{ "fields_untyped", ":0x100004d8\r" },
	{ "root", "7\r" },
	{ "hex", ":chat::lobby\r\rx" },
	{ "hex_text", "2/text\r\rx" },
	{ "referrers", "2/Session\r\rjr*" },
	{ "referrers_weak", "2/zero\rr" },
	{ "path", "2/char\r\rp" },
	{ "paths_of_type", "2/Session\rp" },
	{ "dominators_of", "2/Session\r\rjjd" },
	{ "why", "2/char\r\rw" },
	{ "marks", "2/Session\r\rjmkmM" },
	{ "help", "2?" },
	{ "filtered", "2&session\r" },
	{ "nothing", "2&nothing is called so\r" },
	{ "exact", "2u" },
	{ "prompt", "2/Sess" },
	{ "error", "2/no such thing\r" },
	{ "goto", ":0x10000050\r" },
};

static void draws_each_view_as_it_did(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++)
		check_golden(goldens[i].name, goldens[i].keys);
	check_golden_in("dominators_ascii", "3+", HUMAN_ASCII);
	check_golden_in("fields_ascii", ":chat::lobby\r\r", HUMAN_ASCII);
}

/* The room's name ends the title of a terminal, and has wide characters. */
static void shows_no_byte_of_the_heap_as_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char *text = draw_all(goldens[i].keys, HUMAN_UTF8);

		for (const char *p = text; *p; p++)
			assert_true((unsigned char)*p >= ' ' || *p == '\n');
		assert_null(strstr(text, "\xff"));
		free(text);
		text = draw_all(goldens[i].keys, HUMAN_ASCII);
		for (const char *p = text; *p; p++)
			assert_true((*p >= ' ' && *p < 0x7f) || *p == '\n');
		free(text);
	}
}

static const char *title(const struct browser *b)
{
	return b->current->title;
}

static void goes_back_to_where_it_came_from(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "2/Session\r\r\r");
	assert_non_null(strstr(title(&b), "chat::Session  0x"));
	type(&b, "q");
	assert_string_equal(title(&b), "all chat::Session");
	type(&b, "h");
	assert_string_equal(title(&b), "Types");
	type(&b, "\033");
	assert_string_equal(title(&b), "Overview");
	type(&b, "\177h\033");
	assert_string_equal(title(&b), "Overview");
	assert_false(b.quit);
	type(&b, "q");
	assert_true(b.quit);
	browser_close(&b);
}

static void quits_from_anywhere(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "2\r\rQ");
	assert_true(b.quit);
	browser_close(&b);
}

static void walks_the_history_both_ways(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "2347[[");
	assert_string_equal(title(&b), "Dominators");
	type(&b, "[[");
	assert_string_equal(title(&b), "Overview");
	type(&b, "[");
	assert_string_equal(b.message, "this is the beginning of the history");
	type(&b, "]]]");
	assert_string_equal(title(&b), "Leaks");
	/* Going elsewhere forgets what lay ahead. */
	type(&b, "[8]");
	assert_string_equal(title(&b), "Memory");
	assert_string_equal(b.message, "this is the end of the history");
	browser_close(&b);
}

static void keeps_a_view_as_it_was_left(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "2CjjG1");
	type(&b, "2");
	assert_int_equal(b.current->sort_column, 3);
	assert_int_equal(b.current->selected, b.current->n_shown - 1);
	browser_close(&b);
}

static void goes_through_the_tabs_and_around(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	for (size_t i = 0; i < n_tabs; i++) {
		assert_string_equal(title(&b), tabs[i].name);
		type(&b, "\t");
	}
	assert_string_equal(title(&b), "Overview");
	browser_key(&b, VKEY_BACKTAB);
	assert_string_equal(title(&b), "Memory");
	type(&b, "9");
	assert_string_equal(b.message, "there is no view 9");
	browser_close(&b);
}

static void finds_what_the_user_names(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, ":chat::Session\r");
	assert_string_equal(title(&b), "all chat::Session");
	type(&b, ":chat::lobby\r");
	assert_string_equal(title(&b), "chat:chat::lobby");
	type(&b, ":10000012\r");
	assert_string_equal(title(&b), "char[]  0x10000010");
	type(&b, ":Sess\r");
	assert_string_equal(title(&b), "types with \"Sess\"");
	type(&b, ":0x600008\r");
	assert_string_equal(title(&b), "chat:chat::newest");
	type(&b, ":0xdead0000\r");
	assert_string_equal(b.message,
			    "0xdead0000 is in no block: nothing is mapped there");
	type(&b, ":what is this\r");
	assert_string_equal(b.message, "no address, type or variable is "
			    "called \"what is this\"");
	browser_close(&b);
}

static void leads_to_the_holder_in_a_few_keys(void **state)
{
	struct browser b;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	/* Who holds most? The first row of the dominators. */
	type(&b, "3\r");
	assert_string_equal(title(&b), "chat:.bss+0x40");
	type(&b, "2/Session\rp");
	draw(&b, 10, 80, out);
	fclose(out);
	assert_non_null(strstr(text, "chat:chat::newest > chat::Session"));
	free(text);
	browser_close(&b);
}

static void frees_views_that_nobody_can_reach(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	for (int i = 0; i < 300; i++)
		type(&b, "2\rq3rq4\r");
	assert_true(b.views.len < 3 * HISTORY_MAX);
	assert_true(b.history.len <= HISTORY_MAX);
	browser_close(&b);
}

static void edits_what_is_typed(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "2/abc\177\177");
	browser_key(&b, 0x6f22);
	assert_string_equal(b.prompt.text, "a\xe6\xbc\xa2");
	type(&b, "\177\177");
	assert_string_equal(b.prompt.text, "");
	type(&b, "xyz\025ab");
	assert_string_equal(b.prompt.text, "ab");
	type(&b, "\033");
	assert_int_equal(b.prompt.command, CMD_NONE);
	type(&b, "/q\033");
	assert_false(b.quit);
	for (int i = 0; i < 1000; i++)
		type(&b, i ? "w" : "/");
	assert_true(b.prompt.len < PATTERN_MAX);
	browser_close(&b);
}

/* Each letter that sorts must be in its title, and bound to nothing else. */
static void letters_that_sort_hide_no_key(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		const struct view_class *class;

		type(&b, "1");
		type(&b, goldens[i].keys);
		type(&b, "\033");
		class = b.current->class;
		for (int c = 0; c < class->n_columns; c++) {
			int key = class->columns[c].sort_key;

			if (!key)
				continue;
			assert_int_equal(keymap_find(key), CMD_NONE);
			assert_false(key >= '0' && key <= '9');
			assert_non_null(strchr(class->columns[c].title, key));
			for (int k = 0; k < c; k++)
				assert_int_not_equal(
					class->columns[k].sort_key, key);
		}
	}
	browser_close(&b);
}

static void no_key_is_bound_twice_and_all_are_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_key_bindings; i++) {
		assert_non_null(key_bindings[i].help);
		assert_non_null(key_bindings[i].shown);
		for (size_t k = 0; k < 4 && key_bindings[i].keys[k]; k++)
			assert_int_equal(keymap_find(key_bindings[i].keys[k]),
					 key_bindings[i].command);
	}
}

/* Any key in any view at any size: it ends, and stays inside the grid. */
static void survives_any_keys(void **state)
{
	static const char keys[] = "jjjkGg\r\r\rlhq[]+-*fxrpdtwumM12346789"
				   "RBCTAn/&:Zs \t<>?\033\177Nabc0x1";
	uint64_t seed = rng_seed();
	struct browser b;
	FILE *sink = fopen("/dev/null", "w");

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	assert_non_null(sink);
	for (int i = 0; i < 20000; i++) {
		char key[2] = { keys[rng_below(&seed, sizeof(keys) - 1)], 0 };

		if (rng_below(&seed, 20) == 0)
			browser_key(&b, (int)(VKEY_NONE +
					      rng_below(&seed, 12)));
		else
			type(&b, key);
		if (i % 4 == 0)
			draw(&b, 1 + (int)rng_below(&seed, 30),
			     1 + (int)rng_below(&seed, 100), sink);
		b.quit = false;
	}
	fclose(sink);
	browser_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_each_view_as_it_did),
		cmocka_unit_test(shows_no_byte_of_the_heap_as_it_is),
		cmocka_unit_test(goes_back_to_where_it_came_from),
		cmocka_unit_test(quits_from_anywhere),
		cmocka_unit_test(walks_the_history_both_ways),
		cmocka_unit_test(keeps_a_view_as_it_was_left),
		cmocka_unit_test(goes_through_the_tabs_and_around),
		cmocka_unit_test(finds_what_the_user_names),
		cmocka_unit_test(leads_to_the_holder_in_a_few_keys),
		cmocka_unit_test(frees_views_that_nobody_can_reach),
		cmocka_unit_test(edits_what_is_typed),
		cmocka_unit_test(letters_that_sort_hide_no_key),
		cmocka_unit_test(no_key_is_bound_twice_and_all_are_explained),
		cmocka_unit_test(survives_any_keys),
	};
	int status;

	setlocale(LC_CTYPE, "C.UTF-8");
	tui_heap_make(&facts);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	tui_heap_free(&facts);
	return status;
}
