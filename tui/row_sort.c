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
