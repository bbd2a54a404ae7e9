/* SPDX-License-Identifier: MIT */
/*
 * Go's heap by mheap.arenas.
 *
 * On linux/amd64 one array of 2^22 pointers, 64 MiB of address space each,
 * leads from (address + 2^47) >> 26 to a heapArena; its span array leads from
 * a page of 8 KiB to an mspan, which tells its first page at +24 and its
 * length at +32. Where the span array stands in a heapArena tells the
 * release. Layouts: runtime/mheap.go of Go 1.12 to 1.26.
 */
#include "analyze/alloc_probe.h"

#define ARENA_BYTES (UINT64_C(64) << 20)
#define GO_PAGE UINT64_C(8192)

enum { ARENA_PAGES = 8192, SPANS_WANTED = 2, CHUNK = 512 };

static const struct {
	const char *version;
	uint64_t spans;		/* offset in heapArena, bytes */
	bool tested;
} layouts[] = {
	{ "1.12-1.19", UINT64_C(2) << 20, true },
	{ "1.20-1.21", (UINT64_C(1) << 20) + (UINT64_C(16) << 10), false },
	{ "1.22+", 0, false },
};

enum { N_LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

static bool span_owns(struct probe_space *space, uint64_t span, uint64_t addr)
{
	uint64_t word[5];

	return span % 8 == 0 && probe_anon(space, span) &&
	       probe_words(space, span, 5, word) && word[3] % GO_PAGE == 0 &&
	       word[4] > 0 && word[4] <= UINT64_C(1) << 35 &&
	       addr >= word[3] && (addr - word[3]) / GO_PAGE < word[4];
}

/* Do the spans that stand at @spans describe the arena at @arena? */
static bool spans_agree(struct probe_space *space, uint64_t spans,
			uint64_t arena)
{
	uint64_t word[CHUNK];
	unsigned good = 0, bad = 0;

	for (uint64_t page = 0; page < ARENA_PAGES; page += CHUNK) {
		if (!probe_words(space, spans + page * 8, CHUNK, word))
			continue;
		for (uint64_t i = 0; i < CHUNK; i++) {
			if (word[i] == 0)
				continue;
			if (span_owns(space, word[i],
				      arena + (page + i) * GO_PAGE))
				good++;
			else if (++bad > 16 + good / 8)
				return false;
		}
	}
	return good >= SPANS_WANTED && bad <= good / 8;
}

static int layout_of(struct probe_space *space, uint64_t record,
		     uint64_t arena)
{
	for (int i = 0; i < N_LAYOUTS; i++) {
		if (spans_agree(space, record + layouts[i].spans, arena))
			return i;
	}
	return -1;
}

static bool arena_owns(struct probe_space *space, uint64_t record,
		       uint64_t addr, struct extent *ret)
{
	uint64_t arena = addr & ~(ARENA_BYTES - 1);

	if (record % PAGE_SIZE_X86 != 0 || layout_of(space, record, arena) < 0)
		return false;
	*ret = (struct extent){ arena, arena + ARENA_BYTES };
	return true;
}

static const struct radix_shape shape = {
	.shift = 26, .bits = { 22 }, .levels = 1, .element = 8,
	.mask = UINT64_MAX, .bias = UINT64_C(1) << 47, .embedded = false,
	.min_votes = 1, .owns = arena_owns,
};

struct claim {
	struct probe_space *space;
	struct allocator_finding *ret;
	struct err *err;
};

static bool claim_arena(void *ctx, uint64_t element, uint64_t record,
			struct extent extent)
{
	struct claim *c = ctx;
	int layout = layout_of(c->space, record, extent.start);

	(void)element;
	if (layout >= 0 && !c->ret->found) {
		c->ret->found = true;
		c->ret->version = layouts[layout].version;
		c->ret->tested = layouts[layout].tested;
	}
	return !probe_claim(c->space, extent.start, extent.end, c->ret, c->err);
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct probe_space space;
	struct claim c = { .space = &space, .ret = ret, .err = err };
	uint64_t root, at;
	bool ok;

	(void)arena;
	*ret = (struct allocator_finding){ .version = "" };
	ok = probe_space_build(image, &space, err) &&
	     radix_find(&space, &shape, &root, &at, err);
	if (ok && root != 0)
		ok = radix_walk(&space, &shape, root, claim_arena, &c, err) &&
		     err->code == ERR_NONE;
	probe_settle(ret);
	probe_space_free(&space);
	return ok;
}

const struct allocator alloc_go = {
	.name = "Go",
	.probe = probe,
};
