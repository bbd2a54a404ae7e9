/* SPDX-License-Identifier: MIT */
/*
 * Every view, keys in and text out, at three sizes: tests/golden/tui_*.txt.
 * REGOLD=1 writes them anew; read the difference before you commit it.
 */
#include <locale.h>
#include <unistd.h>

#include "base/progress.h"
#include "tests/aid_cmocka.h"
#include "tests/aid_tui_heap.h"
#include "tui/browser.h"
#include "tui/table.h"

static const struct { int rows, cols; } sizes[] = {
	{ 24, 80 }, { 40, 120 }, { 5, 20 },
};

static struct facts facts;
static struct comparison comparison;

/* What the server has become since it was younger. */
static void compare(void)
{
	struct digest both[2];
	struct facts old;
	struct err err = {0};

	tui_heap_make_old(&old);
	if (!digest_build(&old, &comparison.names, &both[0], &err) ||
	    !digest_build(&facts, &comparison.names, &both[1], &err) ||
	    !diff_build(&comparison.names, both, 2, &comparison.diff, &err)) {
		fputs(err.message, stderr);
		exit(1);
	}
	comparison.old_file = "chat.1.core.zst";
	comparison.old = both[0].live;
	comparison.new = both[1].live;
	digest_free(&both[0]);
	digest_free(&both[1]);
	tui_heap_free(&old);
}

static void open_browser(struct browser *b, enum human_charset charset)
{
	struct err err = {0};

	assert_true(browser_open(&facts, "chat.core.zst", charset, b, &err));
}

static void open_comparison(struct browser *b)
{
	open_browser(b, HUMAN_UTF8);
	b->session.comparison = &comparison;
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
static char *draw_all(const char *keys, struct comparison *with,
		      enum human_charset charset)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct browser b;

	assert_non_null(out);
	open_browser(&b, charset);
	b.session.comparison = with;
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

static void check_golden(const char *name, const char *keys,
			 struct comparison *with, enum human_charset charset)
{
	char *text = draw_all(keys, with, charset), *want, path[256];
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

/* The keys that lead to each view, from the first screen on. */
static const struct {
	const char *name, *keys;
	struct comparison *with;
} goldens[] = {
	{ "overview", "", NULL },
	{ "waste", "/waste\r\r", NULL },
	{ "refcounts", "/counts\r\r", NULL },
	{ "types", "2", NULL },
	{ "types_by_name", "2T", NULL },
	{ "dominators", "3+j+", NULL },
	{ "dominators_all", "3*", NULL },
	{ "leaks", "4", NULL },
	{ "cycles", "5", NULL },
	{ "cycle_blocks", "5\r", NULL },
	{ "cycle_step", "5jj\r", NULL },
	{ "threads", "6+", NULL },
	{ "frames", "6\r", NULL },
	{ "frame_local", "6\rjj\r", NULL },
	{ "globals", "7", NULL },
	{ "memory", "8", NULL },
	{ "diff", "9", &comparison },
	{ "diff_by_name", "9T", &comparison },
	{ "diff_holders", "9-j", &comparison },
	{ "diff_blocks", "9/several\r\r", &comparison },
	{ "diff_leaks", "9G\r", &comparison },
	{ "diff_alone", "9", NULL },
	{ "blocks", "2/Session\r\r", NULL },
	{ "text_blocks", "2/char\r\r", NULL },
	{ "instances", "4/cycle\r\r", NULL },
	{ "fields", ":chat::lobby\r\r", NULL },
	{ "fields_untyped", ":0x100004d8\r", NULL },
	{ "root", "7\r", NULL },
	{ "hex", ":chat::lobby\r\rx", NULL },
	{ "hex_text", "2/text\r\rx", NULL },
	{ "referrers", "2/Session\r\rjr*", NULL },
	{ "referrers_weak", "2/zero\rr", NULL },
	{ "path", "2/char\r\rp", NULL },
	{ "paths_of_type", "2/Session\rp", NULL },
	{ "dominators_of", "2/Session\r\rjjd", NULL },
	{ "why", "2/char\r\rw", NULL },
	{ "marks", "2/Session\r\rjmkmM", NULL },
	{ "help", "2?", NULL },
	{ "filtered", "2&session\r", NULL },
	{ "nothing", "2&nothing is called so\r", NULL },
	{ "exact", "2u", NULL },
	{ "prompt", "2/Sess", NULL },
	{ "error", "2/no such thing\r", NULL },
	{ "goto", ":0x10000050\r", NULL },
};

static void draws_each_view_as_it_did(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++)
		check_golden(goldens[i].name, goldens[i].keys, goldens[i].with,
			     HUMAN_UTF8);
	check_golden("dominators_ascii", "3+", NULL, HUMAN_ASCII);
	check_golden("fields_ascii", ":chat::lobby\r\r", NULL, HUMAN_ASCII);
	check_golden("diff_ascii", "9", &comparison, HUMAN_ASCII);
}

/* The room's name ends the title of a terminal, and has wide characters. */
static void shows_no_byte_of_the_heap_as_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char *text = draw_all(goldens[i].keys, goldens[i].with,
				      HUMAN_UTF8);

		for (const char *p = text; *p; p++)
			assert_true((unsigned char)*p >= ' ' || *p == '\n');
		assert_null(strstr(text, "\xff"));
		free(text);
		text = draw_all(goldens[i].keys, goldens[i].with, HUMAN_ASCII);
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

/* So does the first key that many people press. */
static void every_row_of_the_overview_opens_but_notes(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "\r");
	assert_string_equal(title(&b), "Threads");
	type(&b, "[");
	for (uint32_t i = 0; i + 1 < b.current->n_shown; i++) {
		struct view *overview = b.current;

		overview->selected = i;
		type(&b, "\r");
		assert_ptr_not_equal(b.current, overview);
		assert_string_equal(b.message, "");
		type(&b, "[");
		assert_ptr_equal(b.current, overview);
	}
	type(&b, "G\r");
	assert_string_equal(title(&b), "Overview");
	assert_non_null(strstr(b.message, "nothing to open on this row"));
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
	open_comparison(&b);
	for (size_t i = 0; i < n_tabs; i++) {
		assert_string_equal(title(&b), tabs[i].name);
		type(&b, "\t");
	}
	assert_string_equal(title(&b), "Overview");
	browser_key(&b, VKEY_BACKTAB);
	assert_string_equal(title(&b), "Diff");
	type(&b, "0");
	assert_string_equal(b.message, "there is no view 0");
	browser_close(&b);
}

static void has_no_diff_without_an_older_image(void **state)
{
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	browser_key(&b, VKEY_BACKTAB);
	assert_string_equal(title(&b), "Memory");
	type(&b, "\t");
	assert_string_equal(title(&b), "Overview");
	type(&b, "9");
	assert_string_equal(title(&b), "Overview");
	assert_string_equal(b.message, "there is nothing to compare with: "
			    "holdfast tui FILE OLD");
	browser_close(&b);
}

/* A list of @n blocks, all of type @type. */
static void expect_blocks(struct browser *b, uint32_t n, const char *type)
{
	struct cell_out out;

	assert_string_equal(b->current->class->name, "Blocks");
	assert_int_equal(b->current->n_shown, n);
	for (uint32_t i = 0; i < n; i++) {
		out.text[0] = '\0';
		b->current->class->model.cell(b->current->data, i, 4, &out);
		assert_int_equal(strncmp(out.text, type, strlen(type)), 0);
	}
}

/* The server has 12 sessions, each with a text, and three lost cycles. */
static void opens_the_blocks_behind_what_grew(void **state)
{
	struct browser b;

	(void)state;
	open_comparison(&b);
	type(&b, "9/char\r\r");
	assert_string_equal(title(&b), "all char[]");
	expect_blocks(&b, 12, "char[]");
	type(&b, "9g/roots) > chat::Session\r\r");
	assert_string_equal(title(&b), "at (several roots) > chat::Session");
	expect_blocks(&b, 12, "chat::Session");
	type(&b, "9g/Session > char\r\r");
	expect_blocks(&b, 12, "char[]");
	type(&b, "9g/leaked\r\r");
	expect_blocks(&b, 6, "std::_Rb_tree_node");
	type(&b, "9G\r");
	expect_blocks(&b, 6, "std::_Rb_tree_node");
	type(&b, "9p");
	assert_string_equal(title(&b), "paths to 6 blocks");
	type(&b, "9d");
	assert_string_equal(b.message,
			    "choose one block of it first: press Enter");
	type(&b, "9g\r");
	assert_string_equal(title(&b), "Diff");
	browser_close(&b);
}

static void goes_round_a_cycle_in_one_order(void **state)
{
	struct cell_out step[2], now;
	struct browser b;

	(void)state;
	open_browser(&b, HUMAN_UTF8);
	type(&b, "5");
	for (int sorted = 0; sorted < 3; sorted++) {
		const struct model *m = &b.current->class->model;

		assert_int_equal(b.current->n_shown, 3);
		for (uint32_t i = 0; i < 2; i++) {
			m->cell(b.current->data, i + 1, 6,
				sorted ? &now : &step[i]);
			assert_true(!sorted ||
				    !strcmp(now.text, step[i].text));
		}
		type(&b, "T");
	}
	assert_string_not_equal(step[0].text, step[1].text);
	assert_non_null(strstr(step[1].text, "back to the first"));
	browser_close(&b);
}

static void cancel(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	if (phase)
		progress_cancel();
}

static void opens_later_what_was_cancelled(void **state)
{
	static const struct { const char *before, *key, *title; } slow[] = {
		{ "", "5", "Cycles" },
		{ "9/Session >\r", "\r", "at (several roots) > chat::Session > "
					 "char[]" },
	};
	char before[VIEW_TITLE];
	struct browser b;

	(void)state;
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		summaries_free(&facts.summaries);
		open_comparison(&b);
		type(&b, slow[i].before);
		snprintf(before, sizeof(before), "%s", title(&b));
		progress_listen(cancel, NULL);
		type(&b, slow[i].key);
		progress_listen(NULL, NULL);
		assert_string_equal(b.message, "cancelled");
		assert_string_equal(title(&b), before);
		type(&b, slow[i].key);
		assert_string_equal(b.message, "");
		assert_string_equal(title(&b), slow[i].title);
		browser_close(&b);
	}
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

		b.session.comparison = goldens[i].with;
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
	static const char keys[] = "jjjkGg\r\r\rlhq[]+-*fxrpdtwumM123456789"
				   "RBCTAn/&:Zs \t<>?\033\177Nabc0x1";
	uint64_t seed = rng_seed();
	struct browser b;
	FILE *sink = fopen("/dev/null", "w");

	(void)state;
	open_comparison(&b);
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
		cmocka_unit_test(every_row_of_the_overview_opens_but_notes),
		cmocka_unit_test(quits_from_anywhere),
		cmocka_unit_test(walks_the_history_both_ways),
		cmocka_unit_test(keeps_a_view_as_it_was_left),
		cmocka_unit_test(goes_through_the_tabs_and_around),
		cmocka_unit_test(has_no_diff_without_an_older_image),
		cmocka_unit_test(opens_the_blocks_behind_what_grew),
		cmocka_unit_test(goes_round_a_cycle_in_one_order),
		cmocka_unit_test(opens_later_what_was_cancelled),
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
	compare();
	status = cmocka_run_group_tests(tests, NULL, NULL);
	diff_free(&comparison.diff);
	digest_names_free(&comparison.names);
	tui_heap_free(&facts);
	return status;
}
