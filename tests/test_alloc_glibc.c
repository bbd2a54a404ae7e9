/* SPDX-License-Identifier: MIT */
/*
 * The glibc walker on synthetic heaps of every release class, whole and
 * damaged. What real programs do is tests/sys_glibc.py's part.
 */
#include "analyze/allocator.h"
#include "tests/aid_cmocka.h"
#include "tests/make_glibc.h"

extern const struct allocator alloc_glibc;

struct walked {
	struct arena arena;
	struct allocator_finding finding;
	struct allocation_list list;
	struct diag diag;
};

static int by_addr(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void walk_heap(struct made_heap *heap, struct walked *ret)
{
	struct err err = {0};

	*ret = (struct walked){0};
	assert_true(alloc_glibc.probe(&heap->image, &ret->arena, &ret->finding,
				      &err));
	assert_true(ret->finding.found);
	assert_true(alloc_glibc.walk(&heap->image, &ret->finding, &ret->list,
				     &ret->diag, &err));
	qsort(ret->list.blocks.at, ret->list.blocks.len, sizeof(struct chunk),
	      by_addr);
	qsort(ret->list.free.at, ret->list.free.len, sizeof(struct chunk),
	      by_addr);
}

static void walked_free(struct walked *w)
{
	allocation_list_free(&w->list);
	allocator_finding_free(&w->finding);
	diag_free(&w->diag);
	arena_free(&w->arena);
}

static const struct chunk *find(const struct chunk *at, size_t n,
				uint64_t addr)
{
	struct chunk key = { .addr = addr };

	return n == 0 ? NULL : bsearch(&key, at, n, sizeof(key), by_addr);
}

static bool is_live(const struct made_chunk *c)
{
	return c->kind == MADE_LIVE || c->kind == MADE_MMAPPED;
}

/* How many chunks are not listed as what they are. */
static size_t count_wrong(const struct made_heap *heap, const struct walked *w)
{
	size_t wrong = 0, live = 0, free_chunks = 0;

	for (size_t i = 0; i < heap->chunks.len; i++) {
		const struct made_chunk *c = &heap->chunks.at[i];
		const struct chunk *block = find(w->list.blocks.at,
			w->list.blocks.len, c->chunk + 16);
		const struct chunk *spare = find(w->list.free.at,
			w->list.free.len, c->chunk + 16);
		bool used = is_live(c), own = c->kind == MADE_CACHE;

		live += used;
		free_chunks += !used && !own;
		if (used != (block != NULL) ||
		    (!used && !own) != (spare != NULL) ||
		    (block && block->size != c->usable) ||
		    (spare && spare->size != c->usable)) {
			if (wrong++ < 4)
				printf("chunk %#llx size %#llx kind %d: %s\n",
				       (unsigned long long)c->chunk,
				       (unsigned long long)c->size, c->kind,
				       block ? "live" : spare ? "free" : "-");
		}
	}
	/* And nothing beside them. */
	return wrong + (w->list.blocks.len > live) +
	       (w->list.free.len > free_chunks);
}

static void print_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->len; i++)
		printf("%s: %llu at %#llx\n", diag->at[i].what,
		       (unsigned long long)diag->at[i].count,
		       (unsigned long long)diag->at[i].first);
}

static uint64_t counted(const struct diag *diag, const char *what)
{
	for (size_t i = 0; i < diag->len; i++) {
		if (strcmp(diag->at[i].what, what) == 0)
			return diag->at[i].count;
	}
	return 0;
}

static uint64_t bytes_of(const struct extent *at, size_t n)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += at[i].end - at[i].start;
	return bytes;
}

static void every_release_is_walked_without_a_wrong_block(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (uint32_t i = 0; i < 40 * MADE_RELEASES; i++) {
		struct made_heap heap;
		struct walked w;
		uint64_t sum;

		make_glibc(i % MADE_RELEASES, seed + i, &heap);
		walk_heap(&heap, &w);
		if (w.diag.len > 0 || count_wrong(&heap, &w) > 0) {
			printf("release %s, seed %llu\n", heap.version,
			       (unsigned long long)(seed + i));
			print_diag(&w.diag);
		}
		assert_int_equal(count_wrong(&heap, &w), 0);
		assert_int_equal(w.diag.len, 0);
		assert_string_equal(w.finding.version, heap.version);
		assert_int_equal(w.finding.tested,
				 strcmp(heap.version, "2.35-2.41") == 0);
		assert_int_equal(w.list.arenas, 2);
		sum = w.list.overhead_bytes;
		for (size_t k = 0; k < w.list.blocks.len; k++)
			sum += w.list.blocks.at[k].size;
		for (size_t k = 0; k < w.list.free.len; k++)
			sum += w.list.free.at[k].size;
		assert_int_equal(sum, bytes_of(w.list.extents.at,
					       w.list.extents.len));
		walked_free(&w);
		made_heap_free(&heap);
	}
}

/*
 * Where a segment begins behind a gap is not written anywhere. When damage
 * cuts off its first chunks, a binned one among them must speak for them.
 */
static bool start_is_known(const struct made_heap *heap,
			   const struct made_chunk *victim)
{
	uint64_t start = heap->second_segment;

	if (start == 0 || victim->arena != 0 || victim->chunk < start)
		return true;
	for (size_t i = 0; i < heap->chunks.len; i++) {
		const struct made_chunk *c = &heap->chunks.at[i];

		if (c->kind == MADE_BINNED && c->chunk >= start &&
		    c->chunk < victim->chunk)
			return true;
	}
	return false;
}

static bool is_made(const struct made_heap *heap, uint64_t chunk)
{
	for (size_t i = 0; i < heap->chunks.len; i++) {
		if (heap->chunks.at[i].chunk == chunk)
			return true;
	}
	return false;
}

/*
 * Do words in @victim look like a chunk, and lead on to a real one? Then
 * nobody can tell where the next chunk is, once the header is lost.
 */
static bool looks_like_chunks(const struct made_heap *heap,
			      const struct made_chunk *victim)
{
	const struct made_region *r = made_region_of(heap, victim->chunk);
	uint64_t end = victim->chunk + victim->size;

	for (uint64_t from = victim->chunk + 16; from < end; from += 16) {
		uint64_t at = from, size;

		do {
			size = made_read(heap, at + 8) & ~UINT64_C(7);
			if (size < 0x20 || size % 16 != 0 ||
			    size >= r->start + r->size - at)
				break;
			at += size;
		} while (!is_made(heap, at));
		if (at != from && is_made(heap, at))
			return true;
	}
	return false;
}

static struct made_chunk *some_victim(struct made_heap *heap, uint64_t *seed,
				      bool live)
{
	struct made_chunk *c;

	do {
		c = &heap->chunks.at[rng_below(seed, heap->chunks.len)];
	} while ((live ? c->kind != MADE_LIVE :
		  c->kind != MADE_CACHED && c->kind != MADE_FAST) ||
		 made_read(heap, c->chunk + 8) & 2 ||
		 !start_is_known(heap, c) || looks_like_chunks(heap, c));
	return c;
}

/* Forget a chunk: whatever is said of it is right. */
static void forget(struct made_heap *heap, struct walked *w, uint64_t chunk)
{
	for (size_t i = 0; i < heap->chunks.len; i++) {
		if (heap->chunks.at[i].chunk == chunk)
			heap->chunks.at[i--] = vec_pop(&heap->chunks);
	}
	for (size_t i = 0; i < w->list.blocks.len; i++) {
		if (w->list.blocks.at[i].addr != chunk + 16)
			continue;
		memmove(&w->list.blocks.at[i], &w->list.blocks.at[i + 1],
			(--w->list.blocks.len - i) * sizeof(struct chunk));
	}
}

/* A size overwritten by text, as overflowing strings do. */
static void damage_headers(bool live)
{
	uint64_t seed = rng_seed();

	for (uint32_t i = 0; i < 20 * MADE_RELEASES; i++) {
		struct made_heap heap;
		struct made_chunk victim;
		struct walked w;
		uint64_t made = seed + i;

		make_glibc(i % MADE_RELEASES, made, &heap);
		victim = *some_victim(&heap, &seed, live);
		made_write(&heap, victim.chunk + 8,
			   UINT64_C(0x6f77206f6c6c6568));
		walk_heap(&heap, &w);
		forget(&heap, &w, victim.chunk);
		if (count_wrong(&heap, &w) > 0 ||
		    counted(&w.diag, "damaged chunk headers") != 1) {
			printf("release %s, seed %llu, victim %#llx\n",
			       heap.version, (unsigned long long)made,
			       (unsigned long long)victim.chunk);
			print_diag(&w.diag);
		}
		assert_true(counted(&w.diag, "damaged chunk headers") == 1);
		assert_int_equal(count_wrong(&heap, &w), 0);
		walked_free(&w);
		made_heap_free(&heap);
	}
}

static void a_damaged_header_costs_that_chunk_only(void **state)
{
	(void)state;
	damage_headers(true);
}

/* Its list goes on behind it. */
static void a_damaged_header_of_a_cached_chunk_makes_none_live(void **state)
{
	(void)state;
	damage_headers(false);
}

/* A link overwritten after free: the rest of that list is lost, no more. */
static void a_damaged_tcache_link_costs_one_list(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (uint32_t i = 0; i < 10 * MADE_RELEASES; i++) {
		struct made_heap heap;
		struct made_chunk *c;
		struct walked w;
		size_t missed = 0;

		make_glibc(i % MADE_RELEASES, seed + i, &heap);
		do {
			c = &heap.chunks.at[rng_below(&seed, heap.chunks.len)];
		} while (c->kind != MADE_CACHED);
		made_write(&heap, c->chunk + 16, UINT64_C(0x4141414141414140));
		walk_heap(&heap, &w);
		assert_true(counted(&w.diag, "broken tcache lists") > 0);
		for (size_t k = 0; k < heap.chunks.len; k++) {
			const struct made_chunk *m = &heap.chunks.at[k];
			bool listed = find(w.list.blocks.at, w.list.blocks.len,
					   m->chunk + 16) != NULL;

			assert_true(listed || !is_live(m));
			missed += listed && !is_live(m);
		}
		assert_true(missed < 16);
		walked_free(&w);
		made_heap_free(&heap);
	}
}

/* Let every word that leads to @chunk lead one byte further. */
static void push_pointers(struct made_heap *heap, uint64_t chunk)
{
	for (size_t i = 0; i < heap->n_regions; i++) {
		const struct made_region *r = &heap->regions[i];

		for (uint64_t at = r->start; at + 8 <= r->start + r->size;
		     at += 8) {
			if (made_read(heap, at) == chunk)
				made_write(heap, at, chunk + 1);
		}
	}
}

static void a_damaged_top_makes_no_block_beyond_its_heap(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (uint32_t i = 0; i < 2 * MADE_RELEASES; i++) {
		struct made_heap heap;
		struct walked w;

		make_glibc(i % MADE_RELEASES, seed + i, &heap);
		for (size_t k = 0; k < heap.chunks.len; k++) {
			if (heap.chunks.at[k].kind == MADE_TOP)
				push_pointers(&heap, heap.chunks.at[k].chunk);
		}
		walk_heap(&heap, &w);
		assert_true(w.diag.len > 0);
		for (size_t k = 0; k < w.list.blocks.len; k++) {
			struct chunk c = w.list.blocks.at[k];
			const struct made_region *r =
				made_region_of(&heap, c.addr);

			assert_non_null(r);
			assert_true(c.size <= r->start + r->size - c.addr);
		}
		walked_free(&w);
		made_heap_free(&heap);
	}
}

/* The counter was raised, the entry not yet put in; or the other way round. */
static void a_thread_stopped_in_malloc_is_tolerated(void **state)
{
	uint64_t seed = rng_seed(), field, tcache;
	struct made_heap heap;
	struct walked w;

	(void)state;
	make_glibc(6, seed, &heap);
	field = heap.image.threads.at[0].regs[X86_FS_BASE] - 0x48;
	tcache = made_read(&heap, field);
	for (uint64_t bin = 0; bin < 64; bin++) {
		uint64_t word = made_read(&heap, tcache + 2 * (bin & ~3u));
		unsigned shift = (unsigned)(bin % 4) * 16;

		if ((word >> shift & 0xffff) < 2)
			continue;
		made_write(&heap, tcache + 2 * (bin & ~3u),
			   word - (UINT64_C(1) << shift));
		break;
	}
	walk_heap(&heap, &w);
	assert_int_equal(count_wrong(&heap, &w), 0);
	assert_true(counted(&w.diag,
		"tcaches whose counters differ from their lists") == 1);
	walked_free(&w);
	made_heap_free(&heap);
}

static void without_mp_the_arenas_are_walked_all_the_same(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (uint32_t i = 0; i < MADE_RELEASES; i++) {
		struct made_heap heap;
		struct walked w;
		size_t lost = 0;

		make_glibc(i, seed + i, &heap);
		/* arena_test, thrice: nothing there is plausible any more */
		for (uint64_t at = 0; at < 0x100; at += 8)
			made_write(&heap, heap.main_arena - 0x9e0 + at,
				   UINT64_MAX - at);
		walk_heap(&heap, &w);
		for (size_t k = 0; k < heap.chunks.len; k++) {
			const struct made_chunk *c = &heap.chunks.at[k];

			lost += is_live(c) &&
				!find(w.list.blocks.at, w.list.blocks.len,
				      c->chunk + 16);
		}
		assert_int_equal(lost, 0);
		assert_int_equal(counted(&w.diag,
			"copies of malloc whose mp_ was not found"), 1);
		walked_free(&w);
		made_heap_free(&heap);
	}
}

static void an_arena_never_used_is_not_found(void **state)
{
	struct allocator_finding finding;
	struct arena arena = {0};
	struct err err = {0};
	struct made_heap heap;

	(void)state;
	make_glibc(6, 1, &heap);
	/* As before the first malloc: the bins are zero. */
	for (uint64_t at = 0; at < 0x898; at += 8)
		made_write(&heap, heap.main_arena + at, 0);
	assert_true(alloc_glibc.probe(&heap.image, &arena, &finding, &err));
	assert_false(finding.found);
	arena_free(&arena);
	made_heap_free(&heap);
}

static void a_broken_ring_of_arenas_keeps_the_main_heap(void **state)
{
	uint64_t seed = rng_seed();
	struct made_heap heap;
	struct walked w;

	(void)state;
	make_glibc(6, seed, &heap);
	/* The thread's arena lost its way back. */
	made_write(&heap, made_read(&heap, heap.main_arena + 0x870) + 0x870,
		   UINT64_C(0x4242424242424242));
	walk_heap(&heap, &w);
	assert_true(counted(&w.diag, "damaged rings of arenas") == 1);
	for (size_t k = 0; k < heap.chunks.len; k++) {
		const struct made_chunk *c = &heap.chunks.at[k];

		assert_true(!is_live(c) ||
			    find(w.list.blocks.at, w.list.blocks.len,
				 c->chunk + 16));
	}
	walked_free(&w);
	made_heap_free(&heap);
}

/* The core was cut off: the last part of the main heap is missing. */
static void a_heap_that_is_cut_off_is_listed_up_to_there(void **state)
{
	uint64_t seed = rng_seed(), cut;
	struct made_heap heap;
	struct walked w;
	size_t found = 0;

	(void)state;
	make_glibc(6, seed, &heap);
	heap.regions[0].size -= 0x21000;
	cut = heap.regions[0].start + heap.regions[0].size;
	walk_heap(&heap, &w);
	assert_true(counted(&w.diag, "heap memory that is not in the file"));
	for (size_t k = 0; k < heap.chunks.len; k++) {
		const struct made_chunk *c = &heap.chunks.at[k];
		const struct chunk *block = find(w.list.blocks.at,
			w.list.blocks.len, c->chunk + 16);

		if (!is_live(c) || c->arena != 0 || c->chunk < heap.regions[0].start ||
		    c->chunk + c->size + 0x1000 > cut ||
		    c->kind == MADE_MMAPPED)
			continue;
		assert_non_null(block);
		found++;
	}
	assert_true(found > 100);
	walked_free(&w);
	made_heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_release_is_walked_without_a_wrong_block),
		cmocka_unit_test(a_damaged_header_costs_that_chunk_only),
		cmocka_unit_test(
			a_damaged_header_of_a_cached_chunk_makes_none_live),
		cmocka_unit_test(a_damaged_tcache_link_costs_one_list),
		cmocka_unit_test(a_damaged_top_makes_no_block_beyond_its_heap),
		cmocka_unit_test(a_thread_stopped_in_malloc_is_tolerated),
		cmocka_unit_test(without_mp_the_arenas_are_walked_all_the_same),
		cmocka_unit_test(an_arena_never_used_is_not_found),
		cmocka_unit_test(a_broken_ring_of_arenas_keeps_the_main_heap),
		cmocka_unit_test(a_heap_that_is_cut_off_is_listed_up_to_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
