/* SPDX-License-Identifier: MIT */
#include "analyze/waste_duplicates.h"

#include <stdlib.h>

#include "analyze/block_key.h"
#include "base/bitset.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/progress.h"

enum { CHUNK = 1 << 13 };

/* First contents that are kept: together, and the largest of them. */
enum { KEPT = 64 << 20, KEPT_ONE = CONTENTS_PIECE };

const char *const duplicate_kind_names[N_DUPLICATE_KINDS] = {
	[DUPLICATE_TEXT] = "text",
	[DUPLICATE_DATA] = "data",
	[DUPLICATE_ZEROS] = "zeros",
};

/* Blocks of one hash. */
struct bucket {
	uint32_t first;		/* the first block */
	uint32_t count;		/* blocks that were found equal to it */
	uint64_t used;		/* bytes that are compared */
	uint64_t kept;		/* 1 + offset of its content in kept; 0: none */
	bool text;
};

struct candidate {
	uint32_t node, bucket;
};

struct build {
	const struct waste_contents *c;
	VEC(struct bucket) buckets;	/* by first block */
	VEC(struct candidate) candidates;	/* by node */
	uint8_t *equal;		/* [candidates.len] */
	uint8_t *kept;
	struct contents_reader *readers, *others;	/* [pool_threads()] */
};

/* Which hashes occur a second time, with some that do not. */
static bool find_repeated(const struct waste_contents *c,
			  struct bitset *repeated, struct err *err)
{
	size_t n = 64, mask;
	struct bitset seen;

	while (n / 8 < c->heap->n_blocks)
		n *= 2;
	mask = n - 1;
	if (!bitset_init(&seen, n) || !bitset_init(repeated, n)) {
		bitset_free(&seen);
		return err_nomem(err, "duplicates");
	}
	for (uint32_t i = 0; i < c->heap->n_blocks; i++) {
		if (c->hash[i] && !bitset_insert(&seen, c->hash[i] & mask))
			bitset_add(repeated, c->hash[i] & mask);
	}
	bitset_free(&seen);
	return true;
}

static bool gather(struct build *b, const struct bitset *repeated,
		   struct map *by_hash)
{
	const struct waste_contents *c = b->c;
	size_t mask = repeated->n - 1;

	for (uint32_t i = 0; i < c->heap->n_blocks; i++) {
		struct candidate next = { .node = i };
		uint64_t *slot;
		bool added;

		if (!c->hash[i] || !bitset_has(repeated, c->hash[i] & mask))
			continue;
		slot = map_slot(by_hash, c->hash[i], &added);
		if (!slot)
			return false;
		if (added) {
			*slot = b->buckets.len;
			if (!vec_push(&b->buckets,
				      (struct bucket){ .first = i }))
				return false;
			continue;
		}
		next.bucket = (uint32_t)*slot;
		if (!vec_push(&b->candidates, next))
			return false;
		b->buckets.at[*slot].count++;
	}
	return true;
}

/* Lay out what is kept of those that somebody will be compared with. */
static bool lay_out(struct build *b)
{
	uint64_t total = 0;

	for (size_t i = 0; i < b->buckets.len; i++) {
		struct bucket *bucket = &b->buckets.at[i];
		struct block_use use;

		if (bucket->count == 0)
			continue;
		use = waste_use(b->c, &b->readers[0], bucket->first);
		bucket->used = use.used;
		bucket->text = use.text;
		bucket->count = 0;
		if (use.used > KEPT_ONE || use.used > KEPT - total)
			continue;
		bucket->kept = 1 + total;
		total += use.used;
	}
	b->kept = malloc(total + 1);
	b->equal = calloc(b->candidates.len + 1, 1);
	return b->kept && b->equal;
}

static bool keep_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct build *b = ctx;

	(void)chunk;
	(void)err;
	for (uint64_t i = begin; i < end; i++) {
		struct bucket *bucket = &b->buckets.at[i];
		const uint8_t *at;

		if (!bucket->kept)
			continue;
		at = contents_read(&b->readers[worker],
				   b->c->heap->addr[bucket->first],
				   (size_t)bucket->used);
		if (at)
			memcpy(b->kept + bucket->kept - 1, at,
			       (size_t)bucket->used);
		else
			bucket->kept = 0;
	}
	return true;
}

static bool same_content(const struct build *b, unsigned worker,
			 const struct bucket *bucket, uint32_t node)
{
	const struct heap *heap = b->c->heap;

	for (uint64_t done = 0; done < bucket->used;) {
		size_t n = bucket->used - done < CONTENTS_PIECE ?
			   (size_t)(bucket->used - done) : CONTENTS_PIECE;
		const uint8_t *x = contents_read(&b->readers[worker],
						 heap->addr[node] + done, n);
		const uint8_t *y = bucket->kept ? b->kept + bucket->kept - 1 :
			contents_read(&b->others[worker],
				      heap->addr[bucket->first] + done, n);

		if (!x || !y || memcmp(x, y, n))
			return false;
		done += n;
	}
	return true;
}

static bool compare_chunk(void *ctx, size_t chunk, uint64_t begin,
			  uint64_t end, unsigned worker, struct err *err)
{
	struct build *b = ctx;

	(void)chunk;
	(void)err;
	for (uint64_t i = begin; i < end; i++) {
		const struct candidate *c = &b->candidates.at[i];
		const struct bucket *bucket = &b->buckets.at[c->bucket];
		struct block_use use = waste_use(b->c, &b->readers[worker],
						 c->node);

		b->equal[i] = use.used == bucket->used &&
			      use.text == bucket->text &&
			      same_content(b, worker, bucket, c->node);
	}
	progress_add(end - begin);
	return true;
}

static enum duplicate_kind kind_of(const struct build *b,
				   const struct bucket *bucket)
{
	if (bucket->text)
		return DUPLICATE_TEXT;
	return b->c->heap->content[bucket->first] == CONTENT_ZERO ?
	       DUPLICATE_ZEROS : DUPLICATE_DATA;
}

/* Groups in the order of their buckets, with room for their nodes. */
static bool make_groups(struct build *b, struct duplicates *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < b->candidates.len; i++)
		b->buckets.at[b->candidates.at[i].bucket].count += b->equal[i];
	for (size_t i = 0; i < b->buckets.len; i++) {
		struct bucket *bucket = &b->buckets.at[i];
		struct duplicate_group group = {
			.key = block_key(b->c->heap, bucket->first, false),
			.kind = kind_of(b, bucket), .size = bucket->used,
			.saved = bucket->used * bucket->count,
			.count = bucket->count + 1, .first = n,
		};

		if (bucket->count == 0)
			continue;
		if (!vec_push(&ret->groups, group))
			return false;
		ret->bytes += group.saved;
		ret->count += bucket->count;
		n += group.count;
		bucket->kept = ret->groups.len;	/* of no other use any more */
	}
	if (!vec_reserve(&ret->nodes, n))
		return false;
	ret->nodes.len = n;
	return true;
}

static bool fill_groups(struct build *b, struct duplicates *ret)
{
	size_t *next = malloc((ret->groups.len + 1) * sizeof(*next));

	if (!next)
		return false;
	for (size_t i = 0; i < b->buckets.len; i++) {
		const struct bucket *bucket = &b->buckets.at[i];
		size_t g = bucket->kept - 1;

		if (bucket->count == 0)
			continue;
		next[g] = ret->groups.at[g].first;
		ret->nodes.at[next[g]++] = bucket->first;
	}
	for (size_t i = 0; i < b->candidates.len; i++) {
		const struct candidate *c = &b->candidates.at[i];

		if (b->equal[i])
			ret->nodes.at[next[b->buckets.at[c->bucket].kept -
					   1]++] = c->node;
	}
	free(next);
	return true;
}

static int by_saved(const void *a, const void *b)
{
	const struct duplicate_group *x = a, *y = b;

	if (x->saved != y->saved)
		return x->saved < y->saved ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

static bool compare_all(struct build *b, struct err *err)
{
	unsigned threads = pool_threads();
	bool ok;

	b->readers = contents_readers_open(b->c->heap->image, threads);
	b->others = contents_readers_open(b->c->heap->image, threads);
	ok = (b->readers && b->others && lay_out(b)) ||
	     err_nomem(err, "duplicates");
	progress_begin("comparing contents", b->candidates.len);
	ok = ok && pool_run(b->buckets.len, CHUNK, keep_chunk, b, err) &&
	     pool_run(b->candidates.len, CHUNK, compare_chunk, b, err);
	progress_end();
	contents_readers_close(b->readers, threads);
	contents_readers_close(b->others, threads);
	return ok;
}

static bool find_candidates(struct build *b, struct err *err)
{
	struct bitset repeated = {0};
	struct map by_hash = {0};
	bool ok;

	ok = find_repeated(b->c, &repeated, err) &&
	     (gather(b, &repeated, &by_hash) || err_nomem(err, "duplicates"));
	bitset_free(&repeated);
	map_free(&by_hash);
	return ok;
}

bool duplicates_build(const struct waste_contents *contents,
		      struct duplicates *ret, struct err *err)
{
	struct build b = { .c = contents };
	bool ok;

	*ret = (struct duplicates){0};
	ok = find_candidates(&b, err) && compare_all(&b, err) &&
	     ((make_groups(&b, ret) && fill_groups(&b, ret)) ||
	      err_nomem(err, "duplicates"));
	if (ok && ret->groups.len > 0)
		qsort(ret->groups.at, ret->groups.len,
		      sizeof(*ret->groups.at), by_saved);
	vec_free(&b.buckets);
	vec_free(&b.candidates);
	free(b.equal);
	free(b.kept);
	if (!ok)
		duplicates_free(ret);
	return ok;
}

void duplicates_free(struct duplicates *duplicates)
{
	vec_free(&duplicates->groups);
	vec_free(&duplicates->nodes);
	*duplicates = (struct duplicates){0};
}
