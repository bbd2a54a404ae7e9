/* SPDX-License-Identifier: MIT */
#include "analyze/type_blocks.h"

#include <stdlib.h>

#include "base/bulk.h"
#include "base/pool.h"
#include "base/progress.h"

enum { CHUNK = 1 << 18 };

struct finder {
	const struct heap *heap;
	uint64_t key;
	uint32_t type;		/* TYPE_NONE: of an untyped key */
	bool by_count;		/* the count of a block decides, too */
	uint64_t *first;	/* [chunks + 1] of each in nodes */
	uint32_t *nodes;	/* NULL: they are only counted */
};

/* As block_key() would tell, which follows the type anew each time. */
static inline bool is_one(const struct finder *f, uint32_t node)
{
	if (f->heap->type[node] != f->type)
		return false;
	if (f->type == TYPE_NONE)
		return block_key(f->heap, node, false) == f->key;
	return !f->by_count || (heap_count(f->heap, node) != 1) == (f->key & 1);
}

static bool find_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	const struct finder *f = ctx;
	uint64_t at = f->nodes ? f->first[chunk] : 0;

	(void)worker;
	(void)err;
	for (uint32_t i = (uint32_t)begin; i < end; i++) {
		if (!is_one(f, i))
			continue;
		if (f->nodes)
			f->nodes[at] = i;
		at++;
	}
	if (!f->nodes)
		f->first[chunk + 1] = at;
	progress_add(end - begin);
	return true;
}

static bool find(struct finder *f, struct type_blocks *ret, struct err *err)
{
	uint32_t n = f->heap->n_blocks;
	size_t chunks = pool_chunks(n, CHUNK);

	f->first = calloc(chunks + 1, sizeof(*f->first));
	if (!f->first)
		return err_nomem(err, "blocks of a type");
	if (!pool_run(n, CHUNK, find_chunk, f, err))
		return false;
	for (size_t i = 0; i < chunks; i++)
		f->first[i + 1] += f->first[i];
	ret->n = f->first[chunks];
	ret->nodes = bulk_alloc((size_t)ret->n + 1, sizeof(*ret->nodes));
	f->nodes = ret->nodes;
	return f->nodes ? pool_run(n, CHUNK, find_chunk, f, err) :
			  err_nomem(err, "blocks of a type");
}

bool type_blocks_build(const struct heap *heap, uint64_t key,
		       struct type_blocks *ret, struct err *err)
{
	struct finder f = {
		.heap = heap, .key = key,
		.type = block_key_is_typed(key) ? (uint32_t)(key >> 1) :
						  TYPE_NONE,
	};
	bool ok;

	f.by_count = f.type != TYPE_NONE &&
		     !block_key_is_always_array(heap, f.type);
	*ret = (struct type_blocks){ .key = key };
	ok = find(&f, ret, err);
	free(f.first);
	if (!ok)
		type_blocks_free(ret);
	return ok;
}

void type_blocks_free(struct type_blocks *blocks)
{
	bulk_free(blocks->nodes);
	*blocks = (struct type_blocks){0};
}
