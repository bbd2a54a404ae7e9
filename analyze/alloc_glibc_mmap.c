/* SPDX-License-Identifier: MIT */
/*
 * Chunks with a mapping of their own.
 *
 * Nothing points at them but the program. Each says in prev_size how far it
 * lies behind the start of its mapping and in size how far its end is, so the
 * two give page boundaries. The kernel joins neighbours in one mapping, hence
 * every page may begin one.
 */
#include "analyze/alloc_glibc.h"

#include <stdlib.h>

#include "analyze/alloc_glibc_choose.h"
#include "base/progress.h"

enum { PAGE = PAGE_SIZE_X86 };

struct mmap_search {
	struct glibc_walk *walk;
	bool new_size;		/* sizes as of 2.43 */
	VEC(struct mmap_candidate) found;
};

/*
 * Where in a page a header may stand: at its start, or 16 bytes before the
 * first or second multiple of a power of two, where memalign puts it.
 */
static const uint16_t places[] = {
	0, 0x10, 0x30, 0x70, 0xf0, 0x1f0, 0x3f0, 0x7f0, 0xff0,
};

/* Is there a chunk at @at, in a mapping within [@start, @end)? */
static bool read_header(const struct mmap_search *s, uint64_t at,
			uint64_t prev_size, uint64_t size, uint64_t start,
			uint64_t end, struct mmap_candidate *ret)
{
	uint64_t offset = s->new_size ? prev_size & ~UINT64_C(1) : prev_size;
	uint64_t place = at & (PAGE - 1), bytes = size & ~(uint64_t)CHUNK_FLAGS;

	if (offset > at - start || (at - offset) % PAGE != 0)
		return false;
	/* Only alignments of a page and more lead past the first page. */
	if (offset != place && place != PAGE - 16)
		return false;
	if (offset > 0 && offset < (s->new_size ? 16 : 32))
		return false;
	bytes += s->new_size ? 16 : 0;
	if (bytes > end - at || (at + bytes) % PAGE != 0 || bytes < 32)
		return false;
	*ret = (struct mmap_candidate){
		.base = at - offset, .end = at + bytes, .chunk = at,
		.at_start = at - offset == start, .at_end = at + bytes == end,
	};
	return true;
}

/* Look at the pages of [@start, @end), which no arena has. */
static bool scan(struct mmap_search *s, uint64_t start, uint64_t end,
		 struct err *err)
{
	struct window *w = &s->walk->order;
	struct mmap_candidate c;
	uint64_t prev_size, size;

	for (uint64_t page = start; page < end; page += PAGE) {
		if (!window_u64(w, page + 8, &size))
			continue;
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			uint64_t at = page + places[i];

			if (!window_u64(w, at + 8, &size) ||
			    (size & CHUNK_FLAGS) != CHUNK_MMAPPED ||
			    !window_u64(w, at, &prev_size) ||
			    !read_header(s, at, prev_size, size, start, end,
					 &c))
				continue;
			if (!vec_push(&s->found, c))
				return err_nomem(err, "mmapped chunks");
		}
	}
	return true;
}

static uint64_t page_up(uint64_t addr)
{
	return (addr + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* Scan what the extents leave of the anonymous memory. */
static bool scan_all(struct mmap_search *s, const glibc_extents *taken,
		     struct err *err)
{
	const glibc_extents *anon = &s->walk->space.anon;
	size_t k = 0;

	for (size_t i = 0; i < anon->len; i++) {
		uint64_t at = anon->at[i].start, end = anon->at[i].end;

		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		while (k < taken->len && taken->at[k].end <= at)
			k++;
		for (; k < taken->len && taken->at[k].start < end; k++) {
			if (taken->at[k].start > at &&
			    !scan(s, at, taken->at[k].start, err))
				return false;
			at = page_up(taken->at[k].end);
			if (taken->at[k].end > end)
				break;
		}
		if (at < end && !scan(s, at, end, err))
			return false;
	}
	return true;
}

static int by_base(const void *a, const void *b)
{
	const struct mmap_candidate *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

/* Whether a row of candidates begins and ends at borders holds for all. */
static void compare_borders(struct mmap_search *s)
{
	struct mmap_candidate *at = s->found.at;
	size_t n = s->found.len;

	for (size_t first = 0, next; first < n; first = next) {
		uint64_t end = at[first].end;
		bool at_end = at[first].at_end;

		for (next = first + 1; next < n && at[next].base <= end;
		     next++) {
			if (at[next].end > end)
				end = at[next].end;
			at_end |= at[next].at_end;
		}
		for (size_t i = first; i < next; i++) {
			at[i].at_start = at[first].at_start;
			at[i].at_end = at_end;
		}
	}
}

static bool add_chunk(struct mmap_search *s, const struct mmap_candidate *c,
		      uint32_t copy, struct err *err)
{
	struct glibc_walk *walk = s->walk;
	struct glibc_run run = {
		.start = c->base, .end = c->end,
		.first = walk->list->blocks.len, .n = 1, .copy = copy,
	};
	struct chunk block = {
		c->chunk + 16, c->end - c->chunk - (s->new_size ? 24 : 16),
	};

	return (vec_push(&walk->list->blocks, block) &&
		vec_push(&walk->runs, run) &&
		vec_push(&walk->list->extents,
			 ((struct extent){ c->base, c->end }))) ||
	       err_nomem(err, "mmapped chunks");
}

/* What the copies whose chunks look alike say in all; *@copy is the first. */
static bool sum_targets(const struct glibc_walk *walk, bool new_size,
			struct mmap_target *ret, uint32_t *copy, bool *known)
{
	bool any = false;

	*ret = (struct mmap_target){ .surplus = new_size };
	*known = true;
	for (uint32_t i = 0; i < walk->found->n_copies; i++) {
		const struct glibc_copy *c = &walk->found->copies[i];

		if (glibc_new_mmap(c->facts.arena) != new_size)
			continue;
		if (!any)
			*copy = i;
		any = true;
		*known &= c->mp != 0;
		ret->count += c->par.n_mmaps;
		ret->bytes += c->par.mmapped_mem;
	}
	return any;
}

static bool walk_kind(struct mmap_search *s, struct err *err)
{
	struct mmap_target target;
	glibc_extents taken = {0};
	bool known, exact, ok;
	uint32_t copy = 0;

	if (!sum_targets(s->walk, s->new_size, &target, &copy, &known) ||
	    (known && target.count == 0))
		return true;
	glibc_sort_extents(s->walk);
	taken.at = s->walk->list->extents.at;
	taken.len = s->walk->list->extents.len;
	if (!scan_all(s, &taken, err))
		return false;
	if (s->found.len > 1)
		qsort(s->found.at, s->found.len, sizeof(*s->found.at),
		      by_base);
	compare_borders(s);
	ok = glibc_choose(s->found.at, s->found.len, known ? &target : NULL,
			  &exact, err);
	if (ok && !exact)
		diag_add(s->walk->diag,
			 "mmapped chunks do not add up to malloc's own count");
	for (size_t i = 0; ok && i < s->found.len; i++) {
		if (s->found.at[i].chosen)
			ok = add_chunk(s, &s->found.at[i], copy, err);
	}
	return ok;
}

bool glibc_walk_mmaps(struct glibc_walk *walk, struct err *err)
{
	for (int kind = 0; kind < 2; kind++) {
		struct mmap_search s = { .walk = walk, .new_size = kind == 1 };
		bool ok = walk_kind(&s, err);

		vec_free(&s.found);
		if (!ok)
			return false;
	}
	return true;
}
