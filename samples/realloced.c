/* SPDX-License-Identifier: MIT */
/* Arrays that grew, flexible arrays, tables of rows; and two lost ones. */
#include <string.h>

#include "samples/truth.h"

enum { N_POINTS = 500, N_ROWS = 12, N_COLUMNS = 9, N_NAMES = 20 };

struct point {
	double x, y, z;
};

/* Grows by doubling; only the first `length` points are live. */
struct track {
	struct point *points;
	size_t length, capacity;
};

struct row {
	size_t n_cells;
	char *cells[];
};

struct track *track;
struct row **sheet;
char **names;

static void track_add(struct track *t, struct point p)
{
	if (t->length == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 4;
		t->points = (struct point *)realloc(t->points, t->capacity *
						    sizeof(*t->points));
	}
	t->points[t->length++] = p;
}

static struct row *row_new(unsigned r)
{
	struct row *row = (struct row *)calloc(1, sizeof(*row) +
					       N_COLUMNS * sizeof(char *));

	row->n_cells = N_COLUMNS;
	for (unsigned c = 0; c < N_COLUMNS; c++) {
		row->cells[c] = (char *)malloc(32);
		snprintf(row->cells[c], 32, "cell %u of row %u", c, r);
		truth_held(row->cells[c]);
	}
	truth_held(row);
	return row;
}

TRUTH_APART static void build(void)
{
	track = (struct track *)calloc(1, sizeof(*track));
	truth_root(track, "track");
	for (unsigned i = 0; i < N_POINTS; i++)
		track_add(track, (struct point){ i, 0.5 * i, 0.25 * i });
	truth_held(track->points);
	sheet = (struct row **)calloc(N_ROWS, sizeof(*sheet));
	truth_root(sheet, "sheet");
	for (unsigned r = 0; r < N_ROWS; r++)
		sheet[r] = row_new(r);
	for (unsigned n = 0; n < N_NAMES; n++) {
		names = (char **)realloc(names, (n + 1) * sizeof(*names));
		names[n] = strdup("a name that somebody gave to a thing");
		truth_held(names[n]);
	}
	truth_root(names, "names");
}

/* A cell overwritten, and a sheet of which only a row was freed. */
TRUTH_APART static void lose_text(void)
{
	struct row **old = (struct row **)calloc(2, sizeof(*old));
	char *text = strdup("written over by the next assignment");

	truth_leaked(text);
	old[1] = (struct row *)calloc(1, sizeof(struct row) + sizeof(char *));
	old[1]->n_cells = 1;
	truth_leaked(old[1]);
	truth_leaked(old);
}

int main(void)
{
	truth_begin("realloced");
	build();
	lose_text();
	return truth_stop();
}
