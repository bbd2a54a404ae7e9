/* SPDX-License-Identifier: MIT */
#include "tui/row_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/progress.h"

enum {
	CHUNK = 1 << 19,
	TICK = 1 << 12,
	EXACT_BITS = 8,
	EXACT = 2 << EXACT_BITS,	/* smaller keys have buckets alone */
	N_BUCKETS = (64 - EXACT_BITS + 1) << EXACT_BITS,
};

/* The bucket of @key: its exponent and first bits. Grows with the key. */
static unsigned bucket_of(uint64_t key)
{
	unsigned shift;

	if (key < EXACT)
		return (unsigned)key;
	shift = 63 - (unsigned)__builtin_clzll(key) - EXACT_BITS;
	return (shift << EXACT_BITS) + (unsigned)(key >> shift);
}

/* What a chunk of rows is by itself. */
struct chunk {
	uint64_t first, last;	/* keys */
	bool rises;		/* or stays */
	bool falls;		/* and never stays */
	uint32_t count[N_BUCKETS];	/* then where its next row goes */
};

struct spread {
	const struct row_keys *keys;
	const uint32_t *from;	/* NULL: rows are positions */
	uint32_t *to;
	uint16_t *bucket;	/* [n] */
	struct chunk *chunks;
	uint32_t n;
};

/* Keys by which rows ascend. */
static uint64_t key_of(const struct row_keys *keys, uint32_t row)
{
	uint64_t key = keys->key(keys->ctx, row, keys->column);

	return keys->descending ? ~key : key;
}

static unsigned place_of(const struct row_keys *keys, uint64_t key)
{
	return keys->descending ? N_BUCKETS - 1 - bucket_of(~key) :
				  bucket_of(key);
}

static void note_step(struct chunk *c, uint64_t key)
{
	c->rises &= key >= c->last;
	c->falls &= key < c->last;
}

static bool count_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	const struct spread *s = ctx;
	struct chunk *c = &s->chunks[chunk];

	(void)worker;
	(void)err;
	c->rises = c->falls = true;
	for (uint64_t i = begin; i < end; i++) {
		uint32_t row = s->from ? s->from[i] : (uint32_t)i;
		uint64_t key = key_of(s->keys, row);
		unsigned place = place_of(s->keys, key);

		if (i % TICK == 0 && progress_cancelled())
			return true;
		if (i == begin)
			c->first = key;
		else
			note_step(c, key);
		c->last = key;
		s->bucket[i] = (uint16_t)place;
		c->count[place]++;
	}
	progress_add(end - begin);
	return true;
}

static bool spread_chunk(void *ctx, size_t chunk, uint64_t begin,
			 uint64_t end, unsigned worker, struct err *err)
{
	const struct spread *s = ctx;
	uint32_t *next = s->chunks[chunk].count;

	(void)worker;
	(void)err;
	for (uint64_t i = begin; i < end; i++)
		s->to[next[s->bucket[i]]++] = s->from ? s->from[i] :
							(uint32_t)i;
	progress_add(end - begin);
	return true;
}

/* pool_run(), on this thread where the keys demand it. */
static bool run(struct spread *s, pool_body *body, struct err *err)
{
	bool ok = true;

	if (s->keys->at_once)
		return pool_run(s->n, CHUNK, body, s, err);
	for (uint64_t i = 0; ok && i < s->n; i += CHUNK)
		ok = body(s, (size_t)(i / CHUNK), i, i + CHUNK < s->n ?
			  i + CHUNK : s->n, 0, err);
	return ok;
}

/* Do all rows rise, or fall without two that are equal? */
static bool in_row(const struct spread *s, bool falls)
{
	size_t n = pool_chunks(s->n, CHUNK);

	for (size_t i = 0; i < n; i++) {
		const struct chunk *c = &s->chunks[i];

		if (!(falls ? c->falls : c->rises) ||
		    (i > 0 && (falls ? c->first >= c[-1].last :
				       c->first < c[-1].last)))
			return false;
	}
	return true;
}

/* Where the rows of each bucket and chunk go, and what is left to sort. */
static bool place_buckets(const struct spread *s, struct row_order *ret)
{
	size_t n = pool_chunks(s->n, CHUNK);
	uint32_t at = 0;

	for (unsigned b = 0; b < N_BUCKETS; b++) {
		struct row_run run = { .first = at };
		unsigned bucket = s->keys->descending ? N_BUCKETS - 1 - b : b;

		for (size_t i = 0; i < n; i++) {
			uint32_t count = s->chunks[i].count[b];

			s->chunks[i].count[b] = at;
			at += count;
		}
		run.end = at;
		if (run.end - run.first > 1 && bucket >= EXACT &&
		    !vec_push(&ret->runs, run))
			return false;
	}
	return true;
}

static bool spread(struct spread *s, struct row_order *ret, struct err *err)
{
	if (!run(s, count_chunk, err))
		return false;
	if (progress_cancelled())
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (in_row(s, false))
		return true;
	ret->back = !s->from && in_row(s, true);
	if (ret->back)
		return true;
	s->to = malloc((s->n + (size_t)1) * sizeof(*s->to));
	if (!s->to || !place_buckets(s, ret)) {
		free(s->to);
		return err_nomem(err, "sorting");
	}
	if (!run(s, spread_chunk, err)) {
		free(s->to);
		return false;
	}
	free(ret->rows);
	ret->rows = s->to;
	return true;
}

bool row_order_build(uint32_t *rows, uint32_t n, const struct row_keys *keys,
		     struct row_order *ret, struct err *err)
{
	struct spread s = {
		.keys = keys, .from = rows, .n = n,
		.bucket = malloc((n + (size_t)1) * sizeof(*s.bucket)),
		.chunks = calloc(pool_chunks(n, CHUNK) + 1, sizeof(*s.chunks)),
	};
	bool ok;

	*ret = (struct row_order){ .rows = rows, .n = n, .keys = *keys };
	ok = s.bucket && s.chunks ? spread(&s, ret, err) :
				    err_nomem(err, "sorting");
	free(s.bucket);
	free(s.chunks);
	if (!ok)
		row_order_free(ret);
	return ok;
}

/* Put the rows of @run into order; false when it could not be done. */
static bool sort_run(const struct row_order *order, const struct row_run *run)
{
	size_t n = run->end - run->first;
	uint64_t *keys = malloc(n * sizeof(*keys));
	uint32_t *rows = malloc(n * sizeof(*rows));
	struct err ignored = {0};
	bool ok = keys && rows;

	for (size_t i = 0; ok && i < n; i++) {
		rows[i] = order->rows[run->first + i];
		keys[i] = key_of(&order->keys, rows[i]);
	}
	ok = ok && row_sort(rows, keys, n, &ignored);
	if (ok)
		memcpy(order->rows + run->first, rows, n * sizeof(*rows));
	free(keys);
	free(rows);
	return ok;
}

/* Settle the run that holds @position, if there is one. */
static void settle(struct row_order *order, uint32_t position)
{
	size_t low = 0, high = order->runs.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (order->runs.at[mid].end <= position)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == order->runs.len || position < order->runs.at[low].first ||
	    !sort_run(order, &order->runs.at[low]))
		return;
	order->runs.len--;
	memmove(order->runs.at + low, order->runs.at + low + 1,
		(order->runs.len - low) * sizeof(order->runs.at[0]));
}

uint32_t row_order_at(struct row_order *order, uint32_t position)
{
	if (!order->rows)
		return order->back ? order->n - 1 - position : position;
	if (order->runs.len > 0)
		settle(order, position);
	return order->rows[position];
}

static uint32_t find(const struct row_order *order, uint32_t row,
		     uint32_t from)
{
	while (from < order->n && order->rows[from] != row)
		from++;
	return from;
}

uint32_t row_order_find(struct row_order *order, uint32_t row)
{
	uint32_t at;

	if (!order->rows)
		return row >= order->n ? order->n :
		       order->back ? order->n - 1 - row : row;
	at = find(order, row, 0);
	if (at == order->n || order->runs.len == 0)
		return at;
	/* Now it may stand elsewhere, in its run. */
	settle(order, at);
	return order->rows[at] == row ? at : find(order, row, 0);
}

void row_order_free(struct row_order *order)
{
	free(order->rows);
	vec_free(&order->runs);
	*order = (struct row_order){0};
}
