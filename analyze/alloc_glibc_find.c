/* SPDX-License-Identifier: MIT */
/*
 * Finding main_arena and mp_ by their shape.
 *
 * An empty bin points at itself, 16 bytes before its own two words, and bin
 * 127 is always empty. From such a pair follows where bin 1 would be; all 127
 * bins must then be rings that close, and so must the ring of arenas, which
 * also tells the layout, because it leads back to the start of the struct.
 */
#include "analyze/alloc_glibc.h"
#include "analyze/words.h"

#include <stdlib.h>

#include "base/progress.h"
#include "base/sorted.h"

enum {
	MAX_BROKEN_BINS = 2,	/* by a thread that stopped inside malloc */
	MAX_ASKED_BINS = 8,
	HEAP_ALIGN = 4 * (2 << 20),	/* the least of all heaps */
	MAX_BSS = 64 << 20,	/* bytes behind a module's data to look at */
	MP_REACH = 256 << 10,	/* bytes between main_arena and mp_ */
};

static bool push_joined(glibc_extents *to, uint64_t start, uint64_t end,
			struct err *err)
{
	if (start >= end)
		return true;
	if (to->len > 0 && to->at[to->len - 1].end == start) {
		to->at[to->len - 1].end = end;
		return true;
	}
	return vec_push(to, ((struct extent){ start, end })) ||
	       err_nomem(err, "the list of mappings");
}

static bool is_anonymous(const struct mapping *m)
{
	return m->path[0] == '\0' || strcmp(m->path, "[heap]") == 0 ||
	       strncmp(m->path, "[anon", 5) == 0 ||
	       strncmp(m->path, "/anon_hugepage", 14) == 0;
}

static bool is_file(const struct mapping *m)
{
	return m->path[0] == '/' && !is_anonymous(m) &&
	       strncmp(m->path, "/dev/", 5) != 0 &&
	       strncmp(m->path, "/memfd:", 7) != 0 &&
	       strncmp(m->path, "/SYSV", 5) != 0;
}

/* A core without NT_FILE names no module: then data may be anywhere. */
static bool has_files(const struct image *image)
{
	for (size_t i = 0; i < image->mappings.len; i++) {
		if (is_file(&image->mappings.at[i]))
			return true;
	}
	return false;
}

static bool list_space(const struct image *image, struct glibc_space *ret,
		       struct err *err)
{
	bool files = has_files(image);
	uint64_t data_end = 0;

	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];
		uint64_t end = m->end;

		if ((m->perms & (PERM_READ | PERM_WRITE | PERM_SHARED)) !=
		    (PERM_READ | PERM_WRITE))
			continue;
		if (is_anonymous(m) &&
		    !push_joined(&ret->anon, m->start, m->end, err))
			return false;
		if (files && is_anonymous(m)) {
			if (m->start != data_end)
				continue;
			if (end - m->start > MAX_BSS)
				end = m->start + MAX_BSS;
		} else if (files && !is_file(m)) {
			continue;
		} else {
			data_end = m->end;
		}
		if (!push_joined(&ret->data, m->start, end, err))
			return false;
	}
	return true;
}

const struct extent *glibc_extent(const glibc_extents *extents, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, extents->len, extents->at[i].end <= addr);
	return i < extents->len && extents->at[i].start <= addr ?
	       &extents->at[i] : NULL;
}

bool glibc_walk_open(const struct image *image, struct glibc_found *found,
		     struct glibc_walk *ret, struct err *err)
{
	uint64_t bytes = 0;

	*ret = (struct glibc_walk){
		.image = image, .found = found,
		.order = window_of(image), .random = window_of(image),
	};
	if (!list_space(image, &ret->space, err)) {
		glibc_walk_close(ret);
		return false;
	}
	for (size_t i = 0; i < ret->space.anon.len; i++)
		bytes += ret->space.anon.at[i].end - ret->space.anon.at[i].start;
	ret->budget = bytes / 4 + (1 << 20);
	return true;
}

void glibc_walk_close(struct glibc_walk *walk)
{
	window_close(&walk->order);
	window_close(&walk->random);
	vec_free(&walk->space.data);
	vec_free(&walk->space.anon);
	vec_free(&walk->runs);
	vec_free(&walk->links);
	vec_free(&walk->damaged);
	vec_free(&walk->cached);
	vec_free(&walk->anchors);
	bitset_free(&walk->freed);
	bitset_free(&walk->own);
}

/* Do the neighbours of @bin point back at it? Absent ones may. */
static bool neighbours_agree(struct glibc_walk *walk, uint64_t bin,
			     uint64_t fd, uint64_t bk)
{
	uint64_t back, forth;

	if (!glibc_word(walk, fd + 24, &back) ||
	    !glibc_word(walk, bk + 16, &forth))
		return true;
	return back == bin && forth == bin;
}

static bool may_be_chunk(const struct glibc_walk *walk, uint64_t addr)
{
	return addr % GLIBC_ALIGN == 0 &&
	       glibc_extent(&walk->space.anon, addr) != NULL;
}

/*
 * Every bin points at itself or at chunks, but for those that a stopped
 * thread was changing. The chunks lie all over the heap: a few are looked at.
 */
static bool bins_are_sound(struct glibc_walk *walk, uint64_t bins)
{
	uint64_t pair = bins, fd, bk;
	int broken = 0, asked = 0;

	for (uint64_t i = 0; i < GLIBC_BINS; i++, pair += 16) {
		uint64_t bin = pair - 16;

		if (!glibc_word(walk, pair, &fd) ||
		    !glibc_word(walk, pair + 8, &bk))
			return false;
		if (fd == bin && bk == bin)
			continue;
		if ((!may_be_chunk(walk, fd) || !may_be_chunk(walk, bk) ||
		     (asked++ < MAX_ASKED_BINS &&
		      !neighbours_agree(walk, bin, fd, bk))) &&
		    ++broken > MAX_BROKEN_BINS)
			return false;
	}
	return true;
}

bool glibc_next_arena(struct glibc_walk *walk, const struct glibc_copy *copy,
		      uint64_t arena, uint64_t *ret)
{
	return glibc_word(walk, arena + copy->facts.arena->bins + GLIBC_NEXT,
			  ret) && *ret % 8 == 0;
}

/*
 * A thread's arena stands right behind the heap_info of its first heap, which
 * is aligned to 64 MiB, or to four huge pages.
 */
static uint16_t heap_info_before(uint64_t arena)
{
	switch (arena % HEAP_ALIGN) {
	case 0x20: return 0x20;
	case 0x30: return 0x30;
	default:   return 0;
	}
}

/* Follow the ring of arenas; fills arenas, ring_closed and heap_info. */
static void follow_ring(struct glibc_walk *walk, struct glibc_copy *copy)
{
	uint64_t at = copy->main_arena;

	copy->facts.heap_info = 0;
	copy->ring_closed = false;
	for (copy->arenas = 1; copy->arenas < GLIBC_MAX_ARENAS;
	     copy->arenas++) {
		uint16_t info;

		if (!glibc_next_arena(walk, copy, at, &at))
			return;
		if (at == copy->main_arena) {
			copy->ring_closed = true;
			return;
		}
		info = heap_info_before(at);
		if (info == 0 || (copy->facts.heap_info != 0 &&
				  copy->facts.heap_info != info))
			return;
		copy->facts.heap_info = info;
	}
}

/* Can the words before @bins be a malloc_state of this layout? */
static bool head_is_plausible(struct glibc_walk *walk, uint64_t start,
			      const struct glibc_arena_layout *layout)
{
	uint64_t word;

	if (!glibc_word(walk, start, &word) || (uint32_t)word > 2 ||
	    word >> 32 > 3)
		return false;
	if (layout->fastbins == GLIBC_ABSENT)
		return true;
	for (uint64_t i = 0; i < GLIBC_FASTBINS; i++) {
		if (!glibc_word(walk, start + layout->fastbins + 8 * i,
				&word) || word % GLIBC_ALIGN != 0)
			return false;
	}
	return true;
}

/* The first other arena names itself in its heap_info. */
static bool has_sound_neighbour(struct glibc_walk *walk,
				const struct glibc_copy *copy)
{
	uint64_t next, named;

	return copy->arenas > 1 &&
	       glibc_next_arena(walk, copy, copy->main_arena, &next) &&
	       glibc_word(walk, next - copy->facts.heap_info, &named) &&
	       named == next;
}

/*
 * Which layout? The ring closes in one only. Where damage @broke the ring, the
 * fields before the bins decide, the newest layout with fastbins first.
 */
static bool find_layout(struct glibc_walk *walk, struct glibc_copy *copy,
			bool broke)
{
	static const uint8_t preference[3] = { 1, 2, 0 };

	for (size_t i = 0; i < 3; i++) {
		const struct glibc_arena_layout *layout =
			&glibc_arena_layouts[preference[i]];

		copy->facts.arena = layout;
		copy->main_arena = copy->bins - layout->bins;
		follow_ring(walk, copy);
		if (copy->ring_closed)
			return true;
		if (broke && has_sound_neighbour(walk, copy) &&
		    head_is_plausible(walk, copy->main_arena, layout))
			return true;
	}
	return false;
}

static bool is_page_size(uint64_t n)
{
	return n == 0 || (n >= 4096 && (n & (n - 1)) == 0);
}

/* The tests that need no tuning to hold; @at is where mp_ may begin. */
static bool par_counts_fit(const uint8_t *at,
			   const struct glibc_par_layout *layout)
{
	uint32_t mmaps[4];
	uint64_t mem[2], tcache[3], page;

	memcpy(mmaps, at + layout->n_mmaps, sizeof(mmaps));
	memcpy(mem, at + layout->mmapped_mem, sizeof(mem));
	memcpy(tcache, at + layout->tcache_bins, sizeof(tcache));
	if (layout->hp_pagesize != GLIBC_ABSENT) {
		memcpy(&page, at + layout->hp_pagesize, sizeof(page));
		if (!is_page_size(page))
			return false;
		memcpy(&page, at + layout->thp_pagesize, sizeof(page));
		if (!is_page_size(page))
			return false;
	}
	return mmaps[0] <= mmaps[2] && mmaps[2] >> 31 == 0 &&
	       mmaps[1] >> 31 == 0 && mmaps[3] <= 1 && mem[0] <= mem[1] &&
	       tcache[0] >= 1 && tcache[0] <= GLIBC_MAX_TCACHE &&
	       tcache[1] <= 8 << 20 && tcache[2] <= UINT16_MAX;
}

/* Main arena and mp_ must agree about where the heap begins. */
static bool base_fits(struct glibc_walk *walk, const struct glibc_copy *copy,
		      uint64_t base)
{
	uint64_t top, word;

	if (!glibc_word(walk, copy->bins - 16, &top))
		return false;
	if (base == 0)		/* never grown: top is bin_at(1) */
		return top == copy->bins - 16;
	/* The program may have moved the break before: any alignment. */
	return glibc_extent(&walk->space.anon, base) &&
	       glibc_word(walk, copy->main_arena, &word) &&
	       ((word >> 32 & GLIBC_NONCONTIGUOUS) != 0 || base <= top);
}

static bool par_fits(struct glibc_walk *walk, const struct glibc_copy *copy,
		     const uint8_t *at, const struct glibc_par_layout *layout,
		     bool tuned)
{
	uint64_t threshold, test, max, base;

	memcpy(&threshold, at + GLIBC_PAR_MMAP_THRESHOLD, sizeof(threshold));
	memcpy(&test, at + GLIBC_PAR_ARENA_TEST, sizeof(test));
	memcpy(&max, at + GLIBC_PAR_ARENA_MAX, sizeof(max));
	memcpy(&base, at + layout->sbrk_base, sizeof(base));
	return (tuned ? test < 1 << 20 : test == 8) && max < 1 << 20 &&
	       threshold >> 47 == 0 && par_counts_fit(at, layout) &&
	       base_fits(walk, copy, base);
}

static struct glibc_par par_read(const uint8_t *at,
				 const struct glibc_par_layout *layout)
{
	struct glibc_par par = {0};

	memcpy(&par.sbrk_base, at + layout->sbrk_base, 8);
	memcpy(&par.mmapped_mem, at + layout->mmapped_mem, 8);
	memcpy(&par.n_mmaps, at + layout->n_mmaps, 4);
	memcpy(&par.tcache_bins, at + layout->tcache_bins, 8);
	memcpy(&par.tcache_count, at + layout->tcache_bins + 16, 8);
	if (layout->hp_pagesize != GLIBC_ABSENT)
		memcpy(&par.hp_pagesize, at + layout->hp_pagesize, 8);
	return par;
}

/* Is mp_ at @addr, in one of the layouts? */
static bool try_par(struct glibc_walk *walk, struct glibc_copy *copy,
		    uint64_t addr, bool tuned)
{
	uint8_t bytes[0x90];

	if (!image_read(walk->image, addr, bytes, sizeof(bytes)))
		return false;
	for (size_t i = 0; i < 3; i++) {
		const struct glibc_par_layout *layout = &glibc_par_layouts[i];

		if (!par_fits(walk, copy, bytes, layout, tuned))
			continue;
		/* The third came together with the arena that has no fastbins. */
		if ((i == 2) != glibc_new_mmap(copy->facts.arena))
			continue;
		copy->mp = addr;
		copy->facts.par = layout;
		copy->par = par_read(bytes, layout);
		return true;
	}
	return false;
}

/* Search outwards from main_arena; both lie in the .data of one object. */
static bool find_par(struct glibc_walk *walk, struct glibc_copy *copy,
		     bool tuned)
{
	uint64_t past = copy->main_arena + copy->facts.arena->size, test;
	const struct extent *run = glibc_extent(&walk->space.data,
						copy->main_arena);

	for (uint64_t far = 0; far < MP_REACH; far += 8) {
		uint64_t at[2] = { copy->main_arena - 0x68 - far, past + far };

		for (size_t i = 0; i < 2; i++) {
			if (!run || at[i] < run->start || at[i] >= run->end ||
			    !glibc_word(walk, at[i] + GLIBC_PAR_ARENA_TEST,
					&test) ||
			    (tuned ? test >= 1 << 20 : test != 8))
				continue;
			if (try_par(walk, copy, at[i], tuned))
				return true;
		}
	}
	return false;
}

/* Initialised by a call like mallopt(), but nothing was ever allocated. */
static bool was_used(struct glibc_walk *walk, const struct glibc_copy *copy)
{
	uint64_t bytes = 0;

	return !glibc_word(walk, copy->bins + GLIBC_SYSTEM_MEM, &bytes) ||
	       bytes != 0 || copy->arenas > 1 || copy->par.n_mmaps > 0;
}

/* Is there a main_arena whose bins begin at @bins? */
static bool try_bins(struct glibc_walk *walk, uint64_t bins, bool broke)
{
	struct glibc_found *found = walk->found;
	struct glibc_copy copy = { .bins = bins };

	if (!glibc_spend(walk, 4) || !bins_are_sound(walk, bins) ||
	    !find_layout(walk, &copy, broke))
		return false;
	if (!find_par(walk, &copy, false))
		(void)find_par(walk, &copy, true);
	if (was_used(walk, &copy)) {
		glibc_complete(&copy.facts);
		found->copies[found->n_copies++] = copy;
	}
	return true;
}

static bool is_known(const struct glibc_found *found, uint64_t pair)
{
	for (size_t i = 0; i < found->n_copies; i++) {
		if (pair - found->copies[i].bins < 16 * GLIBC_BINS)
			return true;
	}
	return false;
}

/* How hard to look; each pass only when those before found nothing. */
enum pass {
	PASS_LAST,	/* an empty bin is the last one, which is never used */
	PASS_ANY,	/* or another: the last one may be damaged */
	PASS_BROKEN,	/* and the ring of arenas need not close */
	N_PASSES,
};

static void scan_data(struct glibc_walk *walk, const struct extent *in,
		      enum pass pass)
{
	struct glibc_found *found = walk->found;
	uint64_t least = pass == PASS_LAST ? GLIBC_BINS - 1 : 0;
	uint64_t addr = (in->start + 7) & ~UINT64_C(7), fd, bk;

	while (addr < in->end && in->end - addr >= 16) {
		/* Pages that nobody touched hold no arena; they may be many. */
		if (addr % PAGE_SIZE_X86 == 0 &&
		    captured_from(walk->order.image, addr) > addr) {
			addr = captured_from(walk->order.image, addr);
			addr = addr < in->end ? (addr + 7) & ~UINT64_C(7) :
						in->end;
			continue;
		}
		if (!window_u64(&walk->order, addr, &fd)) {
			addr = (addr | (PAGE_SIZE_X86 - 1)) + 1;
			continue;
		}
		for (uint64_t i = GLIBC_BINS; i-- > least;) {
			if (fd != addr - 16 ||
			    found->n_copies == GLIBC_MAX_COPIES ||
			    !window_u64(&walk->order, addr + 8, &bk) ||
			    bk != fd || is_known(found, addr) ||
			    try_bins(walk, addr - 16 * i, pass == PASS_BROKEN))
				break;
		}
		addr += 8;
	}
}

bool glibc_find(struct glibc_walk *walk, struct err *err)
{
	for (int pass = 0; pass < N_PASSES && walk->found->n_copies == 0;
	     pass++) {
		for (size_t i = 0; i < walk->space.data.len; i++) {
			if (progress_cancelled())
				return err_set(err, ERR_CANCELLED,
					       "cancelled");
			scan_data(walk, &walk->space.data.at[i],
				  (enum pass)pass);
		}
	}
	return true;
}
