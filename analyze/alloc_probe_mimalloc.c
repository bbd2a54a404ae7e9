/* SPDX-License-Identifier: MIT */
/*
 * mimalloc 1 and 2 by the cookies of their segments, 3 by its page map.
 *
 * A segment of 1.x and 2.x starts at a multiple of 4 MiB and holds its own
 * address xor the random cookie of the main heap, which stands in the
 * module's data. Beside the cookie stands the segment's size: in 2.x two
 * counts of 64 KiB slices behind it, in 1.x two sizes in bytes before it.
 * 3.x has a two-level map from slices of 64 KiB to page records. Layouts:
 * include/mimalloc/types.h of each release.
 */
#include "analyze/alloc_probe.h"
#include "analyze/words.h"
#include "base/map.h"

#define SEGMENT_ALIGN (UINT64_C(4) << 20)
#define SLICE (UINT64_C(64) << 10)

enum { HEADER_WORDS = 40 };

/* Random 64-bit numbers; addresses, sizes and flags are not. */
static bool is_random(uint64_t word)
{
	return word >> 48 != 0 && word >> 48 != 0xffff &&
	       (word & 0xffffffff) != 0;
}

struct segments {
	struct probe_space *space;
	struct map cookies;	/* candidate: 0, or 1 when module data has it */
	uint64_t cookie;	/* the proved one */
	uint64_t cookie_at;	/* in module data */
	struct err *err;
};

/* Call @each with the header of each aligned address; false stops. */
static bool each_segment(struct segments *s,
			 bool (*each)(struct segments *s, uint64_t segment,
				      const uint64_t *header, void *ctx),
			 void *ctx)
{
	const probe_extents *anon = &s->space->anon;
	uint64_t header[HEADER_WORDS], next = 0;

	for (size_t i = 0; i < anon->len; i++) {
		uint64_t at = anon->at[i].start;

		for (; at < anon->at[i].end; at += SEGMENT_ALIGN) {
			/* A program may reserve terabytes and not touch them. */
			at = captured_from(s->space->image, at);
			if (at >= anon->at[i].end)
				break;
			at = (at + SEGMENT_ALIGN - 1) & ~(SEGMENT_ALIGN - 1);
			if (at < next || at >= anon->at[i].end ||
			    !probe_words(s->space, at, HEADER_WORDS, header))
				continue;
			next = at + SEGMENT_ALIGN;
			if (!each(s, at, header, ctx))
				return false;
		}
	}
	return true;
}

static bool list_cookies(struct segments *s, uint64_t segment,
			 const uint64_t *header, void *ctx)
{
	(void)ctx;
	for (int i = 0; i < HEADER_WORDS; i++) {
		uint64_t cookie = header[i] ^ segment;

		if (!is_random(header[i]) || !is_random(cookie))
			continue;
		if (!map_set(&s->cookies, cookie, 0))
			return err_nomem(s->err, "cookies of mimalloc");
	}
	return true;
}

static bool match_cookie(void *ctx, uint64_t at, uint64_t word)
{
	struct segments *s = ctx;

	if (!is_random(word) || !map_find(&s->cookies, word))
		return false;
	s->cookie = word;
	s->cookie_at = at;
	return true;
}

/* The size of a segment by the words around its cookie; 0 when implausible. */
static uint64_t segment_size(const uint64_t *cookie, bool *v2)
{
	uint64_t slices = cookie[1], info = cookie[2];

	*v2 = slices > 0 && slices < UINT64_C(1) << 32 && info > 0 &&
	      info < 64 && info < slices;
	if (*v2)
		return slices * SLICE;
	if (cookie[-2] > 0 && cookie[-2] % PAGE_SIZE_X86 == 0 &&
	    cookie[-2] >> 47 == 0 && cookie[-1] < cookie[-2])
		return cookie[-2];
	return 0;
}

static bool claim_segment(struct segments *s, uint64_t segment,
			  const uint64_t *header, void *ctx)
{
	struct allocator_finding *ret = ctx;

	for (int i = 2; i + 2 < HEADER_WORDS; i++) {
		bool v2;
		uint64_t size;

		if ((header[i] ^ segment) != s->cookie)
			continue;
		size = segment_size(&header[i], &v2);
		if (size == 0)
			continue;
		if (!ret->found || size == SEGMENT_ALIGN * 16)
			ret->version = !v2 ? "1.x" :
				size == SEGMENT_ALIGN * 16 ? "2.0.0-2.0.7" :
				"2.0.8-2.2";
		ret->found = true;
		ret->tested = v2;
		return probe_claim(s->space, segment, segment + size, ret,
				   s->err) &&
		       probe_keep(segment, segment + HEADER_WORDS * 8, ret,
				  s->err);
	}
	return true;
}

static bool find_segments(struct probe_space *space,
			  struct allocator_finding *ret, struct err *err)
{
	struct segments s = { .space = space, .err = err };
	bool ok;

	ok = each_segment(&s, list_cookies, NULL) &&
	     probe_data_words(space, match_cookie, &s, err);
	if (ok && s.cookie != 0)
		ok = each_segment(&s, claim_segment, ret) &&
		     probe_keep(s.cookie_at, s.cookie_at + 8, ret, err);
	map_free(&s.cookies);
	return ok;
}

/* Words of a 3.x page record; the start of its blocks moved in 3.4. */
enum {
	PAGE_COUNTS = 2,	/* u16 used, capacity, reserved from byte 16 */
	PAGE_BLOCK_SIZE = 5,
	PAGE_START = 6,
	PAGE_WORDS = 9,
};

static bool page_owns(struct probe_space *space, uint64_t record,
		      uint64_t addr, struct extent *ret)
{
	uint64_t word[PAGE_WORDS], used, capacity, reserved, size, start;

	if (record % 8 != 0 || !probe_words(space, record, PAGE_WORDS, word))
		return false;
	used = word[PAGE_COUNTS] & 0xffff;
	capacity = word[PAGE_COUNTS] >> 16 & 0xffff;
	reserved = word[PAGE_COUNTS] >> 32 & 0xffff;
	size = word[PAGE_BLOCK_SIZE];
	start = word[PAGE_START];
	if (start >> 32 == 0)
		start = record + start * 8;
	if (used > capacity || capacity > reserved || reserved == 0 ||
	    size < 8 || size % 8 != 0 || size > UINT64_C(1) << 46 ||
	    start > UINT64_C(1) << 47)
		return false;
	if (addr / SLICE < start / SLICE || addr >= start + size * reserved)
		return false;
	*ret = (struct extent){ addr / SLICE * SLICE,
				(addr / SLICE + 1) * SLICE };
	return true;
}

static const struct radix_shape shape = {
	.shift = 16, .bits = { 19, 13 }, .levels = 2, .element = 8,
	.mask = UINT64_MAX, .embedded = false, .min_votes = 4,
	.owns = page_owns,
};

struct claim {
	struct probe_space *space;
	struct allocator_finding *ret;
	const struct extent *home;	/* of the slice before */
	uint64_t end;			/* of the slice before */
	struct err *err;
};

/*
 * Slices between two that are used belong to the same arena, which is one
 * mapping of a gigabyte: they are free, but mimalloc's.
 */
static bool claim_slice(void *ctx, uint64_t element, uint64_t record,
			struct extent slice)
{
	struct claim *c = ctx;
	const struct extent *home = probe_extent(&c->space->anon, slice.start);
	uint64_t from = home && home == c->home ? c->end : slice.start;

	(void)element;
	c->home = home;
	c->end = slice.end;
	return !probe_keep(record, record + PAGE_WORDS * 8, c->ret, c->err) ||
	       !probe_claim(c->space, from, slice.end, c->ret, c->err);
}

static bool find_page_map(struct probe_space *space,
			  struct allocator_finding *ret, struct err *err)
{
	struct claim c = { .space = space, .ret = ret, .err = err };
	uint64_t root, at;

	if (!radix_find(space, &shape, &root, &at, err))
		return false;
	if (root == 0)
		return true;
	ret->found = true;
	ret->version = "3.x";
	return radix_walk(space, &shape, root, claim_slice, &c, err) &&
	       err->code == ERR_NONE;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err) &&
	     find_segments(&space, ret, err);
	if (ok && !ret->found)
		ok = find_page_map(&space, ret, err);
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_mimalloc = {
	.name = "mimalloc",
	.probe = probe,
};
