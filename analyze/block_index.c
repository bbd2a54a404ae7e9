/* SPDX-License-Identifier: MIT */
#include "analyze/block_index.h"

#include <stdlib.h>

#include "base/bulk.h"
#include "base/vec.h"

enum {
	CELL_SHIFT = 9,
	GAP_MAX = 64 << 10,	/* bytes between two blocks of one region */
	BLOCK_MAX = 256 << 10,	/* bytes of a block that shares a region */
};

struct cutter {
	VEC(struct block_region) regions;
	size_t n_cells;
	uint64_t last_size;	/* of the block before */
};

static uint64_t cell_of(uint64_t at)
{
	return at >> CELL_SHIFT;
}

/* Number of cells that a region touches; none where it is a single block. */
static uint64_t cells_in(const struct block_region *r)
{
	return r->first == r->last ? 0 :
	       cell_of(r->end - 1) - cell_of(r->start) + 1;
}

static bool add_block(struct cutter *c, uint32_t i, uint64_t addr,
		      uint64_t size)
{
	struct block_region *r = c->regions.len ?
		&c->regions.at[c->regions.len - 1] : NULL;
	/* An empty block still has its place, as one byte would. */
	uint64_t end = addr + (size ? size : 1);

	if (r && addr - r->end <= GAP_MAX && size <= BLOCK_MAX &&
	    c->last_size <= BLOCK_MAX) {
		r->end = end;
		r->last = i;
	} else {
		struct block_region fresh = {
			.start = addr, .end = end, .first = i, .last = i,
		};

		if (!vec_push(&c->regions, fresh))
			return false;
	}
	c->last_size = size;
	return true;
}

static bool cut_regions(struct cutter *c, const uint64_t *addr,
			const struct block_sizes *sizes, uint32_t n,
			struct err *err)
{
	uint64_t last_end = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t size = block_size(sizes, i);
		uint64_t bytes = size ? size : 1;

		if (addr[i] < last_end || bytes > UINT64_MAX - addr[i])
			return err_at(err, ERR_FORMAT, addr[i],
				      "block %u overlaps another or wraps", i);
		last_end = addr[i] + bytes;
		if (!add_block(c, i, addr[i], size))
			return err_nomem(err, "block index");
	}
	for (size_t r = 0; r < c->regions.len; r++) {
		c->regions.at[r].first_cell = c->n_cells;
		c->n_cells += (size_t)cells_in(&c->regions.at[r]);
	}
	return true;
}

static void fill_cells(const struct block_index *index,
		       const struct block_region *r)
{
	uint32_t *cell = index->cells + r->first_cell;
	uint64_t base = cell_of(r->start), next = 0;

	for (uint32_t i = r->first; i <= r->last; i++) {
		uint64_t size = block_size(&index->sizes, i);
		uint64_t end = index->addr[i] + (size ? size : 1);
		uint64_t last = cell_of(end - 1) - base;

		for (; next <= last; next++)
			cell[next] = i;
	}
}

bool block_index_build(const uint64_t *addr, const struct block_sizes *sizes,
		       uint32_t n, struct block_index *ret, struct err *err)
{
	struct block_index index = { .addr = addr, .sizes = *sizes, .n = n };
	struct cutter cutter = {0};

	*ret = (struct block_index){0};
	if (!cut_regions(&cutter, addr, sizes, n, err))
		goto fail;
	index.cells = bulk_alloc(cutter.n_cells + 1, sizeof(*index.cells));
	if (!index.cells) {
		err_nomem(err, "block index");
		goto fail;
	}
	index.regions = cutter.regions.at;
	index.n_regions = cutter.regions.len;
	index.cells[cutter.n_cells] = n;
	for (size_t r = 0; r < index.n_regions; r++) {
		if (index.regions[r].first < index.regions[r].last)
			fill_cells(&index, &index.regions[r]);
	}
	*ret = index;
	return true;
fail:
	vec_free(&cutter.regions);
	return false;
}

void block_index_free(struct block_index *index)
{
	free(index->regions);
	bulk_free(index->cells);
	*index = (struct block_index){0};
}

/* Number of regions that start at or before @at. */
static size_t regions_upto(const struct block_index *index, uint64_t at)
{
	const struct block_region *r = index->regions;
	size_t left = index->n_regions, base = 0;

	while (left > 0) {
		size_t half = left - left / 2;

		base = r[base + half - 1].start <= at ? base + half : base;
		left /= 2;
	}
	return base;
}

/* Number of @addr[0 .. n - 1] that are at or before @at. */
static uint32_t addresses_upto(const uint64_t *addr, uint32_t n, uint64_t at)
{
	uint32_t base = 0;

	while (n > 0) {
		uint32_t half = n - n / 2;

		base = addr[base + half - 1] <= at ? base + half : base;
		n /= 2;
	}
	return base;
}

/* The cell of @at in @r, which holds it and has cells. */
static const uint32_t *cell_at(const struct block_index *index,
			       const struct block_region *r, uint64_t at)
{
	return index->cells + r->first_cell +
	       (cell_of(at) - cell_of(r->start));
}

/* Number of blocks up to the end of @r with addr <= @at; @r holds @at. */
static uint32_t blocks_upto(const struct block_index *index,
			    const struct block_region *r, uint64_t at)
{
	const uint32_t *cell;
	uint32_t low, high;

	if (r->first == r->last)
		return r->first + 1;
	cell = cell_at(index, r, at);
	low = cell[0];
	/* The next cell may belong to a later region. */
	high = cell[1] < r->last ? cell[1] : r->last;
	return low + addresses_upto(index->addr + low, high - low + 1, at);
}

static uint32_t find_in(const struct block_index *index,
			const struct block_region *r, uint64_t at)
{
	/* The first block at the region's start is at or before @at. */
	uint32_t block = blocks_upto(index, r, at) - 1;

	return at - index->addr[block] < block_size(&index->sizes, block) ?
	       block : NODE_NONE;
}

uint32_t block_index_find(const struct block_index *index, uint64_t at)
{
	size_t hint = SIZE_MAX;

	return block_index_near(index, at, &hint);
}

/* The region that holds @at, or NULL; *@hint is tried first and updated. */
static const struct block_region *region_of(const struct block_index *index,
					    uint64_t at, size_t *hint)
{
	const struct block_region *r;
	size_t upto;

	if (*hint < index->n_regions) {
		r = &index->regions[*hint];
		if (at - r->start < r->end - r->start)
			return r;
	}
	/* Most words that are no pointers lie outside of all regions. */
	if (index->n_regions == 0 || at < index->regions[0].start ||
	    at >= index->regions[index->n_regions - 1].end)
		return NULL;
	upto = regions_upto(index, at);
	if (upto == 0 || at >= index->regions[upto - 1].end)
		return NULL;
	*hint = upto - 1;
	return &index->regions[upto - 1];
}

uint32_t block_index_near(const struct block_index *index, uint64_t at,
			  size_t *hint)
{
	const struct block_region *r = region_of(index, at, hint);

	return r ? find_in(index, r, at) : NODE_NONE;
}

uint32_t block_index_from(const struct block_index *index, uint64_t at)
{
	size_t upto;
	const struct block_region *r;

	if (at == 0)
		return 0;
	/* The first block at @at or later follows those up to @at - 1. */
	upto = regions_upto(index, at - 1);
	if (upto == 0)
		return 0;
	r = &index->regions[upto - 1];
	return at - 1 < r->end ? blocks_upto(index, r, at - 1) : r->last + 1;
}

size_t block_index_n_cells(const struct block_index *index)
{
	const struct block_region *last;

	if (index->n_regions == 0)
		return 1;
	last = &index->regions[index->n_regions - 1];
	return last->first_cell + (size_t)cells_in(last) + 1;
}

/* @next is the cell that the region must begin with. */
static bool region_is_sound(const struct block_index *index,
			    const struct block_region *r, size_t next,
			    size_t n_cells)
{
	uint64_t cells;

	if (r->start >= r->end || r->first > r->last || r->last >= index->n ||
	    r->first_cell != next)
		return false;
	cells = cells_in(r);
	return cells < n_cells - next &&
	       (cells == 0 || (index->cells[next] == r->first &&
			       index->cells[next + cells - 1] <= r->last));
}

bool block_index_check(const struct block_index *index, size_t n_cells)
{
	uint32_t next_block = 0;
	size_t next = 0;

	for (size_t i = 0; i < index->n_regions; i++) {
		const struct block_region *r = &index->regions[i];

		if (r->first != next_block || next >= n_cells ||
		    !region_is_sound(index, r, next, n_cells))
			return false;
		next += (size_t)cells_in(r);
		next_block = r->last + 1;
	}
	return next_block == index->n && next + 1 == n_cells;
}
