/* SPDX-License-Identifier: MIT */
/*
 * glibc heaps with edits: the first byte chooses a release class and a seed,
 * each following record of five bytes changes one word, most of them words
 * that malloc reads. An empty corpus begins with whole heaps: no seed files.
 * Heaps are made once; edits are undone after each run.
 *
 * Whatever the memory says, blocks and free chunks must lie in it, in order
 * and without overlap, and the sums must add up.
 */
#include <stdio.h>

#include "analyze/allocator.h"
#include "base/bytes.h"
#include "tests/make_glibc.h"

extern const struct allocator alloc_glibc;

enum { MAX_EDITS = 64, SEEDS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct made_heap heaps[MADE_RELEASES * SEEDS];

static void check(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* The place that an edit changes: a header, a word of malloc's own, any. */
static uint64_t place_of(const struct made_heap *heap, uint8_t kind,
			 uint32_t at)
{
	size_t n = heap->chunks.len;
	const struct made_region *r;

	switch (kind % 4) {
	case 0:
		return heap->chunks.at[at / 4 % n].chunk + at % 4 * 8;
	case 1:	/* mp_ and main_arena */
		r = &heap->regions[heap->n_regions - 1];
		return r->start + 0x1280 + 8 * (at % 0x250);
	case 2:	/* heap_info, and the thread's arena */
		return heap->regions[1 + at % 2].start + 8 * (at / 2 % 0x120);
	default: /* stale headers and user data of mmapped chunks */
		r = &heap->regions[3];
		return r->start + at % 400 * 0x1000 + at / 400 % 2 * 8;
	}
}

static uint64_t value_of(const struct made_heap *heap, uint8_t kind,
			 uint64_t place, uint16_t value)
{
	uint64_t old = made_read(heap, place);

	switch (kind / 4 % 6) {
	case 0: return (uint64_t)(int64_t)(int16_t)value;
	case 1: return old + (uint64_t)(int64_t)(int16_t)value * 16;
	case 2: return old ^ (UINT64_C(1) << value % 64);
	case 3: return heap->chunks.at[value % heap->chunks.len].chunk;
	case 4: return heap->chunks.at[value % heap->chunks.len].chunk + 16;
	default: return made_read(heap, place_of(heap, (uint8_t)value,
						 value / 4));
	}
}

struct undo {
	uint64_t place, value;
};

static size_t edit(struct made_heap *heap, struct bytes *b, struct undo *log)
{
	size_t n = 0;

	while (bytes_left(b) >= 5 && n < MAX_EDITS) {
		uint8_t kind = bytes_u8(b);
		uint64_t place = place_of(heap, kind, bytes_u16(b));
		const struct made_region *r = made_region_of(heap, place);
		uint16_t value = bytes_u16(b);

		if (!r || r->start + r->size - place < 8)
			continue;
		log[n++] = (struct undo){ place, made_read(heap, place) };
		made_write(heap, place, value_of(heap, kind, place, value));
	}
	return n;
}

static bool is_mapped(const struct made_heap *heap, struct chunk c)
{
	const struct made_region *r = made_region_of(heap, c.addr);

	return r && c.size <= r->start + r->size - c.addr;
}

static int by_addr(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void check_list(const struct made_heap *heap,
		       struct allocation_list *list)
{
	uint64_t end = 0, sum = list->overhead_bytes, extents = 0;

	for (size_t i = 0; i < list->blocks.len; i++) {
		struct chunk c = list->blocks.at[i];

		check(is_mapped(heap, c), "block outside of memory");
		check(c.addr >= end, "blocks overlap");
		end = c.addr + c.size;
		sum += c.size;
	}
	if (list->free.len > 0)
		qsort(list->free.at, list->free.len, sizeof(struct chunk),
		      by_addr);
	for (size_t i = 0; i < list->free.len; i++) {
		check(is_mapped(heap, list->free.at[i]),
		      "free chunk outside of memory");
		check(i == 0 || list->free.at[i].addr >=
		      list->free.at[i - 1].addr + list->free.at[i - 1].size,
		      "free chunks overlap");
		sum += list->free.at[i].size;
	}
	for (size_t i = 0; i < list->extents.len; i++) {
		check(i == 0 || list->extents.at[i].start >=
		      list->extents.at[i - 1].end, "extents overlap");
		extents += list->extents.at[i].end - list->extents.at[i].start;
	}
	check(sum == extents, "extents are not blocks + free + overhead");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = bytes_of(data, size);
	struct made_heap *heap = &heaps[bytes_u8(&b) % (MADE_RELEASES * SEEDS)];
	struct allocator_finding finding = {0};
	struct allocation_list list = {0};
	struct undo log[MAX_EDITS];
	struct arena arena = {0};
	struct diag diag = {0};
	struct err err = {0};
	size_t n;

	if (heap->n_regions == 0)
		make_glibc((uint32_t)(heap - heaps) / SEEDS,
			   (uint64_t)(heap - heaps) % SEEDS, heap);
	n = edit(heap, &b, log);
	check(alloc_glibc.probe(&heap->image, &arena, &finding, &err),
	      "probe failed");
	check(n > 0 || finding.found, "a whole heap was not found");
	if (finding.found &&
	    alloc_glibc.walk(&heap->image, &finding, &list, &diag, &err))
		check_list(heap, &list);
	check(n > 0 || diag.len == 0, "a whole heap called damaged");
	while (n-- > 0)
		made_write(heap, log[n].place, log[n].value);
	allocation_list_free(&list);
	vec_free(&finding.extents);
	vec_free(&finding.metadata);
	diag_free(&diag);
	arena_free(&arena);
	return 0;
}
