/* SPDX-License-Identifier: MIT */
#include "analyze/waste_contents.h"

#include <stdlib.h>

#include "analyze/block_key.h"
#include "analyze/infer.h"
#include "base/bitset.h"
#include "base/cache.h"
#include "base/pool.h"
#include "base/progress.h"

enum {
	CHUNK = 1 << 14,	/* nodes */
	LARGE = 1 << 20,	/* bytes; most of it has to be there */
	LEAST_SLOTS = 8,	/* smaller tables are no waste worth a word */
	SEED_TEXT = 1, SEED_DATA = 2,
};

struct piece {
	struct waste_rows tables, slack;
	uint64_t unknown;
};

struct scan {
	struct waste_contents *c;
	struct piece *pieces;	/* [chunks] */
	struct contents_reader *readers;	/* [pool_threads()] */
};

struct contents_reader *contents_readers_open(const struct image *image,
					      unsigned n)
{
	struct contents_reader *readers = calloc(n, sizeof(*readers));

	for (unsigned i = 0; readers && i < n; i++) {
		readers[i].window = window_of(image);
		readers[i].buffer = malloc(CONTENTS_PIECE);
		if (!readers[i].buffer) {
			contents_readers_close(readers, n);
			return NULL;
		}
	}
	return readers;
}

void contents_readers_close(struct contents_reader *readers, unsigned n)
{
	for (unsigned i = 0; readers && i < n; i++) {
		if (readers[i].window.image)
			window_close(&readers[i].window);
		free(readers[i].buffer);
	}
	free(readers);
}

const uint8_t *contents_read(struct contents_reader *reader, uint64_t addr,
			     size_t n)
{
	size_t got;
	const uint8_t *at = window_span(&reader->window, addr, n, &got);

	if (at)
		return at;
	return image_read(reader->window.image, addr, reader->buffer, n) ?
	       reader->buffer : NULL;
}

uint64_t waste_holder_key(const struct heap *heap, uint32_t node)
{
	return heap_is_root(heap, node) ? WASTE_HOLDER_ROOT | node :
					  block_key(heap, node, false);
}

/* Bytes up to and with the NUL of the text at @addr, or @size. */
static uint64_t text_bytes(struct contents_reader *reader, uint64_t addr,
			   uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		size_t n = size - done < 256 ? (size_t)(size - done) : 256;
		const uint8_t *at = contents_read(reader, addr + done, n);
		const uint8_t *nul = at ? memchr(at, 0, n) : NULL;

		if (!at)
			return size;
		if (nul)
			return done + (uint64_t)(nul - at) + 1;
		done += n;
	}
	return size;
}

static struct block_use text_use(const struct heap *heap,
				 struct contents_reader *reader, uint32_t node)
{
	uint64_t n = text_bytes(reader, heap->addr[node], heap_size(heap, node));

	if (!infer_fits(heap, node, n, true))
		n = heap_size(heap, node);
	return (struct block_use){
		.used = n, .need = n, .text = true,
		.known = n < heap_size(heap, node),
	};
}

static struct block_use container_use(const struct heap *heap,
				      const struct containers *containers,
				      const struct container *c)
{
	const struct container_field *f =
		container_field(heap, containers, c);
	uint64_t extra = f->kind == CONTAINER_STRING;
	struct block_use use = {
		.used = (c->used + extra) * f->stride,
		.need = (c->room + extra) * f->stride, .known = true,
		.text = f->stride == 1 && (f->kind == CONTAINER_STRING ||
			heap->content[c->block] == CONTENT_TEXT),
		.table = f->kind == CONTAINER_TABLE,
	};

	/* Control bytes for each bucket, and some more to read behind them. */
	if (use.table)
		use.need = heap_size(heap, c->block);
	if (c->used == 0)
		use.used = 0;
	return use;
}

struct block_use waste_use(const struct waste_contents *contents,
			   struct contents_reader *reader, uint32_t node)
{
	const struct heap *heap = contents->heap;
	const struct type_table *types = &heap->image->types;
	const struct container *c =
		container_of_block(contents->containers, node);
	uint64_t size = heap_size(heap, node);
	struct block_use use = { size, size, false, false, false };
	uint32_t type = believed_type(heap, node);
	const struct word_map *map;
	uint64_t n;

	if (c)
		return container_use(heap, contents->containers, c);
	if (type == TYPE_NONE)
		return heap->content[node] == CONTENT_TEXT &&
		       heap->type[node] == TYPE_NONE ?
		       text_use(heap, reader, node) : use;
	type = types_strip(types, type);
	if (type == TYPE_NONE)
		return use;
	if (types->types.at[type].kind == TYPE_CHAR)
		return heap->content[node] == CONTENT_TEXT ?
		       text_use(heap, reader, node) : use;
	map = type_words_of(&contents->words, heap->type[node]);
	n = types->types.at[type].size * heap_count(heap, node);
	if (!map || map->open_ended || !infer_fits(heap, node, n, true))
		return use;
	use.used = use.need = n;
	use.known = true;
	return use;
}

/* Are the elements of @node something of which null means none? Their size,
 * or 0. */
static uint64_t slot_size(const struct heap *heap, uint32_t node)
{
	const struct type_table *types = &heap->image->types;
	uint32_t id = types_strip(types, believed_type(heap, node));
	const struct type *t;

	if (id == TYPE_NONE || heap_count(heap, node) < LEAST_SLOTS)
		return 0;
	t = &types->types.at[id];
	if (t->kind != TYPE_POINTER && !types_is_record(types, id))
		return 0;
	return t->size >= 8 && t->size <= CONTENTS_PIECE ? t->size : 0;
}

static bool is_zero(const uint8_t *at, size_t n)
{
	return at[0] == 0 && memcmp(at, at + 1, n - 1) == 0;
}

static uint64_t count_empty(const struct image *image, const uint8_t *at,
			    uint64_t addr, size_t n, uint64_t slot)
{
	uint64_t empty = 0;

	for (size_t i = 0; i + slot <= n; i += slot)
		empty += is_zero(at + i, slot) &&
			 !image_lost_some(image, addr + i, slot);
	return empty;
}

/*
 * Never touched, or if it is large only here and there: it costs little
 * memory, and might be larger than all that there is.
 */
static bool is_untouched(const struct heap *heap, uint32_t node)
{
	uint64_t start = heap->addr[node], size = heap_size(heap, node);
	const struct range *range, *last;
	uint64_t captured = 0;

	if (size < PAGE_SIZE_X86)
		return false;
	range = image_range(heap->image, start);
	if (range && range->presence == PRESENCE_ZERO &&
	    range->end - start >= size)
		return true;
	if (size < LARGE || !range)
		return size >= LARGE;
	last = heap->image->ranges.at + heap->image->ranges.len;
	for (; range < last && range->start < start + size; range++) {
		uint64_t from = range->start > start ? range->start : start;
		uint64_t to = range->end < start + size ? range->end :
							  start + size;

		captured += range->presence == PRESENCE_CAPTURED ||
			    range->presence == PRESENCE_TORN ? to - from : 0;
	}
	return captured < size / 2;
}

/* Hash @used bytes of @node; 0 when some are absent. Counts empty slots. */
static uint64_t hash_block(const struct heap *heap,
			   struct contents_reader *reader, uint32_t node,
			   const struct block_use *use, uint64_t slot,
			   uint64_t *empty)
{
	size_t step = slot ? CONTENTS_PIECE / slot * slot : CONTENTS_PIECE;
	uint64_t hash = use->text ? SEED_TEXT :
			hash_u64(block_key(heap, node, false)) + SEED_DATA;

	hash = hash_u64(hash ^ use->used);
	for (uint64_t done = 0; done < use->used;) {
		uint64_t addr = heap->addr[node] + done;
		size_t n = use->used - done < step ?
			   (size_t)(use->used - done) : step;
		const uint8_t *at = contents_read(reader, addr, n);

		if (!at)
			return 0;
		hash = cache_sum(at, n, hash);
		if (slot)
			*empty += count_empty(heap->image, at, addr, n, slot);
		done += n;
	}
	return hash ? hash : 1;
}

/*
 * Less than a quarter is in use. A hash table with a list in each bucket that
 * has just grown has 39 % of them in use: that is how such tables are.
 */
static bool is_sparse(uint64_t used, uint64_t room)
{
	return used < room / 4;
}

static bool add_table(struct piece *piece, const struct heap *heap,
		      uint32_t node, uint32_t holder, uint64_t offset,
		      uint64_t used, uint64_t room, uint64_t slot)
{
	struct waste_row row = {
		.key = { holder == NODE_NONE ? UINT64_MAX :
			 waste_holder_key(heap, holder), offset,
			 block_key(heap, node, false) },
		.count = 1, .bytes = (room - used) * slot,
		.used = used, .room = room,
		.most = (room - used) * slot, .sample = node,
		.holder = holder,
	};

	return !is_sparse(used, room) || waste_rows_add(&piece->tables, &row);
}

/* Offset of what gave the type of @node, in an element of its holder. */
static uint64_t why_offset(const struct heap *heap, uint32_t node)
{
	uint32_t holder = heap->why_node[node], type;
	uint64_t stride;

	if (holder == NODE_NONE)
		return 0;
	type = types_strip(&heap->image->types, heap_is_root(heap, holder) ?
			   heap_root(heap, holder)->type : heap->type[holder]);
	stride = type == TYPE_NONE ? 0 : heap->image->types.types.at[type].size;
	return stride ? heap->why_offset[node] % stride :
			heap->why_offset[node];
}

static bool add_slack(struct piece *piece, const struct heap *heap,
		      uint32_t node, const struct block_use *use)
{
	uint64_t bytes = heap_size(heap, node) - use->need;
	struct waste_row row = {
		.key = { heap->owner[node], heap_size(heap, node),
			 block_key(heap, node, false) },
		.count = 1, .bytes = bytes, .used = use->need,
		.room = heap_size(heap, node), .most = bytes, .sample = node,
		.holder = NODE_NONE,
	};

	return bytes == 0 || waste_rows_add(&piece->slack, &row);
}

static bool look_at_block(const struct scan *s, struct piece *piece,
			  struct contents_reader *reader, uint32_t node)
{
	struct waste_contents *c = s->c;
	const struct heap *heap = c->heap;
	const struct container *container =
		container_of_block(c->containers, node);
	struct block_use use = waste_use(c, reader, node);
	uint64_t slot = slot_size(heap, node), empty = 0, slots;

	if (use.known && !add_slack(piece, heap, node, &use))
		return false;
	if (!use.known)
		piece->unknown += heap_size(heap, node);
	if (use.table)
		return add_table(piece, heap, node, container->owner,
				 container->offset, container->used,
				 container->room,
				 container_field(heap, c->containers,
						 container)->stride);
	if (use.used == 0 || is_untouched(heap, node))
		return true;
	c->hash[node] = hash_block(heap, reader, node, &use, slot, &empty);
	slots = slot ? use.used / slot : 0;
	if (slots < LEAST_SLOTS || !is_sparse(slots - empty, slots))
		return true;
	c->hash[node] = 0;
	return add_table(piece, heap, node,
			 container ? container->owner : heap->why_node[node],
			 container ? container->offset : why_offset(heap, node),
			 slots - empty, slots, slot);
}

static bool scan_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct scan *s = ctx;

	for (uint64_t node = begin; node < end; node++) {
		if (!look_at_block(s, &s->pieces[chunk], &s->readers[worker],
				   (uint32_t)node))
			return err_nomem(err, "waste");
	}
	progress_add(end - begin);
	return true;
}

static bool make_words(const struct heap *heap, struct type_words *words,
		       struct err *err)
{
	const struct type_table *types = &heap->image->types;
	struct bitset seen;
	bool ok = true;

	if (!type_words_init(types, words, err))
		return false;
	if (!bitset_init(&seen, types->types.len + 1))
		return err_nomem(err, "waste");
	for (uint32_t node = 0; ok && node < heap->n_blocks; node++) {
		if (heap->type[node] < types->types.len &&
		    bitset_insert(&seen, heap->type[node]))
			ok = type_words_add(types, heap->type[node], words,
					    err);
	}
	bitset_free(&seen);
	return ok;
}

static bool join(struct waste_contents *ret, struct piece *pieces, size_t n,
		 struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!waste_rows_join(&ret->tables, &pieces[i].tables) ||
		    !waste_rows_join(&ret->slack, &pieces[i].slack))
			return err_nomem(err, "waste");
		ret->unknown += pieces[i].unknown;
	}
	waste_rows_sort(&ret->tables);
	waste_rows_sort(&ret->slack);
	return true;
}

static bool scan_all(struct waste_contents *ret, struct err *err)
{
	uint32_t n = ret->heap->n_blocks;
	size_t chunks = pool_chunks(n, CHUNK);
	unsigned threads = pool_threads();
	struct scan s = { .c = ret };
	bool ok;

	s.pieces = calloc(chunks + 1, sizeof(*s.pieces));
	s.readers = contents_readers_open(ret->heap->image, threads);
	progress_begin("comparing contents", n);
	ok = (s.pieces && s.readers) || err_nomem(err, "waste");
	ok = ok && pool_run(n, CHUNK, scan_chunk, &s, err) &&
	     join(ret, s.pieces, chunks, err);
	progress_end();
	for (size_t i = 0; s.pieces && i < chunks; i++) {
		waste_rows_free(&s.pieces[i].tables);
		waste_rows_free(&s.pieces[i].slack);
	}
	free(s.pieces);
	contents_readers_close(s.readers, threads);
	return ok;
}

bool waste_contents_build(const struct heap *heap,
			  const struct containers *containers,
			  struct waste_contents *ret, struct err *err)
{
	bool ok;

	*ret = (struct waste_contents){
		.heap = heap, .containers = containers,
		.hash = calloc((size_t)heap->n_blocks + 1, sizeof(uint64_t)),
	};
	ok = (ret->hash || err_nomem(err, "waste")) &&
	     make_words(heap, &ret->words, err) && scan_all(ret, err);
	if (!ok)
		waste_contents_free(ret);
	return ok;
}

void waste_contents_free(struct waste_contents *contents)
{
	type_words_free(&contents->words);
	free(contents->hash);
	waste_rows_free(&contents->tables);
	waste_rows_free(&contents->slack);
	*contents = (struct waste_contents){0};
}
