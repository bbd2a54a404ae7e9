/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Tables of text for people: columns as wide as their widest cell, names
 * last and never cut. Cells are escaped: no byte of a heap or a symbol table
 * reaches the terminal raw.
 */
#ifndef CLI_TEXT_TABLE_H
#define CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "cli/options.h"

enum { TABLE_COLUMNS = 10 };

enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct table_column {
	const char *title;
	enum align align;
};

struct table {
	const struct table_column *columns;
	int n_columns;
	bool exact;		/* sizes in bytes */
	bool color;		/* titles stand out */
	bool failed;		/* out of memory: table_print() says so */
	VEC(const char *) cells;	/* n_columns a row */
	struct arena arena;
};

/** @columns is borrowed until table_print(). Heeds --bytes and --color. */
struct table table_of(const struct table_column *columns, int n_columns,
		      const struct options *options);

/* Append one cell; rows fill from left to right. */
void table_text(struct table *t, const char *text);
void table_size(struct table *t, uint64_t bytes);
void table_count(struct table *t, uint64_t n);
void table_addr(struct table *t, uint64_t addr);
void table_format(struct table *t, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/** Print on standard output, free, and return the exit status. */
int table_print(struct table *t);

/** Print @text escaped. */
void text_print(const char *text);

#endif
