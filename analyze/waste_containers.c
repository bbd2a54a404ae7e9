/* SPDX-License-Identifier: MIT */
#include "analyze/waste_containers.h"

#include <stdlib.h>

#include "analyze/words.h"
#include "base/bitset.h"
#include "base/pool.h"
#include "base/progress.h"

enum {
	CHUNK = 1 << 14,	/* nodes */
	SURE = 80,		/* percent: from here on a type is believed */
};

struct piece {
	VEC(struct container) found;
};

struct scan {
	const struct heap *heap;
	const struct container_maps *maps;
	struct piece *pieces;	/* [chunks] */
	struct window *windows;	/* [pool_threads()] */
};

uint32_t believed_type(const struct heap *heap, uint32_t node)
{
	if (heap_is_root(heap, node)) {
		const struct root *r = heap_root(heap, node);

		return r->addr && r->kind <= ROOT_TLS ? r->type : TYPE_NONE;
	}
	return heap->confidence[node] >= SURE ? heap->type[node] : TYPE_NONE;
}

/* What one container says, as its words are. */
struct words {
	uint64_t pointer, used, room;
};

static bool read_words(struct window *w, uint64_t addr,
		       const struct container_field *f, struct words *ret)
{
	return window_u64(w, addr + f->at, &ret->pointer) &&
	       window_u64(w, addr + f->used_at, &ret->used) &&
	       window_u64(w, addr + f->room_at, &ret->room);
}

/* Elements in use and in all, of pointers; false when they make no sense. */
static bool count_range(const struct container_field *f, struct words *w)
{
	if (w->used < w->pointer || w->room < w->used)
		return false;
	w->used -= w->pointer;
	w->room -= w->pointer;
	if (w->used % f->stride || w->room % f->stride)
		return false;
	w->used /= f->stride;
	w->room /= f->stride;
	return true;
}

/* Bytes of the block from its start to the end of the array; 0: none. */
static uint64_t end_of_array(const struct heap *heap, uint32_t block,
			     const struct container_field *f, struct words *w)
{
	uint64_t at = w->pointer - heap->addr[block];
	uint64_t extra = f->kind == CONTAINER_STRING;
	uint64_t most = heap_size(heap, block) / f->stride;

	if (f->kind == CONTAINER_TABLE) {
		w->room++;
		/* What aligns the control bytes stands in front. */
		return w->room > 0 && w->room <= at / f->stride &&
		       at - w->room * f->stride < 16 ? at : 0;
	}
	if (at != 0 || most <= extra || w->room > most - extra)
		return 0;
	return (w->room + extra) * f->stride;
}

/* Does the container at @addr own a block? */
static bool look(const struct heap *heap, struct window *window, uint64_t addr,
		 const struct container_field *f, struct container *ret)
{
	struct words w;

	if (!read_words(window, addr, f, &w) || !w.pointer)
		return false;
	if (f->kind == CONTAINER_RANGE && !count_range(f, &w))
		return false;
	ret->block = heap_find(heap, w.pointer);
	if (ret->block == NODE_NONE || ret->block == ret->owner ||
	    !end_of_array(heap, ret->block, f, &w) || w.used > w.room ||
	    w.room == 0 || w.room > UINT32_MAX)
		return false;
	ret->used = (uint32_t)w.used;
	ret->room = (uint32_t)w.room;
	return true;
}

/* The first element from number @i on of which something was captured, or
 * UINT32_MAX; the bytes up to *@until were. */
static uint64_t step_over(const struct image *image, uint64_t start,
			  uint64_t stride, uint64_t i, uint64_t *until)
{
	uint64_t addr = captured_from(image, start + i * stride);
	const struct range *range = image_range(image, addr);

	*until = range ? range->end : UINT64_MAX;
	return addr == UINT64_MAX ? UINT32_MAX : (addr - start) / stride;
}

static bool scan_element(const struct heap *heap, struct window *window,
			 struct piece *piece, uint32_t owner, uint64_t addr,
			 const struct container_fields *fields)
{
	for (size_t k = 0; k < fields->n; k++) {
		struct container c = {
			.owner = owner, .field = (uint32_t)k,
			.offset = (uint32_t)fields->at[k].at,
		};

		if (look(heap, window, addr, &fields->at[k], &c) &&
		    !vec_push(&piece->found, c))
			return false;
	}
	return true;
}

static bool scan_node(const struct scan *s, struct window *window,
		      struct piece *piece, uint32_t node)
{
	const struct heap *heap = s->heap;
	const struct container_fields *fields =
		container_fields_of(s->maps, believed_type(heap, node));
	bool root = heap_is_root(heap, node);
	uint64_t start, count, until = 0;

	if (!fields)
		return true;
	start = root ? heap_root(heap, node)->addr : heap->addr[node];
	count = root ? 1 : heap_count(heap, node);
	for (uint64_t i = 0; i < count; i++) {
		/* A large array may have been touched here and there. */
		if (start + i * fields->stride >= until)
			i = step_over(heap->image, start, fields->stride, i,
				      &until);
		if (i < count &&
		    !scan_element(heap, window, piece, node,
				  start + i * fields->stride, fields))
			return false;
	}
	return true;
}

static bool scan_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct scan *s = ctx;

	for (uint64_t node = begin; node < end; node++) {
		if (!scan_node(s, &s->windows[worker], &s->pieces[chunk],
			       (uint32_t)node))
			return err_nomem(err, "containers");
	}
	progress_add(end - begin);
	return true;
}

/* The map of each type that some node has. */
static bool make_maps(const struct heap *heap, struct container_maps *maps,
		      struct err *err)
{
	const struct type_table *types = &heap->image->types;
	struct bitset seen;
	bool ok = true;

	if (!container_maps_init(types, maps, err))
		return false;
	if (!bitset_init(&seen, types->types.len + 1))
		return err_nomem(err, "containers");
	for (uint32_t node = 0; ok && node < heap->n_nodes; node++) {
		uint32_t type = believed_type(heap, node);

		if (type < types->types.len && bitset_insert(&seen, type))
			ok = container_maps_add(types, type, maps, err);
	}
	bitset_free(&seen);
	return ok;
}

/* In the order of chunks; a block goes to the first that claims it. */
static bool join(struct piece *pieces, size_t n, struct containers *ret,
		 struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < pieces[i].found.len; k++) {
			struct container *c = &pieces[i].found.at[k];

			if (ret->of_block[c->block])
				continue;
			if (ret->at.len >= UINT32_MAX - 1 ||
			    !vec_push(&ret->at, *c))
				return err_nomem(err, "containers");
			ret->of_block[c->block] = (uint32_t)ret->at.len;
		}
		vec_free(&pieces[i].found);
	}
	return true;
}

static bool scan_all(const struct heap *heap, struct containers *ret,
		     struct err *err)
{
	size_t chunks = pool_chunks(heap->n_nodes, CHUNK);
	unsigned threads = pool_threads();
	struct scan s = { .heap = heap, .maps = &ret->maps };
	bool ok = false;

	s.pieces = calloc(chunks + 1, sizeof(*s.pieces));
	s.windows = calloc(threads, sizeof(*s.windows));
	if (!s.pieces || !s.windows) {
		err_nomem(err, "containers");
		goto out;
	}
	for (unsigned i = 0; i < threads; i++)
		s.windows[i] = window_of(heap->image);
	progress_begin("reading containers", heap->n_nodes);
	ok = pool_run(heap->n_nodes, CHUNK, scan_chunk, &s, err);
	progress_end();
	for (unsigned i = 0; i < threads; i++)
		window_close(&s.windows[i]);
	ok = ok && join(s.pieces, chunks, ret, err);
out:
	for (size_t i = 0; s.pieces && i < chunks; i++)
		vec_free(&s.pieces[i].found);
	free(s.pieces);
	free(s.windows);
	return ok;
}

bool containers_build(const struct heap *heap, struct containers *ret,
		      struct err *err)
{
	bool ok;

	*ret = (struct containers){0};
	ret->of_block = calloc((size_t)heap->n_blocks + 1,
			       sizeof(*ret->of_block));
	ok = (ret->of_block || err_nomem(err, "containers")) &&
	     make_maps(heap, &ret->maps, err) && scan_all(heap, ret, err);
	if (!ok)
		containers_free(ret);
	return ok;
}

void containers_free(struct containers *containers)
{
	vec_free(&containers->at);
	free(containers->of_block);
	container_maps_free(&containers->maps);
	*containers = (struct containers){0};
}

const struct container_field *
container_field(const struct heap *heap, const struct containers *containers,
		const struct container *container)
{
	uint32_t type = believed_type(heap, container->owner);

	return &container_fields_of(&containers->maps,
				    type)->at[container->field];
}
