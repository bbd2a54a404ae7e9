/* SPDX-License-Identifier: MIT */
#include "analyze/signatures.h"

#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
	const struct signature_member *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Sets of more blocks have few keys beside: a cycle of millions. */
enum { MANY = 64 };

/* The place of @key in scratch, where it is added unless it is there. */
static bool find_key(struct signatures *s, struct map *places, uint64_t key,
		     uint64_t *ret)
{
	struct signature_member m = { .key = key };
	bool added = false;
	uint64_t *slot = map_slot(places, key, &added);

	if (!slot)
		return false;
	if (added) {
		*slot = s->scratch.len;
		if (!vec_push(&s->scratch, m))
			return false;
	}
	*ret = *slot;
	return true;
}

/* The multiset of keys in scratch, in any order. */
static bool count_many(struct signatures *s, const struct heap *heap,
		       const uint32_t *blocks, size_t n)
{
	struct map places = {0};
	uint64_t last = 0, place = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		uint64_t key = block_key(heap, blocks[i], true);
		uint64_t bytes = heap_size(heap, blocks[i]);

		if (i == 0 || key != last)
			ok = find_key(s, &places, key, &place);
		if (!ok)
			break;
		last = key;
		s->scratch.at[place].count++;
		if (bytes > s->scratch.at[place].bytes)
			s->scratch.at[place].bytes = bytes;
	}
	map_free(&places);
	return ok;
}

/* Each block as a member of its own. */
static bool list_keys(struct signatures *s, const struct heap *heap,
		      const uint32_t *blocks, size_t n)
{
	if (!vec_reserve(&s->scratch, n))
		return false;
	for (size_t i = 0; i < n; i++)
		s->scratch.at[i] = (struct signature_member){
			.key = block_key(heap, blocks[i], true), .count = 1,
			.bytes = heap_size(heap, blocks[i]),
		};
	s->scratch.len = n;
	return true;
}

/* The multiset of keys, sorted, in scratch. */
static bool count_keys(struct signatures *s, const struct heap *heap,
		       const uint32_t *blocks, size_t n)
{
	size_t len = 0;

	s->scratch.len = 0;
	if (!(n > MANY ? count_many : list_keys)(s, heap, blocks, n))
		return false;
	n = s->scratch.len;
	if (n > 1)
		qsort(s->scratch.at, n, sizeof(*s->scratch.at), by_key);
	for (size_t i = 0; i < n; i++) {
		struct signature_member m = s->scratch.at[i];

		if (len == 0 || s->scratch.at[len - 1].key != m.key) {
			s->scratch.at[len++] = m;
			continue;
		}
		s->scratch.at[len - 1].count++;
		if (m.bytes > s->scratch.at[len - 1].bytes)
			s->scratch.at[len - 1].bytes = m.bytes;
	}
	s->scratch.len = len;
	return true;
}

static uint64_t hash_of(const struct signatures *s, uint64_t tag)
{
	uint64_t hash = tag;

	for (size_t i = 0; i < s->scratch.len; i++)
		hash = hash_u64(hash_u64(hash ^ s->scratch.at[i].key) +
				s->scratch.at[i].count);
	return hash;
}

static bool is_same(const struct signatures *s, const struct signature *sig,
		    uint64_t tag)
{
	const struct signature_member *m = s->members.at + sig->first_member;

	if (sig->tag != tag || sig->n_members != s->scratch.len)
		return false;
	for (size_t i = 0; i < sig->n_members; i++) {
		if (m[i].key != s->scratch.at[i].key ||
		    m[i].count != s->scratch.at[i].count)
			return false;
	}
	return true;
}

static bool add(struct signatures *s, uint64_t tag)
{
	struct signature sig = {
		.tag = tag, .first_member = s->members.len,
		.n_members = s->scratch.len,
	};

	for (size_t i = 0; i < s->scratch.len; i++) {
		if (!vec_push(&s->members, s->scratch.at[i]))
			return false;
	}
	return vec_push(&s->at, sig);
}

bool signature_of(struct signatures *s, const struct heap *heap,
		  const uint32_t *blocks, size_t n, uint64_t tag,
		  uint32_t *ret, struct err *err)
{
	if (!count_keys(s, heap, blocks, n))
		return err_nomem(err, "signatures");
	/* Different signatures with one hash take the next places. */
	for (uint64_t hash = hash_of(s, tag);; hash++) {
		bool added;
		uint64_t *slot = map_slot(&s->by_hash, hash, &added);

		if (!slot)
			return err_nomem(err, "signatures");
		if (added)
			*slot = s->at.len;
		*ret = (uint32_t)*slot;
		if (added)
			return add(s, tag) || err_nomem(err, "signatures");
		if (is_same(s, &s->at.at[*ret], tag))
			return true;
	}
}

/* Nine nodes of a list are not what holds the list, though they are more. */
static bool is_larger(const struct signature_member *a,
		      const struct signature_member *b)
{
	return a->bytes != b->bytes ? a->bytes > b->bytes :
				      a->count > b->count;
}

uint64_t signature_largest(const struct signatures *s, uint32_t i)
{
	const struct signature *sig = &s->at.at[i];
	const struct signature_member *m = s->members.at + sig->first_member;
	size_t best = 0;

	for (size_t j = 1; j < sig->n_members; j++) {
		if (is_larger(&m[j], &m[best]))
			best = j;
	}
	return sig->n_members ? m[best].key : BLOCK_KEY_UNTYPED;
}

void signatures_free(struct signatures *s)
{
	vec_free(&s->at);
	vec_free(&s->members);
	vec_free(&s->scratch);
	map_free(&s->by_hash);
}
