/* SPDX-License-Identifier: MIT */
/*
 * Free memory page by page. The oracle paints a byte for each byte of a small
 * address space and counts.
 */
#include "tests/aid_cmocka.h"

#include "analyze/waste_arenas.h"
#include "tests/aid_heap.h"

enum { PAGE = PAGE_SIZE_X86, PAGES = 200, RW = PERM_READ | PERM_WRITE };

#define BASE UINT64_C(0x1000000)
#define SIZE ((size_t)PAGES * PAGE)

enum { NOTHING, LIVE, FREE, FREE_HEAD };

struct world {
	struct image image;
	struct heap heap;
	VEC(struct chunk) blocks, free;
	uint8_t *what;		/* [SIZE] */
	bool resident[PAGES];
	uint64_t random;
	bool not_understood;
	struct waste_arenas arenas;
};

static uint32_t roll(struct world *w, uint32_t n)
{
	w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(w->random >> 33) % n;
}

static void paint(struct world *w, uint64_t addr, uint64_t size, int what)
{
	memset(w->what + (addr - BASE), what, size);
}

static void add_block(struct world *w, uint64_t addr, uint64_t size)
{
	assert_true(vec_push(&w->blocks, ((struct chunk){ addr, size })));
	paint(w, addr, size, LIVE);
}

static void add_free(struct world *w, uint64_t addr, uint64_t size)
{
	assert_true(vec_push(&w->free, ((struct chunk){ addr, size })));
	paint(w, addr, size, FREE);
	paint(w, addr, size < 32 ? size : 32, FREE_HEAD);
}

static void add_extent(struct world *w, uint64_t start, uint64_t end)
{
	struct owned_extent e = { .start = start, .end = end };

	assert_true(vec_push(&w->heap.extents, e));
}

static void begin(struct world *w)
{
	*w = (struct world){ .what = calloc(SIZE, 1) };
	assert_non_null(w->what);
	made_image(&w->image);
	made_memory(&w->image, BASE, BASE + SIZE, RW, "[heap]");
}

/* The blocks are all there: make the heap, with its extents, and look. */
static void conclude(struct world *w)
{
	struct err err = {0};
	struct heap made;

	made_heap(&w->image, w->blocks.at, w->blocks.len, &made);
	made.extents.at = w->heap.extents.at;
	made.extents.len = w->heap.extents.len;
	made.extents.cap = w->heap.extents.cap;
	made.free = w->free.at;
	made.n_free = w->free.len;
	w->heap = made;
	w->heap.allocators.at[0].understood = !w->not_understood;
	assert_true(waste_arenas_build(&w->heap, &w->arenas, &err));
}

static void end(struct world *w)
{
	waste_arenas_free(&w->arenas);
	heap_free(&w->heap);
	image_close(&w->image);
	vec_free(&w->blocks);
	free(w->what);
}

static void add_runs(struct world *w)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		struct page_run run = { BASE + (uint64_t)i * PAGE, 1,
					roll(w, 5) ? PAGE_PRESENT :
					PAGE_SWAPPED };

		if (roll(w, 8) == 0)
			continue;
		w->resident[i] = run.kind == PAGE_PRESENT;
		assert_true(vec_push(&w->image.page_runs, run));
	}
}

/* Blocks, free chunks and headers of 8 bytes, of all sizes. */
static void fill_extent(struct world *w, uint64_t start, uint64_t stop)
{
	uint64_t at = start;

	while (at + 8 < stop) {
		uint64_t size = 16 * (1 + (uint64_t)roll(w, roll(w, 6) ? 30 :
							  2000)) - 8;

		at += 8;
		size = size < stop - at ? size : stop - at;
		if (roll(w, 2))
			add_block(w, at, size);
		else
			add_free(w, at, size);
		at += size;
	}
}

static void check_page(struct world *w, size_t page,
		       const uint8_t *in_extent, struct waste_pages *want)
{
	uint64_t live = 0, free_bytes = 0, whole = 0;

	for (size_t i = page * PAGE; i < (page + 1) * PAGE; i++) {
		live += w->what[i] == LIVE;
		free_bytes += w->what[i] == FREE || w->what[i] == FREE_HEAD;
		whole += w->what[i] == FREE && in_extent[i];
	}
	if (!w->resident[page])
		return;
	if (whole == PAGE)
		want->returnable += PAGE;
	if (live > 0)
		want->mixed += free_bytes;
	else if (whole < PAGE)
		want->pieces += free_bytes;
}

static void check_arena(struct world *w, const struct waste_arena *arena)
{
	uint64_t live = 0, free_bytes = 0;

	for (uint64_t i = arena->start - BASE;
	     i < arena->start - BASE + arena->size; i++) {
		live += w->what[i] == LIVE;
		free_bytes += w->what[i] == FREE || w->what[i] == FREE_HEAD;
	}
	assert_int_equal(arena->live, live);
	assert_int_equal(arena->free, free_bytes);
}

static void random_arenas_are_as_painted(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 30; round++) {
		uint8_t *in = calloc(SIZE, 1);
		struct waste_pages want = {0};
		struct world w;
		uint64_t page = 1;

		begin(&w);
		w.random = seed + (uint64_t)round;
		add_runs(&w);
		/* On pages of their own, or one would count for two. */
		while (page + 60 < PAGES) {
			uint64_t n = 1 + roll(&w, 50);
			uint64_t start = BASE + page * PAGE + 16 * roll(&w, 9);
			uint64_t stop = BASE + (page + n) * PAGE;

			add_extent(&w, start, stop);
			fill_extent(&w, start, stop);
			memset(in + (start - BASE), 1, stop - start);
			page += n + roll(&w, 3);
		}
		conclude(&w);
		for (size_t i = 0; i < PAGES; i++)
			check_page(&w, i, in, &want);
		assert_true(w.arenas.resident_known);
		for (size_t i = 0; i < w.arenas.at.len; i++)
			check_arena(&w, &w.arenas.at.at[i]);
		assert_int_equal(w.arenas.total.mixed, want.mixed);
		assert_int_equal(w.arenas.total.returnable, want.returnable);
		assert_int_equal(w.arenas.total.pieces, want.pieces);
		free(in);
		end(&w);
	}
}

/* Eight pages: full, free, and every second block gone. */
static void a_map_shows_full_free_and_mixed_parts(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + 8 * PAGE);
	add_block(&w, BASE + 16, 3 * PAGE - 24);
	for (uint64_t i = 0; i < PAGE; i += 64) {
		add_block(&w, BASE + 3 * PAGE + i, 24);
		add_free(&w, BASE + 3 * PAGE + i + 32, 24);
	}
	add_free(&w, BASE + 4 * PAGE, 3 * PAGE);
	add_block(&w, BASE + 7 * PAGE, PAGE);
	conclude(&w);
	assert_int_equal(w.arenas.at.len, 1);
	assert_string_equal(w.arenas.at.at[0].map, "###+...#");
	assert_int_equal(w.arenas.at.at[0].largest, 3 * PAGE);
	assert_int_equal(w.arenas.at.at[0].top, 0);
	/* The links of the chunk are on the first of its pages. */
	assert_int_equal(w.arenas.total.returnable, 2 * PAGE);
	assert_int_equal(w.arenas.total.mixed, 64 * 24);
	assert_false(w.arenas.resident_known);
	end(&w);
}

static void long_arenas_have_maps_of_bounded_length(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + SIZE);
	add_block(&w, BASE + 16, SIZE / 2);
	add_free(&w, BASE + SIZE / 2 + 32, SIZE / 2 - 32);
	conclude(&w);
	assert_int_equal(strlen(w.arenas.at.at[0].map), PAGES / 4);
	assert_int_equal(w.arenas.at.at[0].top, SIZE / 2 - 32);
	end(&w);
}

/* A block at the end, two below it, and much free memory under each. */
static void blocks_at_the_end_pin_what_is_free_below(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + SIZE);
	add_block(&w, BASE + 16, PAGE);
	add_free(&w, BASE + 2 * PAGE, 60 * PAGE);
	add_block(&w, BASE + 70 * PAGE, 100);
	add_block(&w, BASE + 71 * PAGE, 100);
	add_free(&w, BASE + 80 * PAGE, 100 * PAGE);
	add_block(&w, BASE + 190 * PAGE, 100);
	/* Less than malloc would give back. */
	add_free(&w, BASE + 191 * PAGE, 3 * PAGE);
	add_block(&w, BASE + 195 * PAGE, 100);
	conclude(&w);
	assert_int_equal(w.arenas.pins.len, 2);
	assert_int_equal(w.arenas.pins.at[0].node, 3);
	assert_int_equal(w.arenas.pins.at[0].blocks, 2);
	assert_int_equal(w.arenas.pins.at[0].bytes, 99 * PAGE);
	assert_int_equal(w.arenas.pins.at[1].node, 1);
	assert_int_equal(w.arenas.pins.at[1].blocks, 4);
	assert_int_equal(w.arenas.pins.at[1].bytes, 59 * PAGE);
	end(&w);
}

/* As fastbins leave them: nobody has joined the chunks, but all are free. */
static void chunks_side_by_side_are_pinned_as_one(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + SIZE);
	for (uint64_t at = 16; at < 100 * PAGE; at += 128)
		add_free(&w, BASE + at, 120);
	add_block(&w, BASE + 100 * PAGE + 16, 104);
	conclude(&w);
	assert_int_equal(w.arenas.pins.len, 1);
	assert_int_equal(w.arenas.pins.at[0].bytes, 99 * PAGE);
	assert_int_equal(w.arenas.total.returnable, 0);
	end(&w);
}

static void a_block_alone_on_its_page_is_named(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + 4 * PAGE);
	for (uint64_t i = 0; i < 3; i++) {
		add_block(&w, BASE + i * PAGE, i == 1 ? 2000 : 56);
		add_free(&w, BASE + i * PAGE + 2048, PAGE - 2048);
		if (i != 1)
			w.free.at[w.free.len - 1] = (struct chunk){
				BASE + i * PAGE + 64, PAGE - 64 };
	}
	conclude(&w);
	assert_int_equal(w.arenas.sparse.at.len, 1);
	assert_int_equal(w.arenas.sparse.at.at[0].count, 2);
	assert_int_equal(w.arenas.sparse.bytes, 2 * (PAGE - 64));
	assert_int_equal(w.arenas.sparse.at.at[0].sample, 0);
	end(&w);
}

/* One block of 32 TiB that nobody touched: no page of it is looked at. */
static void pages_inside_one_block_are_passed_at_once(void **state)
{
	const uint64_t size = UINT64_C(1) << 45;
	struct chunk block = { BASE + 16, size / 2 - 16 };
	struct chunk hole = { BASE + size / 2 + 16, size / 2 - 32 };
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + size);
	assert_true(vec_push(&w.blocks, block));
	assert_true(vec_push(&w.free, hole));
	conclude(&w);
	assert_string_equal(w.arenas.at.at[0].map,
			    "################################"
			    "................................");
	assert_int_equal(w.arenas.at.at[0].live, block.size);
	assert_int_equal(w.arenas.total.returnable, 0);
	end(&w);
}

/* What an allocator that cannot be walked has is not said to be free. */
static void arenas_that_are_not_understood_are_left_out(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	add_extent(&w, BASE, BASE + SIZE);
	w.not_understood = true;
	conclude(&w);
	assert_int_equal(w.arenas.at.len, 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_arenas_are_as_painted),
		cmocka_unit_test(a_map_shows_full_free_and_mixed_parts),
		cmocka_unit_test(long_arenas_have_maps_of_bounded_length),
		cmocka_unit_test(blocks_at_the_end_pin_what_is_free_below),
		cmocka_unit_test(chunks_side_by_side_are_pinned_as_one),
		cmocka_unit_test(a_block_alone_on_its_page_is_named),
		cmocka_unit_test(pages_inside_one_block_are_passed_at_once),
		cmocka_unit_test(arenas_that_are_not_understood_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
