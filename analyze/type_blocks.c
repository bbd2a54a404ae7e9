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
	uint32_t *nodes;	/* [n_blocks + 1] of each chunk from its begin */
	uint32_t *found;	/* [chunks] */
};

/* As block_key() would tell, which follows the type anew each time. */
static inline bool is_one(const struct finder *f, uint32_t node)
{
	if (f->type == TYPE_NONE)
		return f->heap->type[node] == TYPE_NONE &&
		       block_key(f->heap, node, false) == f->key;
	return (f->heap->type[node] == f->type) &
	       (!f->by_count |
		((heap_count(f->heap, node) != 1) == (f->key & 1)));
}

static bool find_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	const struct finder *f = ctx;
	uint32_t n = 0, last = NODE_NONE;

	(void)worker;
	(void)err;
	/* Every other block may be one: no branch foresees that. The last
	 * place of a chunk is the first of the next one. */
	for (uint32_t i = (uint32_t)begin; i + 1 < end; i++) {
		f->nodes[begin + n] = i;
		n += is_one(f, i);
	}
	if (is_one(f, (uint32_t)end - 1))
		last = (uint32_t)end - 1;
	if (last != NODE_NONE)
		f->nodes[begin + n++] = last;
	f->found[chunk] = n;
	progress_add(end - begin);
	return true;
}

/* Let what the chunks found stand side by side. */
static uint64_t close_gaps(const struct finder *f)
{
	size_t chunks = pool_chunks(f->heap->n_blocks, CHUNK);
	uint64_t n = 0;

	for (size_t i = 0; i < chunks; i++) {
		memmove(f->nodes + n, f->nodes + i * CHUNK,
			f->found[i] * sizeof(*f->nodes));
		n += f->found[i];
	}
	return n;
}

bool type_blocks_build(const struct heap *heap, uint64_t key,
		       struct type_blocks *ret, struct err *err)
{
	size_t chunks = pool_chunks(heap->n_blocks, CHUNK);
	struct finder f = {
		.heap = heap, .key = key,
		.type = block_key_is_typed(key) ? (uint32_t)(key >> 1) :
						  TYPE_NONE,
		.nodes = bulk_alloc((size_t)heap->n_blocks + 1,
				    sizeof(*f.nodes)),
		.found = calloc(chunks + 1, sizeof(*f.found)),
	};
	bool ok = f.nodes && f.found;

	f.by_count = f.type != TYPE_NONE &&
		     !block_key_is_always_array(heap, f.type);
	*ret = (struct type_blocks){ .key = key };
	ok = ok ? pool_run(heap->n_blocks, CHUNK, find_chunk, &f, err) :
		  err_nomem(err, "blocks of a type");
	if (ok) {
		ret->n = close_gaps(&f);
		ret->nodes = bulk_resize(f.nodes, (size_t)ret->n + 1,
					 sizeof(*f.nodes));
	} else {
		bulk_free(f.nodes);
	}
	free(f.found);
	return ok;
}

void type_blocks_free(struct type_blocks *blocks)
{
	bulk_free(blocks->nodes);
	*blocks = (struct type_blocks){0};
}
