/* SPDX-License-Identifier: MIT */
#include "analyze/thread_blocks.h"

#include <stdlib.h>

#include "base/sorted.h"

/*
 * struct pthread has been 0x900 bytes, give or take 0x80, since glibc 2.26;
 * it is aligned to 64 and ends at most a page below the end of its block.
 */
enum {
	TCB_ALIGN = 64,
	TCB_SEARCH = 0x1000,	/* bytes of the struct that are looked at */
	TCB_TO_END = 0x3000,	/* from the struct to the end of the block */
};

static bool is_tcb(struct window *w, uint64_t addr)
{
	uint64_t tcb, self;

	return window_u64(w, addr, &tcb) && tcb == addr &&
	       window_u64(w, addr + 16, &self) && self == addr;
}

/*
 * stackblock and stackblock_size are two neighbouring words: a page aligned
 * address and a page aligned size that together embrace the struct closely.
 */
static bool find_bounds(struct window *w, uint64_t tcb, uint64_t *start,
			uint64_t *end)
{
	for (uint64_t at = tcb + 0x40; at < tcb + TCB_SEARCH; at += 8) {
		uint64_t block, size;

		if (!window_u64(w, at, &block) || !window_u64(w, at + 8, &size))
			return false;
		if (block % PAGE_SIZE_X86 || size % PAGE_SIZE_X86 ||
		    block == 0 || size == 0 || block > tcb)
			continue;
		if (size > tcb - block && size - (tcb - block) <= TCB_TO_END) {
			*start = block;
			*end = block + size;
			return true;
		}
	}
	return false;
}

static uint32_t thread_of(const struct image *image, uint64_t tcb)
{
	for (size_t i = 0; i < image->threads.len; i++) {
		if (image->threads.at[i].regs[X86_FS_BASE] == tcb)
			return (uint32_t)i;
	}
	return UINT32_MAX;
}

/* Stacks lie in private anonymous memory that can be written. */
static bool may_hold_stacks(const struct mapping *m)
{
	return (m->perms & PERM_WRITE) && !(m->perms & PERM_SHARED) &&
	       m->path[0] != '/' && m->end - m->start >= 2 * PAGE_SIZE_X86;
}

static bool search(const struct image *image, struct window *w, uint64_t start,
		   uint64_t end, struct thread_blocks *ret, struct err *err)
{
	uint64_t at = (start + TCB_ALIGN - 1) & ~(uint64_t)(TCB_ALIGN - 1);

	for (; at + 24 <= end; at += TCB_ALIGN) {
		struct thread_block block = { .tcb = at };

		if (!is_tcb(w, at) ||
		    !find_bounds(w, at, &block.start, &block.end))
			continue;
		block.thread = thread_of(image, at);
		if (!vec_push(&ret->at, block))
			return err_nomem(err, "thread stacks");
	}
	return true;
}

/* The captured ranges of @m; one may run over its bounds. */
static bool search_mapping(const struct image *image, struct window *w,
			   const struct mapping *m, struct thread_blocks *ret,
			   struct err *err)
{
	uint64_t at = m->start;
	size_t i;

	sorted_skip(i, 0, image->ranges.len, image->ranges.at[i].end <= at);
	for (; i < image->ranges.len; i++) {
		const struct range *r = &image->ranges.at[i];

		if (r->start >= m->end)
			break;
		if (r->presence != PRESENCE_CAPTURED &&
		    r->presence != PRESENCE_TORN)
			continue;
		if (!search(image, w, r->start > at ? r->start : at,
			    r->end < m->end ? r->end : m->end, ret, err))
			return false;
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct thread_block *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

bool thread_blocks_find(const struct image *image, struct thread_blocks *ret,
			struct err *err)
{
	struct window w = window_of(image);
	bool ok = true;

	*ret = (struct thread_blocks){0};
	for (size_t i = 0; ok && i < image->mappings.len; i++) {
		if (may_hold_stacks(&image->mappings.at[i]))
			ok = search_mapping(image, &w, &image->mappings.at[i],
					    ret, err);
	}
	window_close(&w);
	if (!ok)
		thread_blocks_free(ret);
	else if (ret->at.len > 0)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at), by_start);
	return ok;
}

void thread_blocks_free(struct thread_blocks *blocks)
{
	vec_free(&blocks->at);
}

const struct thread_block *thread_blocks_at(const struct thread_blocks *blocks,
					    uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, blocks->at.len, blocks->at.at[i].end <= addr);
	if (i == blocks->at.len || blocks->at.at[i].start > addr)
		return NULL;
	return &blocks->at.at[i];
}
