/* SPDX-License-Identifier: MIT */
#include "analyze/alloc_glibc_layout.h"

const struct glibc_arena_layout glibc_arena_layouts[3] = {
	{ .name = 'A', .fastbins = 0x08, .top = 0x58, .bins = 0x68,
	  .size = 0x890 },
	/* + have_fastchunks */
	{ .name = 'B', .fastbins = 0x10, .top = 0x60, .bins = 0x70,
	  .size = 0x898 },
	/* - fastbins */
	{ .name = 'C', .fastbins = GLIBC_ABSENT, .top = 0x08, .bins = 0x18,
	  .size = 0x840 },
};

const struct glibc_par_layout glibc_par_layouts[3] = {
	{ .hp_pagesize = GLIBC_ABSENT, .thp_pagesize = GLIBC_ABSENT,
	  .n_mmaps = 0x28, .mmapped_mem = 0x38, .sbrk_base = 0x48,
	  .tcache_bins = 0x50, .size = 0x68 },
	/* + huge pages */
	{ .hp_pagesize = 0x30, .thp_pagesize = 0x28,
	  .n_mmaps = 0x3c, .mmapped_mem = 0x50, .sbrk_base = 0x60,
	  .tcache_bins = 0x68, .size = 0x80 },
	/* + thp_mode */
	{ .hp_pagesize = 0x38, .thp_pagesize = 0x30,
	  .n_mmaps = 0x44, .mmapped_mem = 0x58, .sbrk_base = 0x68,
	  .tcache_bins = 0x70, .size = 0x88 },
};

const struct glibc_tcache_layout glibc_tcache_layouts[3] = {
	{ .bins = 64, .count_size = 1, .entries = 0x40, .size = 0x240 },
	{ .bins = 64, .count_size = 2, .entries = 0x80, .size = 0x280 },
	{ .bins = 76, .count_size = 2, .entries = 0x98, .size = 0x2f8,
	  .counts_free_slots = true },
};

#define FACTS(a, p, t, h, l, k)						\
	{ .arena = &glibc_arena_layouts[a], .par = &glibc_par_layouts[p], \
	  .tcache = &glibc_tcache_layouts[t], .heap_info = (h),		\
	  .links = (l), .key = (k) }

const struct glibc_class glibc_classes[] = {
	{ "2.26", "2.26",
	  FACTS(0, 0, 0, 0x20, LINKS_PLAIN, KEY_NONE), false },
	{ "2.27", "2.28",
	  FACTS(1, 0, 0, 0x20, LINKS_PLAIN, KEY_NONE), false },
	{ "2.29", "2.29",
	  FACTS(1, 0, 0, 0x20, LINKS_PLAIN, KEY_OWNER), false },
	{ "2.30", "2.31",
	  FACTS(1, 0, 1, 0x20, LINKS_PLAIN, KEY_OWNER), false },
	{ "2.32", "2.33",
	  FACTS(1, 0, 1, 0x20, LINKS_MANGLED, KEY_OWNER), false },
	{ "2.34", "2.34",
	  FACTS(1, 0, 1, 0x20, LINKS_MANGLED, KEY_RANDOM), false },
	{ "2.35", "2.41",
	  FACTS(1, 1, 1, 0x30, LINKS_MANGLED, KEY_RANDOM), true },
	{ "2.42", "2.42",
	  FACTS(1, 1, 2, 0x30, LINKS_MANGLED, KEY_RANDOM), false },
	{ "2.43", "2.44",
	  FACTS(2, 2, 2, 0x30, LINKS_MANGLED, KEY_RANDOM), false },
	{ .first = NULL },
};

bool glibc_class_fits(const struct glibc_class *row,
		      const struct glibc_facts *facts)
{
	const struct glibc_facts *want = &row->facts;

	return (!facts->arena || facts->arena == want->arena) &&
	       (!facts->par || facts->par == want->par) &&
	       (!facts->tcache || facts->tcache == want->tcache) &&
	       (!facts->heap_info || facts->heap_info == want->heap_info) &&
	       (!facts->links || facts->links == want->links) &&
	       (!facts->key || facts->key == want->key);
}

bool glibc_has_class(const struct glibc_facts *facts)
{
	for (const struct glibc_class *c = glibc_classes; c->first; c++) {
		if (glibc_class_fits(c, facts))
			return true;
	}
	return false;
}

void glibc_complete(struct glibc_facts *facts)
{
	struct glibc_facts sure = {0};
	bool any = false;

	for (const struct glibc_class *c = glibc_classes; c->first; c++) {
		const struct glibc_facts *f = &c->facts;

		if (!glibc_class_fits(c, facts))
			continue;
		if (!any)
			sure = *f;
		any = true;
		if (sure.arena != f->arena)
			sure.arena = NULL;
		if (sure.par != f->par)
			sure.par = NULL;
		if (sure.tcache != f->tcache)
			sure.tcache = NULL;
		if (sure.heap_info != f->heap_info)
			sure.heap_info = 0;
		if (sure.links != f->links)
			sure.links = LINKS_UNKNOWN;
		if (sure.key != f->key)
			sure.key = KEY_UNKNOWN;
	}
	if (any)
		*facts = sure;
}

bool glibc_tcache_size_fits(size_t bin, uint64_t size)
{
	if (bin < GLIBC_SMALL_TCACHE)
		return size == GLIBC_MIN_CHUNK + bin * GLIBC_ALIGN;
	/* One bin for each power of two, from the first size past 0x410. */
	return size >= 0x420 && size >> 22 == 0 &&
	       (size_t)(63 - __builtin_clzll(size)) - 10 ==
	       bin - GLIBC_SMALL_TCACHE;
}
