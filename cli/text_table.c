/* SPDX-License-Identifier: MIT */
#include "cli/text_table.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#include "base/human.h"
#include "cli/cmd.h"

static enum human_charset charset(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8") ? HUMAN_UTF8 :
							HUMAN_ASCII;
}

static char *escaped(struct arena *arena, const char *text)
{
	size_t n = strlen(text);
	char *buf = arena_alloc(arena, HUMAN_ESCAPED(n));

	if (buf)
		human_escape(text, n, charset(), buf, HUMAN_ESCAPED(n));
	return buf;
}

void text_print(const char *text)
{
	struct arena arena = {0};
	const char *safe = escaped(&arena, text);

	fputs(safe ? safe : "?", stdout);
	arena_free(&arena);
}

struct table table_of(const struct table_column *columns, int n_columns,
		      const struct options *options)
{
	return (struct table){
		.columns = columns, .n_columns = n_columns,
		.exact = options->bytes, .color = options->color,
	};
}

static void push(struct table *t, const char *cell)
{
	if (!cell || !vec_push(&t->cells, cell))
		t->failed = true;
}

void table_text(struct table *t, const char *text)
{
	push(t, escaped(&t->arena, text));
}

void table_size(struct table *t, uint64_t bytes)
{
	char buf[HUMAN_MAX];

	table_text(t, human_size(bytes, t->exact, buf));
}

void table_count(struct table *t, uint64_t n)
{
	table_format(t, "%" PRIu64, n);
}

void table_addr(struct table *t, uint64_t addr)
{
	table_format(t, "0x%" PRIx64, addr);
}

void table_format(struct table *t, const char *fmt, ...)
{
	char buf[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	table_text(t, buf);
}

/* Columns on the screen; a character that is none counts as one. */
static int width_of(const char *text)
{
	mbstate_t state = {0};
	size_t left = strlen(text);
	int width = 0;

	while (left > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, left, &state);

		if (n == 0 || n > left) {
			n = 1;
			state = (mbstate_t){0};
			width++;
		} else {
			int w = wcwidth(c);

			width += w > 0 ? w : 0;
		}
		text += n;
		left -= n;
	}
	return width;
}

/* Blanks wait for what follows them: no row ends with any. */
static void print_cell(const struct table *t, int column, int width,
		       const char *cell, int *blanks)
{
	int pad = width - width_of(cell);
	bool last = column == t->n_columns - 1;

	*blanks += column > 0 ? 2 : 0;
	if (t->columns[column].align == ALIGN_RIGHT)
		*blanks += pad;
	if (*cell) {
		printf("%*s%s", *blanks, "", cell);
		*blanks = 0;
	}
	if (t->columns[column].align == ALIGN_LEFT)
		*blanks += pad;
	if (last) {
		putchar('\n');
		*blanks = 0;
	}
}

int table_print(struct table *t)
{
	int width[TABLE_COLUMNS] = {0};
	size_t rows = t->cells.len / (size_t)t->n_columns;
	bool ok = !t->failed;
	int blanks = 0;

	for (int c = 0; c < t->n_columns; c++)
		width[c] = width_of(t->columns[c].title);
	for (size_t i = 0; i < rows * (size_t)t->n_columns; i++) {
		int c = (int)(i % (size_t)t->n_columns);
		int w = width_of(t->cells.at[i]);

		if (w > width[c])
			width[c] = w;
	}
	if (ok && t->color)
		fputs("\033[1m", stdout);
	for (int c = 0; ok && c < t->n_columns; c++)
		print_cell(t, c, width[c], t->columns[c].title, &blanks);
	if (ok && t->color)
		fputs("\033[0m", stdout);
	for (size_t i = 0; ok && i < rows * (size_t)t->n_columns; i++) {
		int c = (int)(i % (size_t)t->n_columns);

		print_cell(t, c, width[c], t->cells.at[i], &blanks);
	}
	vec_free(&t->cells);
	arena_free(&t->arena);
	if (ok)
		return EXIT_DONE;
	fputs("holdfast: out of memory for a table\n", stderr);
	return EXIT_TROUBLE;
}
