/* SPDX-License-Identifier: MIT */
/*
 * The per-thread caches (struct tcache_perthread_struct).
 *
 * Each is a block of malloc's own, and the only pointer to it lies in its
 * thread's TLS, at the same distance from fs_base in all threads. Threads
 * that fork() left behind, and those that ended under 2.26, have caches that
 * nothing points to any more; their shape gives them away. A cache proves
 * itself by its lists: every link leads to a used chunk of just the size of
 * the list, and every length agrees with its counter.
 */
#include "analyze/alloc_glibc.h"

#include <stdlib.h>

#include "base/progress.h"

enum {
	TLS_REACH = 0x2000,	/* bytes below fs_base to look through */
	TLS_WORDS = TLS_REACH / 8,
	PROBE_THREADS = 16,
	/* A rest too small to be a chunk stays with the cache's. */
	MAX_SURPLUS = 0x20,
	STRUCT_MAX = 0x2f8,
	/* A thread may have stopped inside malloc; a link may be damaged. */
	MAX_ODD = 2,
};

/* What to do with the chunks of a list that is followed. */
enum entries { ENTRIES_CHECK, ENTRIES_GATHER, ENTRIES_MARK };

/* A tcache, copied, and what following its lists showed. */
struct cache {
	const struct glibc_tcache_layout *layout;
	enum glibc_links links;
	uint64_t addr;		/* of the struct */
	uint64_t limit;		/* entries and free slots of a bin: 2.42 on */
	uint64_t entries;	/* in all lists */
	uint64_t first;		/* one of them, or 0 */
	unsigned odd;		/* lists that differ from their counters */
	uint8_t bytes[STRUCT_MAX];
};

static uint64_t head_of(const struct cache *c, size_t bin)
{
	uint64_t head;

	memcpy(&head, c->bytes + c->layout->entries + 8 * bin, sizeof(head));
	return head;
}

/* The number of entries that the counter of @bin stands for. */
static uint64_t length_of(const struct cache *c, size_t bin)
{
	uint16_t count = 0;

	memcpy(&count, c->bytes + c->layout->count_size * bin,
	       c->layout->count_size);
	if (!c->layout->counts_free_slots)
		return count;
	return count <= c->limit ? c->limit - count : UINT64_MAX;
}

/* Since 2.42, entries and free slots make the same sum in every bin. */
static uint64_t slots_of(const struct cache *c, const struct glibc_copy *copy)
{
	uint64_t most = 0;

	if (copy->mp != 0)
		return copy->par.tcache_count;
	for (size_t i = 0; i < c->layout->bins; i++) {
		uint16_t count;

		memcpy(&count, c->bytes + 2 * i, sizeof(count));
		if (count > most)
			most = count;
	}
	return most;
}

/* Cheap: heads are chunks, and are there when the counters say so. */
static bool heads_fit(const struct cache *c)
{
	unsigned odd = 0;

	for (size_t i = 0; i < c->layout->bins; i++) {
		uint64_t head = head_of(c, i), length = length_of(c, i);

		if ((head % GLIBC_ALIGN != 0 || length == UINT64_MAX ||
		     (head == 0) != (length == 0)) && ++odd > MAX_ODD)
			return false;
	}
	return true;
}

/*
 * Follow list @bin for at most @most entries. *@length is how many were sound;
 * false when the list did not end there.
 */
static bool follow(struct glibc_walk *walk, const struct cache *c, size_t bin,
		   uint64_t most, enum entries entries, uint64_t *length)
{
	uint64_t at = head_of(c, bin), size;
	size_t block;

	for (*length = 0; at != 0; ++*length) {
		size = glibc_listed_size(walk, at - 16, &block);
		if (*length == most || !glibc_spend(walk, 1) ||
		    (size != GLIBC_ANY_SIZE &&
		     !glibc_tcache_size_fits(bin, size)))
			return false;
		if (entries == ENTRIES_MARK && block != SIZE_MAX)
			bitset_add(&walk->freed, block);
		if (entries == ENTRIES_GATHER &&
		    !vec_push(&walk->cached, at - 16))
			return false;
		if (!glibc_link(walk, at, c->links, &at)) {
			++*length;
			return false;
		}
	}
	return true;
}

/* Do the lists agree with their counters, but for MAX_ODD at most? */
static bool lists_fit(struct glibc_walk *walk, struct cache *c)
{
	c->entries = c->odd = 0;
	c->first = 0;
	for (size_t i = 0; i < c->layout->bins; i++) {
		uint64_t want = length_of(c, i), got = 0;

		if (head_of(c, i) == 0 && want == 0)
			continue;
		if ((want == UINT64_MAX ||
		     !follow(walk, c, i, want + 1, ENTRIES_CHECK, &got) ||
		     got != want) && ++c->odd > MAX_ODD)
			return false;
		c->entries += got;
		if (got > 0 && c->first == 0)
			c->first = head_of(c, i);
	}
	return true;
}

/* Enough agrees that it cannot be chance. */
static bool is_convincing(const struct cache *c)
{
	return c->entries > 0 && (c->odd == 0 || c->entries >= 8);
}

static bool layout_fits(const struct glibc_copy *copy,
			const struct glibc_tcache_layout *layout)
{
	struct glibc_facts facts = copy->facts;

	if (facts.tcache)
		return facts.tcache == layout;
	facts.tcache = layout;
	return glibc_has_class(&facts);
}

/* The layout of a cache that would fill a chunk of @size bytes, or NULL. */
static const struct glibc_tcache_layout *
layout_for(const struct glibc_copy *copy, uint64_t size)
{
	for (size_t i = 0; i < 3; i++) {
		const struct glibc_tcache_layout *layout =
			&glibc_tcache_layouts[i];

		if (size - glibc_chunk_for(layout->size) <= MAX_SURPLUS &&
		    layout_fits(copy, layout))
			return layout;
	}
	return NULL;
}

/* Try the ways of linking that the facts leave open; newer first. */
static bool try_cache(struct glibc_walk *walk, const struct glibc_copy *copy,
		      struct cache *c)
{
	static const enum glibc_links ways[2] = { LINKS_MANGLED, LINKS_PLAIN };

	for (size_t i = 0; i < 2; i++) {
		struct glibc_facts facts = copy->facts;

		if (facts.links && facts.links != ways[i])
			continue;
		facts.tcache = c->layout;
		facts.links = ways[i];
		if (!glibc_has_class(&facts))
			continue;
		c->links = ways[i];
		if (lists_fit(walk, c))
			return true;
	}
	return false;
}

/* Is there a cache of @copy at @addr, in a used chunk of @size bytes? */
static bool read_cache(struct glibc_walk *walk, const struct glibc_copy *copy,
		       uint64_t addr, uint64_t size, struct cache *ret)
{
	ret->layout = layout_for(copy, size);
	ret->addr = addr;
	if (!ret->layout ||
	    !image_read(walk->image, addr, ret->bytes, ret->layout->size))
		return false;
	ret->limit = slots_of(ret, copy);
	return heads_fit(ret) && try_cache(walk, copy, ret);
}

/* What a cache with entries shows about its release. */
static void learn(struct glibc_walk *walk, struct glibc_copy *copy,
		  const struct cache *c)
{
	uint64_t key;

	if (c->entries == 0)
		return;
	copy->facts.tcache = c->layout;
	copy->facts.links = c->links;
	glibc_complete(&copy->facts);
	if (copy->facts.key != KEY_UNKNOWN ||
	    !glibc_word(walk, c->first + 8, &key))
		return;
	if (key == c->addr)
		copy->facts.key = KEY_OWNER;
	else
		copy->facts.key = c->links == LINKS_MANGLED ? KEY_RANDOM :
							      KEY_NONE;
	if (!glibc_has_class(&copy->facts))
		copy->facts.key = KEY_UNKNOWN;
}

/* Called for a word in a thread's TLS that points at a cache with entries;
 * true stops the search. */
typedef bool found_cache(void *ctx, size_t distance, struct glibc_copy *copy,
			 const struct cache *cache);

static bool try_word(struct glibc_walk *walk, uint64_t word, size_t distance,
		     found_cache *found, void *ctx)
{
	struct cache cache;
	uint64_t size;
	size_t block;

	if (word < 32 || word % GLIBC_ALIGN != 0 || !glibc_spend(walk, 1))
		return false;
	size = glibc_used_size(walk, word - 16);
	if (size < 0x250 || size > 0x320)
		return false;
	block = walk->indexed ? glibc_block(walk, word - 16) : 0;
	for (uint32_t i = 0; i < walk->found->n_copies; i++) {
		struct glibc_copy *copy = &walk->found->copies[i];

		if (walk->indexed && glibc_block_copy(walk, block) != i)
			continue;
		if (read_cache(walk, copy, word, size, &cache) &&
		    is_convincing(&cache))
			return found(ctx, distance, copy, &cache);
	}
	return false;
}

/* Look through the TLS of the first @n threads. */
static bool search_tls(struct glibc_walk *walk, size_t n, found_cache *found,
		       void *ctx, struct err *err)
{
	uint64_t words[TLS_WORDS];

	for (size_t t = 0; t < n && t < walk->image->threads.len; t++) {
		uint64_t fs = walk->image->threads.at[t].regs[X86_FS_BASE];
		uint64_t from = fs - TLS_REACH;

		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (fs < TLS_REACH || fs % 8 != 0)
			continue;
		/* What lies below the TLS block may not be mapped. */
		for (size_t i = 0; i < TLS_WORDS; i++) {
			words[i] = 0;
			(void)window_u64(&walk->order, from + 8 * i,
					 &words[i]);
		}
		/* From fs_base downwards: libc's block is near it. */
		for (size_t i = TLS_WORDS; i-- > 0;) {
			if (try_word(walk, words[i], TLS_WORDS - i, found,
				     ctx))
				return true;
		}
	}
	return true;
}

static bool learn_from(void *ctx, size_t distance, struct glibc_copy *copy,
		       const struct cache *cache)
{
	struct glibc_walk *walk = ctx;

	(void)distance;
	learn(walk, copy, cache);
	return walk->found->n_copies == 1 && copy->facts.key != KEY_UNKNOWN;
}

bool glibc_probe_tcaches(struct glibc_walk *walk, struct err *err)
{
	return search_tls(walk, PROBE_THREADS, learn_from, walk, err);
}

static bool gather(void *ctx, size_t distance, struct glibc_copy *copy,
		   const struct cache *cache)
{
	struct glibc_walk *walk = ctx;
	uint64_t length;

	(void)distance;
	for (size_t i = 0; copy == walk->cached_of && i < cache->layout->bins;
	     i++)
		(void)follow(walk, cache, i, length_of(cache, i),
			     ENTRIES_GATHER, &length);
	return false;
}

void glibc_gather_cached(struct glibc_walk *walk,
			 const struct glibc_copy *copy)
{
	struct err cancelled = {0};

	if (walk->cached_of == copy)
		return;
	walk->cached_of = copy;
	walk->cached.len = 0;
	(void)search_tls(walk, SIZE_MAX, gather, walk, &cancelled);
}

/* How often a cache was found at each distance below fs_base. */
struct votes {
	struct glibc_walk *walk;
	uint32_t at[GLIBC_MAX_COPIES][TLS_WORDS + 1];
};

static bool vote(void *ctx, size_t distance, struct glibc_copy *copy,
		 const struct cache *cache)
{
	struct votes *votes = ctx;

	votes->at[copy - votes->walk->found->copies][distance]++;
	learn(votes->walk, copy, cache);
	return false;
}

/* Mark what @c holds, list by list as far as it is sound. */
static void mark(struct glibc_walk *walk, const struct cache *c)
{
	uint64_t length;

	bitset_add(&walk->own, glibc_block(walk, c->addr - 16));
	for (size_t i = 0; i < c->layout->bins; i++) {
		uint64_t want = length_of(c, i);

		if (head_of(c, i) == 0)
			continue;
		if (want == UINT64_MAX ||
		    !follow(walk, c, i, want + 1, ENTRIES_MARK, &length))
			glibc_note(walk, c->addr, "broken tcache lists");
	}
	if (c->odd > 0)
		glibc_note(walk, c->addr,
			   "tcaches whose counters differ from their lists");
}

/* The cache of one thread, which may be empty or just being changed. */
static void mark_thread(struct glibc_walk *walk, uint32_t number,
			uint64_t field)
{
	struct glibc_copy *copy = &walk->found->copies[number];
	uint64_t word, size;
	struct cache cache;
	size_t block;

	if (!glibc_word(walk, field, &word) || word < 32)
		return;
	block = glibc_block(walk, word - 16);
	if (block == SIZE_MAX || bitset_has(&walk->own, block))
		return;
	size = glibc_used_size(walk, word - 16);
	if (read_cache(walk, copy, word, size, &cache))
		mark(walk, &cache);
}

static void mark_living(struct glibc_walk *walk, uint32_t number,
			const uint32_t *votes)
{
	size_t best = 0;

	for (size_t i = 1; i <= TLS_WORDS; i++) {
		if (votes[i] > votes[best])
			best = i;
	}
	if (best == 0)
		return;
	for (size_t t = 0; t < walk->image->threads.len; t++) {
		uint64_t fs = walk->image->threads.at[t].regs[X86_FS_BASE];

		mark_thread(walk, number, fs - 8 * best);
	}
}

/* Caches that no thread has: all chunks of their size are looked at. */
static void mark_orphans(struct glibc_walk *walk)
{
	struct cache cache;

	for (size_t r = 0; r < walk->runs.len; r++) {
		const struct glibc_run *run = &walk->runs.at[r];
		struct glibc_copy *copy = &walk->found->copies[run->copy];

		for (size_t i = run->first; i < run->first + run->n; i++) {
			struct chunk c = walk->list->blocks.at[i];

			if (c.size < 0x248 || c.size > 0x318 ||
			    bitset_has(&walk->own, i) ||
			    bitset_has(&walk->freed, i) ||
			    !read_cache(walk, copy, c.addr, c.size + 8,
					&cache) ||
			    !is_convincing(&cache))
				continue;
			learn(walk, copy, &cache);
			mark(walk, &cache);
		}
	}
}

bool glibc_mark_tcaches(struct glibc_walk *walk, struct err *err)
{
	struct votes *votes = calloc(1, sizeof(*votes));
	bool ok;

	if (!votes)
		return err_nomem(err, "thread caches");
	votes->walk = walk;
	ok = search_tls(walk, SIZE_MAX, vote, votes, err);
	for (uint32_t i = 0; ok && i < walk->found->n_copies; i++)
		mark_living(walk, i, votes->at[i]);
	if (ok)
		mark_orphans(walk);
	free(votes);
	return ok;
}
