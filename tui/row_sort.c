/* SPDX-License-Identifier: MIT */
#include "tui/row_sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/progress.h"

enum { N_DIGITS = 8, N_VALUES = 256 };

struct side {
	uint32_t *rows;		/* [n] */
	uint64_t *keys;		/* [n] */
};

static unsigned digit(uint64_t key, int i)
{
	return key >> (8 * i) & 0xff;
}

static void pass(const struct side *from, const struct side *to, size_t n,
		 int i, const size_t count[N_VALUES])
{
	size_t next[N_VALUES], at = 0;

	for (int v = 0; v < N_VALUES; v++) {
		next[v] = at;
		at += count[v];
	}
	for (size_t k = 0; k < n; k++) {
		size_t place = next[digit(from->keys[k], i)]++;

		to->rows[place] = from->rows[k];
		to->keys[place] = from->keys[k];
	}
}

static bool sort(struct side from, struct side to, size_t n, struct err *err)
{
	const struct side home = from;
	size_t count[N_DIGITS][N_VALUES] = {0};

	for (size_t k = 0; k < n; k++) {
		for (int i = 0; i < N_DIGITS; i++)
			count[i][digit(from.keys[k], i)]++;
	}
	for (int i = 0; i < N_DIGITS; i++) {
		struct side swap = from;

		if (n == 0 || count[i][digit(from.keys[0], i)] == n)
			continue;
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		pass(&from, &to, n, i, count[i]);
		progress_add(n);
		from = to;
		to = swap;
	}
	if (from.rows != home.rows) {
		memcpy(home.rows, from.rows, n * sizeof(*home.rows));
		memcpy(home.keys, from.keys, n * sizeof(*home.keys));
	}
	return true;
}

bool row_sort(uint32_t *rows, uint64_t *keys, size_t n, struct err *err)
{
	struct side home = { rows, keys }, other = {
		.rows = calloc(n + 1, sizeof(*rows)),
		.keys = calloc(n + 1, sizeof(*keys)),
	};
	bool ok = other.rows && other.keys;

	ok = ok ? sort(home, other, n, err) : err_nomem(err, "sorting");
	free(other.rows);
	free(other.keys);
	return ok;
}

/* Sort what was collected and leave the first. */
static bool keep_first(struct row_best *best, struct err *err)
{
	if (!row_sort(best->rows, best->keys, best->len, err))
		return false;
	if (best->len >= best->limit) {
		best->len = (size_t)best->limit;
		best->below = best->len ? best->keys[best->len - 1] : 0;
	}
	return true;
}

static bool grow(struct row_best *best)
{
	size_t want = best->cap ? best->cap * 2 : 256;
	uint32_t *rows = reallocarray(best->rows, want, sizeof(*rows));
	uint64_t *keys = NULL;

	if (rows) {
		best->rows = rows;
		keys = reallocarray(best->keys, want, sizeof(*keys));
	}
	if (!keys)
		return false;
	best->keys = keys;
	best->cap = want;
	return true;
}

bool row_best_take(struct row_best *best, uint32_t row, uint64_t key)
{
	struct err ignored = {0};

	if (best->len == best->cap) {
		if (best->len >= best->limit * 2 &&
		    !keep_first(best, &ignored))
			return ignored.code == ERR_CANCELLED;
		if (best->len == best->cap && !grow(best))
			return false;
	}
	best->rows[best->len] = row;
	best->keys[best->len++] = key;
	return true;
}

bool row_best_end(struct row_best *best, struct err *err)
{
	return keep_first(best, err);
}

void row_best_free(struct row_best *best)
{
	free(best->rows);
	free(best->keys);
	*best = (struct row_best){0};
}
