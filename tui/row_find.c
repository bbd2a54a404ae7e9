/* SPDX-License-Identifier: MIT */
#include "tui/row_find.h"

#include <ctype.h>
#include <string.h>

#include "base/bitset.h"
#include "base/pool.h"
#include "base/progress.h"

enum {
	TICK = 1 << 12,
	CHUNK = 1 << 13,	/* rows; a multiple of 64 */
	FIRST_LOOK = 1 << 13,	/* rows looked at before more threads are */
	MOST_AT_ONCE = 1 << 20,
};

bool text_holds(const char *text, const char *pattern)
{
	for (const char *p = pattern; *p; p++) {
		if (isupper((unsigned char)*p))
			return strstr(text, pattern) != NULL;
	}
	return strcasestr(text, pattern) != NULL;
}

static bool is_cancelled(uint32_t i, struct err *err)
{
	if (i % TICK)
		return false;
	progress_add(TICK);
	return progress_cancelled() &&
	       !err_set(err, ERR_CANCELLED, "cancelled");
}

static bool cells_hold(struct view *v, uint32_t row, const char *pattern)
{
	struct cell_out out;

	for (int c = 0; c < v->class->n_columns; c++) {
		if (v->class->columns[c].kind == COLUMN_BAR)
			continue;
		out.text[0] = '\0';
		v->class->model.cell(v->data, row, c, &out);
		if (text_holds(out.text, pattern))
			return true;
	}
	return false;
}

static void *match_new(struct view *v, const char *pattern)
{
	return v->class->model.match_new ?
	       v->class->model.match_new(v->data, pattern) : NULL;
}

/* --- all of them --- */

/* What the threads share. */
struct matching {
	struct view *v;
	void *match;
	struct bitset *rows;	/* those that match */
	/* Positions from @start on down or up, and the first that matches. */
	uint32_t start;
	bool down;
	uint32_t first[MOST_AT_ONCE / CHUNK];
};

static bool match_rows(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct matching *m = ctx;
	const struct model *model = &m->v->class->model;

	(void)chunk;
	for (uint32_t i = (uint32_t)begin; i < end; i++) {
		if (is_cancelled(i, err))
			return false;
		if (model->match(m->v->data, m->match, i, worker))
			bitset_add(m->rows, i);
	}
	return true;
}

/* The rows that match, each chunk of them by one thread. */
static bool match_all(struct view *v, void *match, struct bitset *rows,
		      struct err *err)
{
	struct matching m = { .v = v, .match = match, .rows = rows };
	uint32_t n = v->class->model.n_rows(v->data);

	return pool_run(n, CHUNK, match_rows, &m, err);
}

static void list(const struct bitset *rows, uint32_t *order, uint32_t *n)
{
	*n = 0;
	for (size_t w = 0; w <= rows->n / 64; w++) {
		for (uint64_t bits = rows->words[w]; bits; bits &= bits - 1)
			order[(*n)++] = (uint32_t)(w * 64) +
					(uint32_t)__builtin_ctzll(bits);
	}
}

/*
 * Rows whose cells match, in @order from 0 on; in a tree those above them as
 * well: walking backwards, a row is needed when it is less deep than what was
 * kept.
 */
static bool list_by_cells(struct view *v, const char *pattern,
			  uint32_t *order, uint32_t *n_shown, struct err *err)
{
	const struct tree_model *tree = v->class->model.tree;
	uint32_t n = v->class->model.n_rows(v->data), at = n, need = 0;

	for (uint32_t i = n; i-- > 0;) {
		uint32_t depth = tree ? tree->depth(v->data, i) : 0;

		if (is_cancelled(i, err))
			return false;
		if (depth >= need && !cells_hold(v, i, pattern))
			continue;
		need = depth;
		order[--at] = i;
	}
	*n_shown = n - at;
	memmove(order, order + at, *n_shown * sizeof(*order));
	return true;
}

bool rows_that_hold(struct view *v, const char *pattern, uint32_t *order,
		    uint32_t *n, struct err *err)
{
	void *match = match_new(v, pattern);
	struct bitset rows;
	bool ok;

	if (!match)
		return list_by_cells(v, pattern, order, n, err);
	ok = bitset_init(&rows, v->class->model.n_rows(v->data)) ?
	     match_all(v, match, &rows, err) : err_nomem(err, "rows");
	if (ok)
		list(&rows, order, n);
	bitset_free(&rows);
	v->class->model.match_free(match);
	return ok;
}

/* --- the next one --- */

/* The position @i steps from @from. */
static uint32_t step(const struct view *v, uint32_t from, uint64_t i, bool down)
{
	uint32_t n = v->n_shown;

	return (uint32_t)((down ? from + i : from + (uint64_t)n - i) % n);
}

static bool find_by_cells(struct view *v, const char *pattern, uint32_t from,
			  bool down, uint32_t *ret, struct err *err)
{
	for (uint32_t i = 0; i < v->n_shown; i++) {
		uint32_t at = step(v, from, i, down);

		if (is_cancelled(i, err))
			return false;
		if (cells_hold(v, row_order_at(&v->order, at), pattern)) {
			*ret = at;
			return true;
		}
	}
	return true;
}

static bool match_steps(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	struct matching *m = ctx;
	struct view *v = m->v;

	m->first[chunk] = v->n_shown;
	for (uint64_t i = begin; i < end; i++) {
		uint32_t at = step(v, m->start, i, m->down);

		if (is_cancelled((uint32_t)i, err))
			return false;
		if (v->class->model.match(v->data, m->match,
					  row_order_at(&v->order, at),
					  worker)) {
			m->first[chunk] = at;
			return true;
		}
	}
	return true;
}

/* Rows in the model's order: a few first, then more and more at once. */
static bool find_in_row(struct view *v, void *match, uint32_t from, bool down,
			uint32_t *ret, struct err *err)
{
	struct matching m = { .v = v, .match = match, .down = down };
	uint64_t done = 0, n = FIRST_LOOK;

	for (; done < v->n_shown; done += n, n *= n < MOST_AT_ONCE ? 2 : 1) {
		uint64_t left = v->n_shown - done;

		n = n < left ? n : left;
		m.start = step(v, from, done, down);
		if (!pool_run(n, CHUNK, match_steps, &m, err))
			return false;
		for (size_t c = 0; c < pool_chunks(n, CHUNK); c++) {
			if (m.first[c] < v->n_shown) {
				*ret = m.first[c];
				return true;
			}
		}
	}
	return true;
}

/* In another order: all that match first, so that blocks are read as they lie
 * in the file. */
static bool find_in_order(struct view *v, void *match, uint32_t from,
			  bool down, uint32_t *ret, struct err *err)
{
	struct bitset rows;
	bool ok, found = false;

	if (!bitset_init(&rows, v->class->model.n_rows(v->data)))
		return err_nomem(err, "rows");
	ok = match_all(v, match, &rows, err);
	for (uint32_t i = 0; ok && !found && i < v->n_shown; i++) {
		uint32_t at = step(v, from, i, down);

		ok = !is_cancelled(i, err);
		found = bitset_has(&rows, row_order_at(&v->order, at));
		if (found)
			*ret = at;
	}
	bitset_free(&rows);
	return ok;
}

bool row_find(struct view *v, const char *pattern, uint32_t from, bool down,
	      uint32_t *ret, struct err *err)
{
	void *match = v->n_shown > 0 ? match_new(v, pattern) : NULL;
	bool ok;

	*ret = v->n_shown;
	if (!match)
		return find_by_cells(v, pattern, from, down, ret, err);
	ok = v->order.rows ? find_in_order(v, match, from, down, ret, err) :
			     find_in_row(v, match, from, down, ret, err);
	v->class->model.match_free(match);
	return ok;
}
