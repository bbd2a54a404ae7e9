/* SPDX-License-Identifier: MIT */
/*
 * Finding chunks again behind damage, or behind memory that the program took
 * from the kernel with a sbrk() of its own.
 *
 * Each aligned address is tried in turn: does a walk from there hold
 * together? An address that an earlier, failed trial passed through fails as
 * well, so the search costs one step for each address and no more.
 */
#include "analyze/alloc_glibc_segment.h"

#include <stdlib.h>

#include "base/sorted.h"

enum {
	ENOUGH_STEPS = 64,
	MAX_FAST = 1 << 16,	/* chunks of a fastbin to look at */
	MEMO_BYTES = 16 << 20,	/* of heap that one memo covers */
};

struct search {
	struct glibc_walk *walk;
	const struct glibc_segment *seg;
	uint64_t from;		/* where the search began */
	enum glibc_trust trust;
	struct bitset seen;	/* addresses that a trial passed, / 16 */
	uint64_t seen_from;
};

/* Members of one bin, by way of fd or bk, as far as the links are sound. */
static void gather_bin(struct glibc_walk *walk, uint64_t bin, uint64_t link,
		       uint64_t back_link)
{
	uint64_t at = bin, next, back;

	while (glibc_spend(walk, 1) && glibc_word(walk, at + link, &next) &&
	       next != bin) {
		if (next % GLIBC_ALIGN != 0 ||
		    !glibc_word(walk, next + back_link, &back) || back != at ||
		    !vec_push(&walk->anchors, next))
			return;
		at = next;
	}
}

/* Members of the fastbin at @bin, for chunks of @size bytes. */
static void gather_fastbin(struct glibc_walk *walk, uint64_t bin,
			   uint64_t size, enum glibc_links how)
{
	uint64_t at;

	if (how == LINKS_UNKNOWN || !glibc_word(walk, bin, &at))
		return;
	for (uint32_t n = 0; n < MAX_FAST && glibc_spend(walk, 1) &&
	     at != 0 && glibc_used_size(walk, at) == size; n++) {
		if (!vec_push(&walk->anchors, at) ||
		    !glibc_link(walk, at + 16, how, &at))
			return;
	}
}

static void gather_fast(struct glibc_walk *walk,
			const struct glibc_segment *seg)
{
	const struct glibc_facts *facts = &seg->copy->facts;
	uint64_t bins = seg->arena + facts->arena->fastbins;

	for (uint64_t k = 0; facts->arena->fastbins != GLIBC_ABSENT &&
	     k < GLIBC_FASTBINS; k++)
		gather_fastbin(walk, bins + 8 * k,
			       GLIBC_MIN_CHUNK + GLIBC_ALIGN * k,
			       facts->links);
}

/* Both ways round each bin, so that one broken link loses nothing. */
static void gather_anchors(struct glibc_walk *walk,
			   const struct glibc_segment *seg)
{
	uint64_t bin = seg->arena + seg->copy->facts.arena->bins - 16;

	if (walk->anchors_of == seg->arena)
		return;
	walk->anchors_of = seg->arena;
	walk->anchors.len = 0;
	for (uint64_t i = 0; i < GLIBC_BINS; i++, bin += 16) {
		gather_bin(walk, bin, 16, 24);
		gather_bin(walk, bin, 24, 16);
	}
	gather_fast(walk, seg);
	glibc_gather_cached(walk, seg->copy);
	for (size_t i = 0; i < walk->cached.len; i++) {
		if (!vec_push(&walk->anchors, walk->cached.at[i]))
			break;
	}
	glibc_sort(&walk->anchors);
}

/* The first listed chunk >= @at, or UINT64_MAX: surely a chunk. */
static uint64_t anchor_from(const struct search *s, uint64_t at)
{
	const glibc_addresses *anchors = &s->walk->anchors;
	size_t i = s->walk->anchors_of == s->seg->arena ?
		   sorted_from(anchors->at, anchors->len, at) : anchors->len;

	return i < anchors->len ? anchors->at[i] : UINT64_MAX;
}

/* True when an earlier trial came by here. */
static bool was_seen(struct search *s, uint64_t at)
{
	uint64_t i = (at - s->seen_from) / GLIBC_ALIGN;

	return i < s->seen.n && !bitset_insert(&s->seen, (size_t)i);
}

/* One step of a trial: true when a chunk that holds together is at *@at. */
static bool step(struct search *s, uint64_t *at, uint64_t word)
{
	uint64_t size = word & ~(uint64_t)CHUNK_FLAGS, next = *at + size;
	uint64_t next_word, prev_size;

	if (!glibc_word(s->walk, next + 8, &next_word))
		return false;
	if (next_word & CHUNK_PREV_USED) {
		if (s->seg->thread && !(word & CHUNK_THREAD_ARENA))
			return false;
	} else if (!glibc_word(s->walk, next, &prev_size) ||
		   prev_size != size) {
		return false;
	}
	if (anchor_from(s, *at + GLIBC_ALIGN) < next)
		return false;
	*at = next;
	return true;
}

static bool holds(struct search *s, uint64_t at)
{
	uint64_t word;

	for (uint64_t steps = 0;; steps++) {
		if (!glibc_word(s->walk, at + 8, &word) ||
		    !glibc_spend(s->walk, 1))
			return false;
		switch (glibc_header(s->walk, s->seg, at, word)) {
		case HEADER_TOP:
		case HEADER_FENCE:
			return true;
		case HEADER_CHUNK:
			break;
		default:
			return false;
		}
		if ((s->trust >= TRUST_START && steps >= ENOUGH_STEPS) ||
		    (s->trust >= TRUST_LISTED && anchor_from(s, at) == at))
			return true;
		if (was_seen(s, at) || !step(s, &at, word))
			return false;
	}
}

/*
 * The first chunk of a new segment was its top once: low bit set. Within a
 * segment a free chunk may lie before, from the damaged header on.
 */
static bool may_begin(const struct search *s, uint64_t at)
{
	uint64_t word, prev_size;

	if (!glibc_word(s->walk, at + 8, &word))
		return false;
	if ((word & CHUNK_PREV_USED) || at == s->seg->top)
		return true;
	return s->trust == TRUST_STEPS &&
	       glibc_word(s->walk, at, &prev_size) &&
	       prev_size >= GLIBC_MIN_CHUNK && prev_size % GLIBC_ALIGN == 0 &&
	       prev_size <= at - s->from + GLIBC_ALIGN;
}

/* Where to look next after @at: past memory that is not in the image. */
static uint64_t advance(const struct search *s, uint64_t at, uint64_t to)
{
	const struct range *range;
	uint64_t word;

	if (glibc_word(s->walk, at + 8, &word))
		return at + GLIBC_ALIGN;
	range = image_range(s->walk->image, at);
	if (range && range->presence == PRESENCE_ABSENT && range->end > at)
		return range->end < to ? range->end : to;
	return (at | (PAGE_SIZE_X86 - 1)) + 1;
}

static uint64_t search(struct search *s, uint64_t from, uint64_t to)
{
	uint64_t at = (from + GLIBC_ALIGN - 1) & ~(uint64_t)(GLIBC_ALIGN - 1);

	while (at < to && glibc_spend(s->walk, 1)) {
		if (at - s->seen_from >= MEMO_BYTES) {
			memset(s->seen.words, 0, s->seen.n / 8);
			s->seen_from = at;
		}
		if (may_begin(s, at) && holds(s, at))
			return at;
		at = advance(s, at, to);
	}
	return 0;
}

uint64_t glibc_resync(struct glibc_walk *walk, const struct glibc_segment *seg,
		      uint64_t from, uint64_t to, enum glibc_trust trust)
{
	struct search s = {
		.walk = walk, .seg = seg, .trust = trust, .from = from,
		.seen_from = from,
	};
	uint64_t found = 0;

	if (!bitset_init(&s.seen, MEMO_BYTES / GLIBC_ALIGN))
		return 0;
	if (trust != TRUST_END)
		gather_anchors(walk, seg);
	found = search(&s, from, to);
	if (found == 0 && seg->top >= from && seg->top < to &&
	    seg->top % GLIBC_ALIGN == 0)
		found = seg->top;
	bitset_free(&s.seen);
	return found;
}

bool glibc_arrives(struct glibc_walk *walk, const struct glibc_segment *seg,
		   uint64_t at)
{
	struct search s = { .walk = walk, .seg = seg, .trust = TRUST_END };

	return may_begin(&s, at) && holds(&s, at);
}
