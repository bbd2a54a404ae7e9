/* SPDX-License-Identifier: MIT */
/*
 * Blocks by address, marks on them, and the fastbins.
 *
 * A chunk in a fastbin or a tcache looks like one in use to its neighbours,
 * so the walk took it for a block. Only the lists tell.
 */
#include "analyze/alloc_glibc.h"

#include <stdlib.h>

#include "base/sorted.h"

static int by_start(const void *a, const void *b)
{
	const struct glibc_run *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void glibc_sort(glibc_addresses *addresses)
{
	if (addresses->len > 1)
		qsort(addresses->at, addresses->len, sizeof(uint64_t),
		      by_value);
}

static bool in_order(const struct glibc_walk *walk)
{
	size_t next = 0;

	for (size_t i = 0; i < walk->runs.len; i++) {
		const struct glibc_run *run = &walk->runs.at[i];

		if (run->first != next ||
		    (i > 0 && run->start < walk->runs.at[i - 1].end))
			return false;
		next += run->n;
	}
	return true;
}

/* Copy the blocks run by run; a run that overlaps an earlier one is left out. */
static bool reorder(struct glibc_walk *walk, struct err *err)
{
	struct chunk *old = walk->list->blocks.at, *at;
	size_t n = 0, kept = 0;
	uint64_t end = 0;

	at = malloc((walk->list->blocks.len + 1) * sizeof(*at));
	if (!at)
		return err_nomem(err, "blocks");
	for (size_t i = 0; i < walk->runs.len; i++) {
		struct glibc_run run = walk->runs.at[i];

		if (run.start < end) {
			glibc_note(walk, run.start,
				   "stretches of heap that overlap");
			continue;
		}
		memcpy(at + n, old + run.first, run.n * sizeof(*at));
		run.first = n;
		n += run.n;
		end = run.end;
		walk->runs.at[kept++] = run;
	}
	walk->list->blocks.cap = walk->list->blocks.len + 1;
	walk->list->blocks.at = at;
	walk->list->blocks.len = n;
	walk->runs.len = kept;
	free(old);
	return true;
}

bool glibc_index(struct glibc_walk *walk, struct err *err)
{
	if (walk->runs.len > 1)
		qsort(walk->runs.at, walk->runs.len, sizeof(*walk->runs.at),
		      by_start);
	glibc_sort(&walk->damaged);
	if (!in_order(walk) && !reorder(walk, err))
		return false;
	if (!bitset_init(&walk->freed, walk->list->blocks.len) ||
	    !bitset_init(&walk->own, walk->list->blocks.len))
		return err_nomem(err, "marks");
	walk->indexed = true;
	return true;
}

/* The run that holds @addr, or NULL. */
static const struct glibc_run *run_of(const struct glibc_walk *walk,
				      uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, walk->runs.len, walk->runs.at[i].end <= addr);
	return i < walk->runs.len && walk->runs.at[i].start <= addr ?
	       &walk->runs.at[i] : NULL;
}

size_t glibc_block(const struct glibc_walk *walk, uint64_t chunk)
{
	const struct glibc_run *run = run_of(walk, chunk);
	const struct chunk *blocks = walk->list->blocks.at;
	size_t i;

	if (!run)
		return SIZE_MAX;
	sorted_skip(i, run->first, run->first + run->n,
		    blocks[i].addr < chunk + 16);
	return i < run->first + run->n && blocks[i].addr == chunk + 16 ?
	       i : SIZE_MAX;
}

uint32_t glibc_block_copy(const struct glibc_walk *walk, size_t block)
{
	const struct glibc_run *run =
		run_of(walk, walk->list->blocks.at[block].addr - 16);

	return run ? run->copy : 0;
}

uint64_t glibc_used_size(struct glibc_walk *walk, uint64_t chunk)
{
	uint64_t word, size, next;
	size_t block;

	if (chunk % GLIBC_ALIGN != 0)
		return 0;
	if (walk->indexed) {
		block = glibc_block(walk, chunk);
		return block == SIZE_MAX || bitset_has(&walk->freed, block) ?
		       0 : walk->list->blocks.at[block].size + 8;
	}
	if (!glibc_word(walk, chunk + 8, &word))
		return 0;
	size = word & ~(uint64_t)CHUNK_FLAGS;
	if (size < GLIBC_MIN_CHUNK || size % GLIBC_ALIGN != 0)
		return 0;
	if (word & CHUNK_MMAPPED)
		return size;
	return glibc_word(walk, chunk + size + 8, &next) &&
	       (next & CHUNK_PREV_USED) ? size : 0;
}

uint64_t glibc_listed_size(struct glibc_walk *walk, uint64_t chunk,
			   size_t *block)
{
	uint64_t size = glibc_used_size(walk, chunk), word;

	*block = size != 0 && walk->indexed ? glibc_block(walk, chunk) :
					      SIZE_MAX;
	if (size != 0 || !walk->indexed || walk->damaged.len == 0 ||
	    chunk % GLIBC_ALIGN != 0 || glibc_block(walk, chunk) != SIZE_MAX ||
	    !glibc_word(walk, chunk + 8, &word))
		return size;
	return bsearch(&chunk, walk->damaged.at, walk->damaged.len,
		       sizeof(uint64_t), by_value) ?
	       GLIBC_ANY_SIZE : word & ~(uint64_t)CHUNK_FLAGS;
}

/* The end of a list, or a place where a chunk can be? */
static bool may_be_link(const struct glibc_walk *walk, uint64_t word)
{
	return word == 0 || (word % GLIBC_ALIGN == 0 &&
			     glibc_extent(&walk->space.anon, word) != NULL);
}

bool glibc_store_link(struct glibc_walk *walk, const struct glibc_copy *copy,
		      uint64_t field, uint64_t word)
{
	bool keep = (copy->facts.links != LINKS_PLAIN &&
		     may_be_link(walk, word ^ field >> 12)) ||
		    (copy->facts.links != LINKS_MANGLED &&
		     may_be_link(walk, word));

	return !keep || vec_push(&walk->links,
				 ((struct glibc_stored_link){ field, word }));
}

/* The word that was kept for @field, or NULL. */
static const uint64_t *stored_link(const struct glibc_walk *walk,
				   uint64_t field)
{
	const struct glibc_run *run =
		walk->indexed ? run_of(walk, field) : NULL;
	size_t i;

	if (!run)
		return NULL;
	sorted_skip(i, run->first_link, run->first_link + run->n_links,
		    walk->links.at[i].field < field);
	return i < run->first_link + run->n_links &&
	       walk->links.at[i].field == field ?
	       &walk->links.at[i].word : NULL;
}

bool glibc_link(struct glibc_walk *walk, uint64_t field, enum glibc_links how,
		uint64_t *ret)
{
	const uint64_t *stored = stored_link(walk, field);

	if (stored)
		*ret = *stored;
	else if (!glibc_word(walk, field, ret))
		return false;
	if (how == LINKS_MANGLED)
		*ret ^= field >> 12;
	return true;
}

/*
 * Follow the fastbin whose first chunk is @chunk; mark its members when
 * @mark. False when it leads to anything that is not a used chunk of @size.
 */
static bool follow_fastbin(struct glibc_walk *walk, uint64_t chunk,
			   uint64_t size, enum glibc_links how, bool mark)
{
	uint64_t left = walk->list->blocks.len, found;
	size_t block;

	while (chunk != 0) {
		found = glibc_listed_size(walk, chunk, &block);
		if ((found != size && found != GLIBC_ANY_SIZE) ||
		    left-- == 0 || !glibc_spend(walk, 1))
			return false;
		if (mark && block != SIZE_MAX)
			bitset_add(&walk->freed, block);
		if (!glibc_link(walk, chunk + 16, how, &chunk))
			return false;
	}
	return true;
}

/* Called for the fastbins of every arena; false stops. */
typedef bool visit_fastbin(struct glibc_walk *walk, struct glibc_copy *copy,
			   uint64_t first, uint64_t size);

static void visit_fastbins(struct glibc_walk *walk, struct glibc_copy *copy,
			   visit_fastbin *visit)
{
	uint64_t arena = copy->main_arena, first;

	for (uint64_t i = 0; i < copy->arenas; i++) {
		uint64_t bin = arena + copy->facts.arena->fastbins;

		for (uint64_t k = 0; k < GLIBC_FASTBINS; k++) {
			if (glibc_word(walk, bin + 8 * k, &first) &&
			    first != 0 &&
			    !visit(walk, copy, first,
				   GLIBC_MIN_CHUNK + GLIBC_ALIGN * k))
				return;
		}
		if (!glibc_next_arena(walk, copy, arena, &arena))
			return;
	}
}

/* One list that ends properly in one way only decides for the process. */
static bool try_links(struct glibc_walk *walk, struct glibc_copy *copy,
		      uint64_t first, uint64_t size)
{
	bool plain = follow_fastbin(walk, first, size, LINKS_PLAIN, false);
	bool mangled = follow_fastbin(walk, first, size, LINKS_MANGLED, false);

	if (plain != mangled)
		copy->facts.links = plain ? LINKS_PLAIN : LINKS_MANGLED;
	return copy->facts.links == LINKS_UNKNOWN;
}

static bool mark_fastbin(struct glibc_walk *walk, struct glibc_copy *copy,
			 uint64_t first, uint64_t size)
{
	if (!follow_fastbin(walk, first, size, copy->facts.links, true))
		glibc_note(walk, first, "broken fastbin lists");
	return true;
}

void glibc_mark_fastbins(struct glibc_walk *walk, struct glibc_copy *copy)
{
	if (copy->facts.arena->fastbins == GLIBC_ABSENT)
		return;
	if (copy->facts.links == LINKS_UNKNOWN)
		visit_fastbins(walk, copy, try_links);
	visit_fastbins(walk, copy, mark_fastbin);
}

static int by_address(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Order the extents, cut overlaps, join neighbours; returns their bytes. */
static uint64_t settle_extents(struct allocation_list *list)
{
	size_t kept = 0;
	uint64_t bytes = 0;

	if (list->extents.len > 1)
		qsort(list->extents.at, list->extents.len,
		      sizeof(*list->extents.at), by_address);
	for (size_t i = 0; i < list->extents.len; i++) {
		struct extent e = list->extents.at[i];
		struct extent *last = kept ? &list->extents.at[kept - 1] : NULL;

		if (last && e.start < last->end)
			e.start = last->end;
		if (e.start >= e.end)
			continue;
		bytes += e.end - e.start;
		if (last && e.start == last->end)
			last->end = e.end;
		else
			list->extents.at[kept++] = e;
	}
	list->extents.len = kept;
	return bytes;
}

bool glibc_settle(struct glibc_walk *walk, struct err *err)
{
	struct allocation_list *list = walk->list;
	uint64_t bytes = settle_extents(list), used = 0;
	size_t kept = 0;

	for (size_t i = 0; i < list->blocks.len; i++) {
		struct chunk c = list->blocks.at[i];

		if (bitset_has(&walk->own, i))
			continue;
		if (!bitset_has(&walk->freed, i)) {
			list->blocks.at[kept++] = c;
			used += c.size;
		} else if (!vec_push(&list->free, c)) {
			return err_nomem(err, "free chunks");
		}
	}
	list->blocks.len = kept;
	for (size_t i = 0; i < list->free.len; i++)
		used += list->free.at[i].size;
	list->overhead_bytes = bytes > used ? bytes - used : 0;
	return true;
}
