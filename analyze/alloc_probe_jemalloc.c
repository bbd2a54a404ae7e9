/* SPDX-License-Identifier: MIT */
/*
 * jemalloc 5.x by its rtree, 4.x by the headers of its chunks; any prefix.
 *
 * 5.x maps pages to extent records: two levels with packed 8-byte leaf
 * elements where the build assumed 48-bit addresses, three levels with
 * 16-byte elements where it assumed 57. A record starts with e_bits, e_addr,
 * size; the bitmap of free regions of a slab is at +64, and its population
 * must equal the nfree field of e_bits, which tells the layouts of 5.0,
 * 5.1-5.2 and 5.3 apart. How many words the bitmap has follows from a size
 * class table that is not read here, so any number of them may agree. Layouts:
 * include/jemalloc/internal/rtree.h, extent_structs.h (5.0-5.2), edata.h (5.3).
 */
#include "analyze/alloc_probe.h"
#include "analyze/words.h"
#include "base/map.h"

#define HUGE (UINT64_C(2) << 20)
#define PAGE_MASK (~(uint64_t)(PAGE_SIZE_X86 - 1))

enum { E_SLAB_BIT = 12, BITMAP = 8, BITMAP_WORDS = 8, RECORD_WORDS = 16 };

/* Where the fields of e_bits lie. */
static const struct layout {
	const char *version;
	unsigned state, state_bits, nfree;
	bool tested;
} layouts[] = {
	{ "5.3", 17, 3, 28, true },
	{ "5.1-5.2", 16, 2, 26, false },
	{ "5.0", 15, 2, 25, false },
};

enum { N_LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

static bool extent_owns(struct probe_space *space, uint64_t record,
			uint64_t addr, struct extent *ret)
{
	uint64_t word[3], start, size;

	if (record % 64 != 0 || !probe_words(space, record, 3, word))
		return false;
	start = word[1] & PAGE_MASK;
	size = word[2] & PAGE_MASK;
	if (size == 0 || addr < start || addr - start >= size ||
	    size > UINT64_MAX - start)
		return false;
	*ret = (struct extent){ start, start + size };
	return true;
}

static const struct radix_shape shapes[] = {
	{ .shift = 12, .bits = { 18, 18 }, .levels = 2, .element = 8,
	  .mask = UINT64_C(0x0000ffffffffffc0), .embedded = true,
	  .min_votes = 8, .owns = extent_owns },
	{ .shift = 12, .bits = { 15, 15, 15 }, .levels = 3, .element = 16,
	  .mask = UINT64_MAX, .embedded = true, .min_votes = 8,
	  .owns = extent_owns },
};

struct claim {
	struct probe_space *space;
	struct allocator_finding *ret;
	struct map chunks;	/* 2 MiB chunks that records lie in */
	uint64_t slabs[N_LAYOUTS], agree[N_LAYOUTS];
	struct err *err;
};

static bool bitmap_agrees(const uint64_t *bitmap, uint64_t n_free)
{
	uint64_t set = 0;

	for (int i = 0; i < BITMAP_WORDS; i++) {
		set += (uint64_t)__builtin_popcountll(bitmap[i]);
		if (set == n_free)
			return true;
	}
	return false;
}

/*
 * Count for each layout how many active slabs agree with their bitmap. Full
 * slabs are left out: zeros agree with everything.
 */
static void vote_layouts(struct claim *c, uint64_t record)
{
	uint64_t word[RECORD_WORDS];

	if (!probe_words(c->space, record, RECORD_WORDS, word) ||
	    !(word[0] >> E_SLAB_BIT & 1) || word[BITMAP] == 0)
		return;
	for (int i = 0; i < N_LAYOUTS; i++) {
		const struct layout *l = &layouts[i];
		uint64_t states = (UINT64_C(1) << l->state_bits) - 1;

		if ((word[0] >> l->state & states) != 0)
			continue;
		c->slabs[i]++;
		c->agree[i] += bitmap_agrees(word + BITMAP,
					     word[0] >> l->nfree & 1023);
	}
}

static bool claim_extent(void *ctx, uint64_t element, uint64_t record,
			 struct extent extent)
{
	struct claim *c = ctx;

	vote_layouts(c, record);
	if (!probe_keep(element, element + 8, c->ret, c->err) ||
	    !probe_keep(record, record + RECORD_WORDS * 8, c->ret, c->err))
		return true;
	if (!map_set(&c->chunks, record & ~(HUGE - 1), 1)) {
		err_nomem(c->err, "jemalloc's metadata");
		return true;
	}
	return !probe_claim(c->space, extent.start, extent.end, c->ret, c->err);
}

/*
 * Records and rtree nodes come from base blocks: 2 MiB aligned, linked,
 * starting with their size. They are in no rtree.
 */
static bool claim_base_blocks(struct claim *c)
{
	struct map_slot slot;
	struct map seen = {0};
	bool ok = true;

	for (size_t i = 0; ok && map_next(&c->chunks, &i, &slot);) {
		uint64_t block = slot.key, word[2];
		bool added = true;

		ok = probe_claim(c->space, block, block + HUGE, c->ret, c->err);
		while (ok && block != 0 && block % HUGE == 0 &&
		       probe_words(c->space, block, 2, word) && word[0] > 0 &&
		       word[0] % HUGE == 0 && word[0] <= HUGE << 12) {
			if (!map_slot(&seen, block, &added))
				ok = err_nomem(c->err, "jemalloc's metadata");
			if (!ok || !added)
				break;
			ok = probe_claim(c->space, block, block + word[0],
					 c->ret, c->err) &&
			     probe_keep(block, block + 16, c->ret, c->err);
			block = word[1];
		}
	}
	map_free(&seen);
	return ok;
}

/* "5.3.0-0-g54eaed1d...": the version is what stands before the first '-'. */
static size_t match_version(const uint8_t *at, size_t n)
{
	size_t i = 0, dots = 0, len;

	if (n < 10 || at[0] < '3' || at[0] > '9')
		return 0;
	for (; i < n && ((at[i] >= '0' && at[i] <= '9') || at[i] == '.'); i++)
		dots += at[i] == '.';
	len = i;
	if (dots != 2 || len > 12 || i + 3 >= n || at[i] != '-')
		return 0;
	for (i++; i < n && at[i] >= '0' && at[i] <= '9'; i++)
		;
	return i + 2 < n && at[i] == '-' && at[i + 1] == 'g' ? len : 0;
}

/* The layout that the slabs agree on; NULL when none stands out. */
static const struct layout *winner(const struct claim *c)
{
	const struct layout *best = NULL;
	uint64_t agree = 0;

	for (int i = 0; i < N_LAYOUTS; i++) {
		if (c->agree[i] > agree &&
		    c->agree[i] >= c->slabs[i] - c->slabs[i] / 8) {
			best = &layouts[i];
			agree = c->agree[i];
		}
	}
	return best;
}

static bool claim_map(struct probe_space *space,
		      const struct radix_shape *shape, uint64_t root,
		      uint64_t at, struct arena *arena,
		      struct allocator_finding *ret, struct err *err)
{
	struct claim c = { .space = space, .ret = ret, .err = err };
	const struct layout *layout;
	const char *text;
	bool ok;

	ok = radix_walk(space, shape, root, claim_extent, &c, err) &&
	     err->code == ERR_NONE;
	layout = winner(&c);
	text = probe_module_text(space->image, at, match_version, arena);
	ret->found = true;
	ret->version = text[0] ? text : layout ? layout->version : "5.x";
	ret->tested = layout && layout->tested;
	ok = ok && claim_base_blocks(&c);
	map_free(&c.chunks);
	return ok;
}

/* --- 4.x: chunks of 2 MiB that describe their own pages ----------------- */

enum {
	CHUNK_PAGES = 512,
	HEADER4 = (CHUNK_PAGES + 16) * 8,	/* bytes that are looked at */
	BIT_ALLOCATED = 1,
	BIT_LARGE = 2,
	RUN_OFFSET_SHIFT = 13,
};

/* Do the page bits from word @first of the header tile the chunk? */
static bool tiles(const uint64_t *header, unsigned first, unsigned bias)
{
	unsigned page = bias, runs = 0;

	while (page < CHUNK_PAGES) {
		uint64_t bits = header[first + page - bias];
		uint64_t size = bits >> 1 & PAGE_MASK;

		if ((bits & BIT_ALLOCATED) && !(bits & BIT_LARGE)) {
			uint64_t offset = bits >> RUN_OFFSET_SHIFT;

			if (offset > page - bias)
				return false;
			page++;
			continue;
		}
		if (size == 0 || size / PAGE_SIZE_X86 > CHUNK_PAGES - page)
			return false;
		page += (unsigned)(size / PAGE_SIZE_X86);
		runs++;
	}
	return page == CHUNK_PAGES && runs > 0;
}

static bool is_chunk4(struct probe_space *space, uint64_t chunk)
{
	uint64_t header[CHUNK_PAGES + 16];

	if (!probe_words(space, chunk, 3, header) || header[1] != chunk ||
	    header[2] != HUGE || !probe_anon(space, header[0]) ||
	    header[0] == chunk)
		return false;
	if (!probe_words(space, chunk, CHUNK_PAGES, header) ||
	    !probe_words(space, chunk + CHUNK_PAGES * 8, 16,
			 header + CHUNK_PAGES))
		return false;
	for (unsigned first = 13; first <= 15; first++) {
		for (unsigned bias = 11; bias <= 15; bias++) {
			if (tiles(header, first, bias))
				return true;
		}
	}
	return false;
}

static uint64_t round_up(uint64_t addr)
{
	return (addr + HUGE - 1) & ~(HUGE - 1);
}

static bool find_chunks4(struct probe_space *space,
			 struct allocator_finding *ret, struct err *err)
{
	for (size_t i = 0; i < space->anon.len; i++) {
		const struct extent *e = &space->anon.at[i];
		uint64_t at = e->start;

		/* A program may reserve terabytes that it never touches. */
		while (at <= UINT64_MAX - HUGE &&
		       (at = captured_from(space->image, round_up(at))) <
		       e->end) {
			uint64_t chunk = at;

			at += chunk % HUGE == 0 ? HUGE : 1;
			if (chunk % HUGE || e->end - chunk < HUGE ||
			    !is_chunk4(space, chunk))
				continue;
			if (!probe_claim(space, chunk, chunk + HUGE, ret, err) ||
			    !probe_keep(chunk, chunk + HEADER4, ret, err))
				return false;
			ret->found = true;
			ret->version = "4.x";
		}
	}
	return true;
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	bool ok;

	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err);
	for (size_t i = 0; ok && !ret->found && i < 2; i++) {
		uint64_t root, at;

		ok = radix_find(&space, &shapes[i], &root, &at, err);
		if (ok && root != 0)
			ok = claim_map(&space, &shapes[i], root, at, arena,
				       ret, err);
	}
	if (ok && !ret->found)
		ok = find_chunks4(&space, ret, err);
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_jemalloc = {
	.name = "jemalloc",
	.probe = probe,
};
