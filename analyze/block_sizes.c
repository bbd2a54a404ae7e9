/* SPDX-License-Identifier: MIT */
#include "analyze/block_sizes.h"

#include "base/bulk.h"
#include "base/sorted.h"

bool block_sizes_init(struct block_sizes *sizes, size_t n)
{
	*sizes = (struct block_sizes){
		.size = bulk_alloc(n + 1, sizeof(*sizes->size)),
		.count = bulk_alloc(n + 1, sizeof(*sizes->count)),
	};
	if (sizes->size && sizes->count)
		return true;
	block_sizes_free(sizes);
	return false;
}

void block_sizes_free(struct block_sizes *sizes)
{
	bulk_free(sizes->size);
	bulk_free(sizes->count);
	vec_free(&sizes->large);
	*sizes = (struct block_sizes){0};
}

bool block_set_size(struct block_sizes *sizes, uint32_t block, uint64_t bytes)
{
	const struct large_block large = { .size = bytes, .block = block };

	if (bytes < BLOCK_LARGE) {
		sizes->size[block] = (uint16_t)bytes;
		return true;
	}
	sizes->size[block] = BLOCK_LARGE;
	return vec_push(&sizes->large, large);
}

bool block_sizes_of(const uint64_t *bytes, size_t n, struct block_sizes *ret,
		    struct err *err)
{
	if (!block_sizes_init(ret, n))
		return err_nomem(err, "sizes of blocks");
	for (size_t i = 0; i < n; i++) {
		if (!block_set_size(ret, (uint32_t)i, bytes[i])) {
			block_sizes_free(ret);
			return err_nomem(err, "sizes of blocks");
		}
	}
	return true;
}

/* Where @block is or would be in the table. */
static size_t place_of(const struct block_sizes *sizes, size_t block)
{
	size_t i;

	sorted_skip(i, 0, sizes->large.len, sizes->large.at[i].block < block);
	return i;
}

struct large_block block_large(const struct block_sizes *sizes, size_t block)
{
	size_t i = place_of(sizes, block);

	return i < sizes->large.len && sizes->large.at[i].block == block ?
	       sizes->large.at[i] : (struct large_block){0};
}

void block_set_count(struct block_sizes *sizes, size_t block, uint32_t count)
{
	size_t i;

	if (sizes->size[block] < BLOCK_LARGE) {
		sizes->count[block] = (uint16_t)(count < BLOCK_LARGE ?
						 count : BLOCK_LARGE);
		return;
	}
	i = place_of(sizes, block);
	if (i < sizes->large.len && sizes->large.at[i].block == block)
		sizes->large.at[i].count = count;
}
