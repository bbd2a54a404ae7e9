/* SPDX-License-Identifier: MIT */
#include "tests/make_glibc.h"

#include <stdlib.h>

#include "tests/aid_graph.h"

enum {
	PAGE = 4096,
	CACHES = 6,		/* of threads 0..3, then orphans */
	THREADS = 4,
	MAX_BINS = 76,
};

/* What differs between releases; offsets as in malloc.c and arena.c. */
struct release {
	const char *version;
	unsigned arena_size, fastbins, top, bins;	/* malloc_state */
	unsigned heap_info;
	unsigned mp_n_mmaps, mp_mmapped, mp_base, mp_tcache;
	unsigned cache_size, cache_count, cache_bins;	/* bytes; 1 or 2; bins */
	unsigned fill;		/* entries of a full tcache bin */
	bool mangled, key_owner, key_random, slots, new_mmap;
};

static const struct release releases[MADE_RELEASES] = {
	{ "2.26", 0x890, 0x08, 0x58, 0x68, 0x20, 0x28, 0x38, 0x48, 0x50,
	  0x240, 1, 64, 7, false, false, false, false, false },
	{ "2.27-2.28", 0x898, 0x10, 0x60, 0x70, 0x20, 0x28, 0x38, 0x48, 0x50,
	  0x240, 1, 64, 7, false, false, false, false, false },
	{ "2.29", 0x898, 0x10, 0x60, 0x70, 0x20, 0x28, 0x38, 0x48, 0x50,
	  0x240, 1, 64, 7, false, true, false, false, false },
	{ "2.30-2.31", 0x898, 0x10, 0x60, 0x70, 0x20, 0x28, 0x38, 0x48, 0x50,
	  0x280, 2, 64, 7, false, true, false, false, false },
	{ "2.32-2.33", 0x898, 0x10, 0x60, 0x70, 0x20, 0x28, 0x38, 0x48, 0x50,
	  0x280, 2, 64, 7, true, true, false, false, false },
	{ "2.34", 0x898, 0x10, 0x60, 0x70, 0x20, 0x28, 0x38, 0x48, 0x50,
	  0x280, 2, 64, 7, true, false, true, false, false },
	{ "2.35-2.41", 0x898, 0x10, 0x60, 0x70, 0x30, 0x3c, 0x50, 0x60, 0x68,
	  0x280, 2, 64, 7, true, false, true, false, false },
	{ "2.42", 0x898, 0x10, 0x60, 0x70, 0x30, 0x3c, 0x50, 0x60, 0x68,
	  0x2f8, 2, 76, 7, true, false, true, true, false },
	{ "2.43-2.44", 0x840, 0, 0x08, 0x18, 0x30, 0x44, 0x58, 0x68, 0x70,
	  0x2f8, 2, 76, 16, true, false, true, true, true },
};

struct cache {
	uint64_t addr;		/* of the struct */
	uint64_t head[MAX_BINS];
	unsigned length[MAX_BINS];
};

struct made_arena {
	uint64_t addr, top, system_mem;
};

struct maker {
	struct made_heap *heap;
	const struct release *r;
	uint64_t seed, key;
	struct made_arena arenas[2];
	struct cache caches[CACHES];
	size_t placed;		/* caches that have a chunk */
	uint64_t n_mmaps, mmapped;
};

static uint64_t below(struct maker *m, uint32_t n)
{
	return random_below(&m->seed, n);
}

struct made_region *made_region_of(const struct made_heap *heap, uint64_t addr)
{
	for (size_t i = 0; i < heap->n_regions; i++) {
		const struct made_region *r = &heap->regions[i];

		if (addr >= r->start && addr - r->start < r->size)
			return (struct made_region *)r;
	}
	return NULL;
}

void made_write(struct made_heap *heap, uint64_t addr, uint64_t value)
{
	struct made_region *r = made_region_of(heap, addr);

	if (!r || r->start + r->size - addr < 8)
		abort();
	memcpy(r->bytes + (addr - r->start), &value, sizeof(value));
}

uint64_t made_read(const struct made_heap *heap, uint64_t addr)
{
	const struct made_region *r = made_region_of(heap, addr);
	uint64_t value;

	if (!r || r->start + r->size - addr < 8)
		abort();
	memcpy(&value, r->bytes + (addr - r->start), sizeof(value));
	return value;
}

static void put32(struct maker *m, uint64_t addr, uint32_t value)
{
	struct made_region *r = made_region_of(m->heap, addr);

	memcpy(r->bytes + (addr - r->start), &value, sizeof(value));
}

static void put(struct maker *m, uint64_t addr, uint64_t value)
{
	made_write(m->heap, addr, value);
}

static void add_region(struct maker *m, uint64_t start, uint64_t size,
		       const char *path)
{
	struct mapping mapping = {
		.start = start, .end = start + size, .path = path,
		.perms = PERM_READ | PERM_WRITE, .vm_flags = "",
	};
	struct range range = {
		.start = start, .end = start + size,
		.presence = PRESENCE_CAPTURED,
	};
	struct made_region *r = &m->heap->regions[m->heap->n_regions++];

	*r = (struct made_region){ .start = start, .size = size, .path = path };
	r->bytes = calloc(1, size);
	if (!r->bytes || !vec_push(&m->heap->image.mappings, mapping) ||
	    !vec_push(&m->heap->image.ranges, range))
		abort();
}

static void add_chunk(struct maker *m, uint32_t arena, uint64_t chunk,
		      uint64_t size, uint64_t usable, enum made_kind kind)
{
	struct made_chunk c = {
		.chunk = chunk, .size = size, .usable = usable, .kind = kind,
		.arena = arena,
	};

	if (!vec_push(&m->heap->chunks, c))
		abort();
}

/* User data: numbers, sizes that look like headers, pointers, nothing. */
static void add_noise(struct maker *m, uint64_t from, uint64_t to)
{
	uint64_t kind = below(m, 4);

	for (uint64_t at = from; at + 8 <= to && at < from + 512; at += 8) {
		switch (kind) {
		case 0: put(m, at, below(m, 1 << 20)); break;
		case 1: put(m, at, from - 16 * below(m, 64)); break;
		case 2: put(m, at, random_next(&m->seed)); break;
		default: break;
		}
	}
}

static enum made_kind some_kind(struct maker *m, bool after_free, bool last)
{
	uint64_t kind = below(m, 8);

	if (kind == 0 && !after_free && !last)
		return MADE_BINNED;
	if (kind == 1 && !m->r->new_mmap)
		return MADE_FAST;
	if (kind <= 3)
		return MADE_CACHED;
	return MADE_LIVE;
}

static uint64_t some_size(struct maker *m, enum made_kind kind)
{
	uint64_t size = 0x20 + 16 * below(m, 12);

	switch (kind) {
	case MADE_FAST: return 0x20 + 16 * below(m, 7);
	case MADE_CACHED:
		if (m->r->cache_bins > 64 && below(m, 4) == 0)
			return 0x420 + 16 * below(m, 0x100);
		return 0x20 + 16 * below(m, 63);
	case MADE_CACHE:
		/* Now and then the rest was too small for a chunk. */
		return ((m->r->cache_size + 8 + 15) & ~15u) +
		       (below(m, 3) == 0 ? 16 : 0);
	default:
		return below(m, 6) == 0 ? size + 16 * below(m, 200) : size;
	}
}

/* Fill [@at, @end) with chunks; the last one is in use. */
static void fill(struct maker *m, uint32_t arena, uint64_t at, uint64_t end)
{
	bool after_free = false;

	while (at < end) {
		bool cache = m->placed < CACHES && below(m, 12) == 0;
		enum made_kind kind = cache ? MADE_CACHE :
			some_kind(m, after_free, end - at < 0x2000);
		uint64_t size = some_size(m, kind);

		if (end - at < 0x2000) {
			size = end - at;
			kind = MADE_LIVE;
		}
		put(m, at + 8, size | (after_free ? 0 : 1) |
		    (arena != 0 && kind != MADE_BINNED ? 4u : 0));
		add_noise(m, at + 16, at + size);
		add_chunk(m, arena, at, size, size - 8, kind);
		if (kind == MADE_CACHE)
			m->caches[m->placed++].addr = at + 16;
		after_free = kind == MADE_BINNED;
		at += size;
		if (after_free)
			put(m, at, size);
	}
}

static void put_top(struct maker *m, uint32_t arena, uint64_t at, uint64_t end)
{
	m->arenas[arena].top = at;
	put(m, at + 8, (end - at) | 1);
	add_chunk(m, arena, at, end - at, end - at - 16, MADE_TOP);
}

/* Stored form of the link in @field to @target. */
static uint64_t link_to(const struct maker *m, uint64_t field, uint64_t target)
{
	return m->r->mangled ? field >> 12 ^ target : target;
}

static unsigned cache_bin(uint64_t size)
{
	unsigned log = 0;

	if (size <= 0x410)
		return (unsigned)((size - 0x20) / 16);
	while (size >> (log + 1))
		log++;
	return 64 + log - 10;
}

/* Put a chunk at the head of a list with room; without one it stays live. */
static void cache_chunk(struct maker *m, struct made_chunk *c)
{
	struct cache *cache = &m->caches[below(m, CACHES - 1)];
	unsigned bin = cache_bin(c->size);
	uint64_t entry = c->chunk + 16;

	/* The last cache stays empty; one that was not placed is none. */
	if (cache->addr == 0 || cache->length[bin] == m->r->fill) {
		c->kind = MADE_LIVE;
		return;
	}
	put(m, entry, link_to(m, entry, cache->head[bin]));
	if (m->r->key_owner)
		put(m, entry + 8, cache->addr);
	else if (m->r->key_random)
		put(m, entry + 8, m->key);
	cache->head[bin] = entry;
	cache->length[bin]++;
}

static void bin_chunk(struct maker *m, const struct made_chunk *c)
{
	uint64_t bins = m->arenas[c->arena].addr + m->r->bins;
	uint64_t number = c->size < 0x400 && below(m, 2) ? c->size / 16 : 1;
	uint64_t bin = bins + 16 * (number - 1) - 16, chunk = c->chunk;
	uint64_t first = made_read(m->heap, bin + 16);

	put(m, chunk + 16, first);
	put(m, chunk + 24, bin);
	put(m, bin + 16, chunk);
	put(m, first + 24, chunk);
}

static void fast_chunk(struct maker *m, const struct made_chunk *c)
{
	uint64_t head = m->arenas[c->arena].addr + m->r->fastbins +
			8 * (c->size / 16 - 2);

	put(m, c->chunk + 16, link_to(m, c->chunk + 16,
				      made_read(m->heap, head)));
	put(m, head, c->chunk);
}

static void link_chunks(struct maker *m)
{
	for (size_t i = 0; i < m->heap->chunks.len; i++) {
		struct made_chunk *c = &m->heap->chunks.at[i];

		if (c->kind == MADE_CACHED)
			cache_chunk(m, c);
		else if (c->kind == MADE_BINNED)
			bin_chunk(m, c);
		else if (c->kind == MADE_FAST)
			fast_chunk(m, c);
	}
}

/* A cache that holds nothing, and that no thread has, is just a block. */
static void settle_empty_caches(struct maker *m)
{
	for (size_t i = THREADS - 1; i < CACHES - 1; i++) {
		unsigned entries = 0;

		for (unsigned bin = 0; bin < m->r->cache_bins; bin++)
			entries += m->caches[i].length[bin];
		for (size_t k = 0; entries == 0 && k < m->heap->chunks.len;
		     k++) {
			struct made_chunk *c = &m->heap->chunks.at[k];

			if (c->chunk + 16 == m->caches[i].addr)
				c->kind = MADE_LIVE;
		}
	}
}

static void put_count(struct maker *m, uint64_t addr, unsigned value)
{
	struct made_region *r = made_region_of(m->heap, addr);

	memcpy(r->bytes + (addr - r->start), &value, m->r->cache_count);
}

static void put_caches(struct maker *m)
{
	for (size_t i = 0; i < CACHES; i++) {
		struct cache *c = &m->caches[i];
		uint64_t heads = c->addr + m->r->cache_count * m->r->cache_bins;

		for (unsigned bin = 0; c->addr && bin < m->r->cache_bins;
		     bin++) {
			unsigned n = c->length[bin];

			put_count(m, c->addr + m->r->cache_count * bin,
				  m->r->slots ? m->r->fill - n : n);
			put(m, heads + 8 * bin, c->head[bin]);
		}
	}
}

static void init_arena(struct maker *m, uint32_t number, uint64_t addr)
{
	m->arenas[number] = (struct made_arena){ .addr = addr };
	for (uint64_t i = 0; i < 127; i++) {
		uint64_t pair = addr + m->r->bins + 16 * i;

		put(m, pair, pair - 16);
		put(m, pair + 8, pair - 16);
	}
}

static void finish_arena(struct maker *m, uint32_t number)
{
	const struct made_arena *a = &m->arenas[number];

	put(m, a->addr + m->r->top, a->top);
	put(m, a->addr + m->r->bins + 0x800, m->arenas[!number].addr);
	put(m, a->addr + m->r->bins + 0x818, a->system_mem);
	put(m, a->addr + m->r->bins + 0x820, a->system_mem);
}

/* The main heap, in one piece or around somebody else's piece of it. */
static uint64_t make_main(struct maker *m, uint64_t start)
{
	uint64_t size = 0x61000, end = start + size, base = start, gap, fences;

	add_region(m, start, size, "[heap]");
	if (below(m, 2))
		base += 8;
	start = (base + 15) & ~UINT64_C(15);
	m->arenas[0].system_mem = end - base;
	if (below(m, 2)) {
		gap = (start + 0x30000) & ~UINT64_C(0xfff);
		fences = 2 + below(m, 2);
		fill(m, 0, start, gap - 16 * fences);
		for (uint64_t i = fences; i > 0; i--)
			put(m, gap - 16 * i + 8, 0x11);
		start = gap + 16 * below(m, 300);
		m->heap->second_segment = start;
	}
	fill(m, 0, start, end - 0x3010);
	put_top(m, 0, end - 0x3010, end);
	return base;
}

/* A thread's arena: one heap retired, one in use. */
static void make_thread_arena(struct maker *m, uint64_t first)
{
	uint64_t size = 0x21000, second = first + (64 << 20);
	uint64_t arena = first + m->r->heap_info, end = first + size;

	add_region(m, first, size, "");
	add_region(m, second, size, "");
	init_arena(m, 1, arena);
	put(m, first, arena);
	put(m, first + 0x10, size);
	put(m, first + 0x18, size);
	put(m, second, arena);
	put(m, second + 8, first);
	put(m, second + 0x10, size);
	put(m, second + 0x18, size);
	fill(m, 1, (arena + m->r->arena_size + 15) & ~UINT64_C(15), end - 32);
	put(m, end - 32 + 8, 0x11);
	put(m, end - 16 + 8, 1);
	fill(m, 1, second + m->r->heap_info, second + size - 0x1000);
	put_top(m, 1, second + size - 0x1000, second + size);
	m->arenas[1].system_mem = 2 * size;
}

/* One mmapped chunk of @pages pages at @base, aligned by memalign or not. */
static void make_mmapped(struct maker *m, uint64_t base, uint64_t pages)
{
	static const uint64_t offsets[] = { 0, 0, 0x30, 0x1f0, 0xff0, 0x1ff0 };
	uint64_t offset = offsets[below(m, pages > 3 ? 6 : 4)];
	uint64_t length = pages * PAGE, cut = m->r->new_mmap ? 16 : 0;
	uint64_t chunk = base + offset, size = length - offset - cut;

	add_noise(m, base + 64, base + length);
	put(m, base + 8, (length - cut) | 2);	/* stale if aligned */
	put(m, chunk, offset);
	put(m, chunk + 8, size | 2);
	/* Since 2.43 a tcache may hold one, which then stays mapped. */
	add_chunk(m, 0, chunk, size, size - (cut ? 8 : 16),
		  cut && size >= 0x420 && below(m, 3) == 0 ? MADE_CACHED :
							     MADE_MMAPPED);
	m->n_mmaps++;
	m->mmapped += length;
}

static void make_mmaps(struct maker *m, uint64_t start)
{
	uint64_t at = start;

	add_region(m, start, 400 * PAGE, "");
	for (uint64_t i = 0; i < 12; i++) {
		uint64_t pages = 1 + below(m, 20);

		if (i % 4 == 3) {
			/* Not a chunk, whatever it looks like. */
			put(m, at + 8, (31 * PAGE) | 2);
			at += 31 * PAGE;
			continue;
		}
		if (i % 3 == 2)
			at += PAGE * below(m, 4);
		make_mmapped(m, at, pages);
		at += pages * PAGE;
	}
	if (m->r->new_mmap)
		m->mmapped += 16 * below(m, 9);
}

static void put_mp(struct maker *m, uint64_t mp, uint64_t base)
{
	const struct release *r = m->r;

	put(m, mp, 0x20000);
	put(m, mp + 8, 0x20000);
	put(m, mp + 0x10, 0x20000);
	put(m, mp + 0x18, 8);
	put(m, mp + 0x20, 0);
	for (uint64_t at = mp + 0x28; at < mp + r->mp_base; at += 8)
		put(m, at, 0);
	put32(m, mp + r->mp_n_mmaps, (uint32_t)m->n_mmaps);
	put32(m, mp + r->mp_n_mmaps + 4, 65536);
	put32(m, mp + r->mp_n_mmaps + 8, (uint32_t)m->n_mmaps + 2);
	put32(m, mp + r->mp_n_mmaps + 12, 0);
	put(m, mp + r->mp_mmapped, m->mmapped);
	put(m, mp + r->mp_mmapped + 8, m->mmapped + 3 * PAGE);
	put(m, mp + r->mp_base, base);
	put(m, mp + r->mp_tcache, 64);
	put(m, mp + r->mp_tcache + 8, r->new_mmap ? 0x411 : 0x408);
	put(m, mp + r->mp_tcache + 16, r->fill);
	put(m, mp + r->mp_tcache + 24, 0);
}

/* Threads point at their caches from the same place in their TLS. */
static void make_threads(struct maker *m, uint64_t start)
{
	add_region(m, start, 0x10000, "");
	for (size_t i = 0; i < THREADS; i++) {
		uint64_t fs = start + 0x2000 + 0x3000 * i + 0x740;
		struct thread thread = { .tid = (uint32_t)i + 1, .name = "",
					 .regs[X86_FS_BASE] = fs };
		/* The last thread has the empty cache. */
		size_t cache = i == THREADS - 1 ? CACHES - 1 : i;

		put(m, fs, fs);
		put(m, fs - 0x48, m->caches[cache].addr);
		if (!vec_push(&m->heap->image.threads, thread))
			abort();
	}
}

static size_t heap_read(void *self, uint64_t addr, void *buf, size_t n)
{
	const struct made_heap *heap = self;
	size_t done = 0;

	while (done < n) {
		const struct made_region *r = made_region_of(heap, addr + done);
		size_t part;

		if (!r)
			return done;
		part = (size_t)(r->start + r->size - (addr + done));
		if (part > n - done)
			part = n - done;
		memcpy((char *)buf + done, r->bytes + (addr + done - r->start),
		       part);
		done += part;
	}
	return done;
}

/* Few bytes at a time, so that windows have to move. */
static const uint8_t *heap_pin(void *self, uint64_t addr, size_t *n,
			       void **token)
{
	const struct made_region *r = made_region_of(self, addr);
	uint64_t left;

	if (!r)
		return NULL;
	left = r->start + r->size - addr;
	if (left > 0x3000 - addr % 0x1000)
		left = 0x3000 - addr % 0x1000;
	*n = *n < left ? *n : (size_t)left;
	*token = self;
	return r->bytes + (addr - r->start);
}

static void heap_unpin(void *self, void *token)
{
	(void)self;
	(void)token;
}

static void heap_close(void *self)
{
	(void)self;
}

static const struct memory_ops heap_ops = {
	.read = heap_read, .pin = heap_pin, .unpin = heap_unpin,
	.close = heap_close,
};

void make_glibc(uint32_t release, uint64_t seed, struct made_heap *ret)
{
	const uint64_t main_heap = UINT64_C(0x555555560000);
	const uint64_t data = UINT64_C(0x7ffff7e00000);
	struct maker m = {
		.heap = ret, .r = &releases[release], .seed = seed,
	};
	uint64_t base, top, mem;

	*ret = (struct made_heap){ .image.ops = &heap_ops,
				   .version = m.r->version };
	ret->image.memory = ret;
	m.key = random_next(&m.seed) | 1;
	ret->main_arena = data + 0x1c60;
	/* Regions in the order of their addresses, as an image wants them. */
	base = make_main(&m, main_heap);
	make_thread_arena(&m, UINT64_C(0x7ffff0000000));
	make_mmaps(&m, UINT64_C(0x7ffff7800000));
	make_threads(&m, UINT64_C(0x7ffff7d00000));
	add_region(&m, data, 0x4000, "/usr/lib/libc.so.6");
	add_noise(&m, data + 0x40, data + 0x900);
	top = m.arenas[0].top;
	mem = m.arenas[0].system_mem;
	init_arena(&m, 0, ret->main_arena);
	m.arenas[0].top = top;
	m.arenas[0].system_mem = mem;
	link_chunks(&m);
	settle_empty_caches(&m);
	put_caches(&m);
	put_mp(&m, data + 0x1280, base);
	finish_arena(&m, 0);
	finish_arena(&m, 1);
}

void made_heap_free(struct made_heap *heap)
{
	for (size_t i = 0; i < heap->n_regions; i++)
		free(heap->regions[i].bytes);
	vec_free(&heap->chunks);
	vec_free(&heap->image.mappings);
	vec_free(&heap->image.ranges);
	vec_free(&heap->image.threads);
	*heap = (struct made_heap){0};
}
