/* SPDX-License-Identifier: MIT */
/* The table that every view is: moving, sorting, searching, filtering. */
#include <locale.h>
#include <unistd.h>

#include "base/progress.h"
#include "tests/aid_cmocka.h"
#include "tui/row_sort.h"
#include "tui/table.h"
#include "tui/tree.h"

/* Fruit with its count, or @many numbered rows: row i counts 7919 i modulo that. */
struct basket {
	uint32_t many;
	uint64_t cells;		/* formatted so far */
};

static const struct {
	const char *name;
	uint64_t count;
} fruit[] = {
	{ "pear", 77 }, { "Apple", 10 }, { "fig", 3 }, { "apricot", 10 },
	{ "plum", 500 },
};

enum { COL_COUNT, COL_BAR, COL_NAME, N_FRUIT = 5 };

static const struct column columns[] = {
	[COL_COUNT] = { "Count", COLUMN_RIGHT, 6, STYLE_SIZE, 'C', 1, false },
	[COL_BAR] = { "", COLUMN_BAR, 8, STYLE_SIZE, 0, 2, false },
	[COL_NAME] = { "Name", COLUMN_TEXT, 0, STYLE_TYPE, 'A', 0, true },
};

static uint32_t n_rows(const void *data)
{
	const struct basket *b = data;

	return b->many ? b->many : N_FRUIT;
}

static uint64_t number(void *data, uint32_t row, int column)
{
	const struct basket *b = data;

	if (b->many)
		return (uint64_t)row * 7919 % b->many;
	return column == COL_BAR ? fruit[row].count * 2 : fruit[row].count;
}

static void cell(void *data, uint32_t row, int column, struct cell_out *out)
{
	struct basket *b = data;

	b->cells++;
	if (column == COL_COUNT)
		snprintf(out->text, sizeof(out->text), "%llu",
			 (unsigned long long)number(data, row, column));
	else
		snprintf(out->text, sizeof(out->text), "%s",
			 b->many ? "row" : fruit[row].name);
}

static void forget(void *data)
{
	free(data);
}

static const struct view_class basket_class = {
	.name = "Basket", .columns = columns, .n_columns = 3, .sorted_by = -1,
	.model = {
		.n_rows = n_rows, .cell = cell, .number = number,
		.free = forget,
	},
};

static struct view *basket(uint32_t many)
{
	struct basket *data = calloc(1, sizeof(*data));
	struct err err = {0};
	struct view *v;

	assert_non_null(data);
	data->many = many;
	v = view_new(&basket_class, data, NULL, &err);
	assert_non_null(v);
	return v;
}

static void expect(struct view *v, int rows, int cols, const char *want)
{
	struct screen s = { .charset = HUMAN_ASCII };
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	assert_true(screen_resize(&s, rows, cols));
	table_draw(v, &s, 0, rows);
	screen_dump(&s, out);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
	screen_free(&s);
}

static void do_command(struct view *v, enum command command)
{
	struct err err = {0};
	bool done;

	assert_true(table_command(v, command, &done, &err));
	assert_true(done);
}

static void sort_by(struct view *v, int key)
{
	struct err err = {0};
	bool done;

	assert_true(table_sort_key(v, key, &done, &err));
	assert_true(done);
}

static void draws_columns_and_marks_the_selected_row(void **state)
{
	struct view *v = basket(0);

	(void)state;
	do_command(v, CMD_DOWN);
	expect(v, 6, 40,
	       "  Count          Name\n"
	       "     77 [#     ] pear\n"
	       ">    10 [      ] Apple\n"
	       "      3 [      ] fig\n"
	       "     10 [      ] apricot\n"
	       "    500 [######] plum\n");
	view_free(v);
}

static void leaves_out_columns_when_there_is_no_room(void **state)
{
	struct view *v = basket(0);

	(void)state;
	expect(v, 3, 18, "  Count Name\n>    77 pear\n     10 Apple\n");
	expect(v, 3, 10, " Name\n>pear\n Apple\n");
	expect(v, 2, 1, "\n>\n");
	view_free(v);
}

static void sorts_numbers_largest_first_and_names_from_a(void **state)
{
	struct view *v = basket(0);

	(void)state;
	sort_by(v, 'C');
	expect(v, 6, 18, " Countv Name\n>   500 plum\n     77 pear\n"
			 "     10 Apple\n     10 apricot\n      3 fig\n");
	sort_by(v, 'C');
	expect(v, 6, 18, " Count^ Name\n>     3 fig\n     10 Apple\n"
			 "     10 apricot\n     77 pear\n    500 plum\n");
	sort_by(v, 'A');
	expect(v, 6, 18, "  Count Name ^\n>    10 Apple\n     10 apricot\n"
			 "      3 fig\n     77 pear\n    500 plum\n");
	view_free(v);
}

static void ignores_letters_that_sort_nothing(void **state)
{
	struct view *v = basket(0);
	struct err err = {0};
	bool done = true;

	(void)state;
	assert_true(table_sort_key(v, 'Z', &done, &err));
	assert_false(done);
	view_free(v);
}

static void scrolls_so_that_the_selected_row_is_seen(void **state)
{
	struct view *v = basket(1000);

	(void)state;
	expect(v, 4, 10, " Name\n>row\n row\n row\n");
	do_command(v, CMD_LAST);
	expect(v, 4, 10, " Name\n row\n row\n>row\n");
	assert_int_equal(v->selected, 999);
	assert_int_equal(v->top, 997);
	do_command(v, CMD_PAGE_UP);
	assert_int_equal(v->selected, 997);
	do_command(v, CMD_FIRST);
	do_command(v, CMD_UP);
	assert_int_equal(v->selected, 0);
	do_command(v, CMD_PAGE_DOWN);
	assert_int_equal(v->selected, 2);
	view_free(v);
}

static void filters_and_shows_all_again(void **state)
{
	struct view *v = basket(0);
	struct err err = {0};

	(void)state;
	assert_true(table_filter(v, "ap", &err));
	expect(v, 6, 18, "  Count Name\n>    10 Apple\n     10 apricot\n\n\n\n");
	do_command(v, CMD_LAST);
	/* The row that was selected stays so. */
	assert_true(table_filter(v, "", &err));
	assert_int_equal(table_row(v, v->selected), 3);
	/* A capital letter matches nothing but itself. */
	assert_true(table_filter(v, "Ap", &err));
	assert_int_equal(v->n_shown, 1);
	assert_true(table_filter(v, "no such fruit", &err));
	assert_int_equal(v->n_shown, 0);
	do_command(v, CMD_DOWN);
	expect(v, 3, 18, "  Count Name\n no row holds "
		       "\"no~\n\n");
	view_free(v);
}

static void keeps_filter_and_order_together(void **state)
{
	struct view *v = basket(0);
	struct err err = {0};

	(void)state;
	sort_by(v, 'C');
	assert_true(table_filter(v, "p", &err));
	expect(v, 6, 18, " Countv Name\n>   500 plum\n     77 pear\n"
			 "     10 Apple\n     10 apricot\n\n");
	sort_by(v, 'A');
	expect(v, 3, 18, "  Count Name ^\n>    10 Apple\n     10 apricot\n");
	view_free(v);
}

static void searches_onwards_and_around(void **state)
{
	struct view *v = basket(0);
	struct err err = {0};
	bool done;

	(void)state;
	assert_true(table_search(v, "ap", &err));
	assert_int_equal(v->selected, 1);
	do_command(v, CMD_NEXT_MATCH);
	assert_int_equal(v->selected, 3);
	do_command(v, CMD_NEXT_MATCH);
	assert_int_equal(v->selected, 1);
	do_command(v, CMD_PREVIOUS_MATCH);
	assert_int_equal(v->selected, 3);
	assert_false(table_search(v, "melon", &err));
	assert_string_equal(err.message, "no row holds \"melon\"");
	assert_int_equal(v->selected, 3);
	assert_false(table_command(v, CMD_NEXT_MATCH, &done, &err));
	view_free(v);
}

static void looks_only_at_rows_on_the_screen(void **state)
{
	struct view *v = basket(900000);
	struct basket *data = v->data;

	(void)state;
	expect(v, 3, 18, "  Count Name\n>     0 row\n   7919 row\n");
	do_command(v, CMD_LAST);
	do_command(v, CMD_PAGE_UP);
	expect(v, 2, 18, "  Count Name\n>884162 row\n");
	assert_true(data->cells < 20);
	view_free(v);
}

static void cancels_and_stays_as_it_was(void **state)
{
	struct view *v = basket(300000);
	struct err err = {0};
	bool done;

	(void)state;
	sort_by(v, 'C');
	progress_cancel();
	assert_false(table_filter(v, "row", &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	err = (struct err){0};
	assert_false(table_sort_key(v, 'A', &done, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	progress_rearm();
	assert_int_equal(v->sort_column, COL_COUNT);
	assert_int_equal(v->n_shown, 300000);
	assert_int_equal(number(v->data, table_row(v, 0), COL_COUNT), 299999);
	view_free(v);
}

static void saves_all_rows_and_overwrites_nothing(void **state)
{
	struct view *v = basket(0);
	char path[] = "/tmp/test_table.XXXXXX";
	struct err err = {0};
	char text[4096] = "";
	FILE *in;

	(void)state;
	assert_true(mkdtemp(path) != NULL);
	assert_int_equal(chdir(path), 0);
	snprintf(v->title, sizeof(v->title), "Fruit");
	assert_true(table_filter(v, "ap", &err));
	assert_true(table_save(v, "saved.txt", &err));
	in = fopen("saved.txt", "r");
	assert_non_null(in);
	assert_true(fread(text, 1, sizeof(text) - 1, in) > 0);
	fclose(in);
	assert_string_equal(text, "Fruit\n\n  Count            Name\n"
			    ">    10  [      ]  Apple\n"
			    "     10  [      ]  apricot\n");
	assert_false(table_save(v, "saved.txt", &err));
	assert_string_equal(err.message, "saved.txt: File exists");
	unlink("saved.txt");
	assert_int_equal(chdir("/"), 0);
	rmdir(path);
	view_free(v);
}

static int by_key(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return x[0] != y[0] ? (x[0] > y[0] ? 1 : -1) :
			      (x[1] > y[1]) - (x[1] < y[1]);
}

static void sorts_as_qsort_does(void **state)
{
	enum { N = 3000 };
	static uint64_t pairs[N][2], keys[N];
	static uint32_t rows[N];
	uint64_t seed = rng_seed();
	struct err err = {0};

	(void)state;
	for (int round = 0; round < 50; round++) {
		unsigned shift = (unsigned)rng_below(&seed, 64);
		size_t n = rng_below(&seed, N);

		for (uint32_t i = 0; i < n; i++) {
			keys[i] = pairs[i][0] = rng_next(&seed) >> shift;
			rows[i] = i;
			pairs[i][1] = i;
		}
		qsort(pairs, n, sizeof(pairs[0]), by_key);
		assert_true(row_sort(rows, keys, n, &err));
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(rows[i], pairs[i][1]);
			assert_int_equal(keys[i], pairs[i][0]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_columns_and_marks_the_selected_row),
		cmocka_unit_test(leaves_out_columns_when_there_is_no_room),
		cmocka_unit_test(sorts_numbers_largest_first_and_names_from_a),
		cmocka_unit_test(ignores_letters_that_sort_nothing),
		cmocka_unit_test(scrolls_so_that_the_selected_row_is_seen),
		cmocka_unit_test(filters_and_shows_all_again),
		cmocka_unit_test(keeps_filter_and_order_together),
		cmocka_unit_test(searches_onwards_and_around),
		cmocka_unit_test(looks_only_at_rows_on_the_screen),
		cmocka_unit_test(cancels_and_stays_as_it_was),
		cmocka_unit_test(saves_all_rows_and_overwrites_nothing),
		cmocka_unit_test(sorts_as_qsort_does),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
