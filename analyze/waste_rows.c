/* SPDX-License-Identifier: MIT */
#include "analyze/waste_rows.h"

/* The row of @key, made when there is none. */
static struct waste_row *row_of(struct waste_rows *rows,
				const struct waste_row *like)
{
	uint64_t hash = hash_bytes(like->key, sizeof(like->key), 1);
	const uint64_t *found;

	for (; (found = map_find(&rows->by_key, hash)); hash++) {
		struct waste_row *row = &rows->at.at[*found];

		if (!memcmp(row->key, like->key, sizeof(row->key)))
			return row;
	}
	if (!vec_push(&rows->at, (struct waste_row){ .sample = UINT32_MAX }))
		return NULL;
	if (!map_set(&rows->by_key, hash, rows->at.len - 1)) {
		rows->at.len--;
		return NULL;
	}
	memcpy(rows->at.at[rows->at.len - 1].key, like->key,
	       sizeof(like->key));
	return &rows->at.at[rows->at.len - 1];
}

bool waste_rows_add(struct waste_rows *rows, const struct waste_row *row)
{
	struct waste_row *to = row_of(rows, row);

	if (!to)
		return false;
	to->count += row->count;
	to->bytes += row->bytes;
	to->used += row->used;
	to->room += row->room;
	if (to->sample == UINT32_MAX || row->most > to->most) {
		to->most = row->most;
		to->sample = row->sample;
		to->holder = row->holder;
	}
	rows->bytes += row->bytes;
	return true;
}

bool waste_rows_join(struct waste_rows *rows, struct waste_rows *from)
{
	bool ok = true;

	for (size_t i = 0; ok && i < from->at.len; i++)
		ok = waste_rows_add(rows, &from->at.at[i]);
	waste_rows_free(from);
	return ok;
}

static int by_bytes(const void *a, const void *b)
{
	const struct waste_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	for (int i = 0; i < WASTE_KEYS; i++) {
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	}
	return 0;
}

void waste_rows_sort(struct waste_rows *rows)
{
	if (rows->at.len > 0)
		qsort(rows->at.at, rows->at.len, sizeof(*rows->at.at),
		      by_bytes);
	map_free(&rows->by_key);
}

void waste_rows_free(struct waste_rows *rows)
{
	vec_free(&rows->at);
	map_free(&rows->by_key);
	*rows = (struct waste_rows){0};
}
