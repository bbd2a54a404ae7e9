/* SPDX-License-Identifier: MIT */
/*
 * The probes against allocators of which no package brings a build: their
 * metadata is written by hand, as their sources lay it out. Then the same
 * memory with random words in it: whatever is found, nothing may break.
 */
#include "tests/aid_cmocka.h"

#include "analyze/allocator.h"
#include "base/map.h"

extern const struct allocator alloc_jemalloc, alloc_gperftools, alloc_tcmalloc,
	alloc_mimalloc, alloc_mallocng, alloc_oldmalloc, alloc_obmalloc,
	alloc_go;

static const struct allocator *const probes[] = {
	&alloc_jemalloc, &alloc_gperftools, &alloc_tcmalloc, &alloc_mimalloc,
	&alloc_mallocng, &alloc_oldmalloc, &alloc_obmalloc, &alloc_go,
};

enum { N_PROBES = sizeof(probes) / sizeof(probes[0]), PAGE = PAGE_SIZE_X86 };

/* The data of a module, its .bss, and anonymous memory. */
#define DATA UINT64_C(0x555555558000)
#define BSS (DATA + PAGE)
#define BSS_BYTES (UINT64_C(8) << 20)
#define ANON UINT64_C(0x7f1200000000)
#define ANON_BYTES (UINT64_C(128) << 20)

/* Sparse memory: pages that were written, all else zero. */
struct world {
	struct image image;
	struct map pages;	/* page number: a uint64_t[512] */
};

static uint64_t *word_at(struct world *w, uint64_t addr)
{
	bool added;
	uint64_t *slot = map_slot(&w->pages, addr / PAGE, &added);
	uint64_t *page;

	assert_non_null(slot);
	if (added)
		*slot = (uint64_t)(uintptr_t)calloc(1, PAGE);
	page = (uint64_t *)(uintptr_t)*slot;
	assert_non_null(page);
	return &page[addr % PAGE / 8];
}

static void put(struct world *w, uint64_t addr, uint64_t value)
{
	*word_at(w, addr) = value;
}

static size_t read_world(void *self, uint64_t addr, void *buf, size_t n)
{
	struct world *w = self;
	size_t done = 0;

	while (done < n) {
		uint64_t at = addr + done, *page;
		size_t room = PAGE - at % PAGE;

		if (room > n - done)
			room = n - done;
		if (!image_mapping(&w->image, at))
			break;
		page = (uint64_t *)(uintptr_t)map_get(&w->pages, at / PAGE, 0);
		if (page)
			memcpy((char *)buf + done, (char *)page + at % PAGE,
			       room);
		else
			memset((char *)buf + done, 0, room);
		done += room;
	}
	return done;
}

static const uint8_t *pin_world(void *self, uint64_t addr, size_t *n,
				void **token)
{
	uint8_t *copy = malloc(PAGE);
	size_t room = PAGE - addr % PAGE;

	assert_non_null(copy);
	*n = read_world(self, addr, copy, *n < room ? *n : room);
	*token = copy;
	if (*n > 0)
		return copy;
	free(copy);
	return NULL;
}

static void unpin_world(void *self, void *token)
{
	(void)self;
	free(token);
}

static const struct memory_ops ops = { read_world, pin_world, unpin_world,
				       NULL };

static void add_mapping(struct world *w, uint64_t start, uint64_t bytes,
			const char *path)
{
	struct mapping m = { .start = start, .end = start + bytes,
			     .perms = PERM_READ | PERM_WRITE, .path = path,
			     .vm_flags = "" };
	struct range r = { start, start + bytes, 0, PRESENCE_CAPTURED };

	assert_true(vec_push(&w->image.mappings, m));
	assert_true(vec_push(&w->image.ranges, r));
}

static struct world *new_world(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->image.ops = &ops;
	w->image.memory = w;
	add_mapping(w, DATA, PAGE, "/bin/program");
	add_mapping(w, BSS, BSS_BYTES, "");
	return w;
}

static void free_world(struct world *w)
{
	struct map_slot slot;

	for (size_t i = 0; map_next(&w->pages, &i, &slot);)
		free((void *)(uintptr_t)slot.value);
	map_free(&w->pages);
	vec_free(&w->image.mappings);
	vec_free(&w->image.ranges);
	vec_free(&w->image.symbols);
	free(w);
}

/* Probe for all; only @wanted (may be NULL) is there, with @bytes mapped. */
static void assert_found(struct world *w, const struct allocator *wanted,
			 const char *version, uint64_t bytes)
{
	struct arena arena = {0};

	for (int i = 0; i < N_PROBES; i++) {
		struct allocator_finding f;
		struct err err = {0};

		assert_true(probes[i]->probe(&w->image, &arena, &f, &err));
		if (f.found != (probes[i] == wanted))
			fail_msg("%s: found %d", probes[i]->name, f.found);
		if (f.found) {
			assert_string_equal(f.version, version);
			assert_int_equal(f.mapped_bytes, bytes);
			assert_false(f.tested);
		}
		allocator_finding_free(&f);
	}
	arena_free(&arena);
}

/* Sixteen slabs of a page behind one base block of 2 MiB. */
static struct world *jemalloc_57(void)
{
	struct world *w = new_world();
	uint64_t root = BSS + 0x10040, node = ANON + 0x40000;
	uint64_t leaf = ANON + 0x100000, slabs = ANON + (4 << 20);

	add_mapping(w, ANON, ANON_BYTES, "");
	put(w, root + 8 * (ANON >> 42), node);
	put(w, node + 8 * (ANON >> 27 & 0x7fff), leaf);
	put(w, ANON, 2 << 20);
	for (uint64_t i = 0; i < 16; i++) {
		uint64_t record = ANON + 0x1000 + i * 128;
		uint64_t addr = slabs + i * PAGE;

		put(w, leaf + 16 * (addr >> 12 & 0x7fff), record);
		put(w, leaf + 16 * (addr >> 12 & 0x7fff) + 8, 1);
		/* slab, committed, active, three regions free (5.2) */
		put(w, record, 1 << 12 | 1 << 13 | UINT64_C(3) << 26);
		put(w, record + 8, addr);
		put(w, record + 16, PAGE);
		put(w, record + 64, 0x7);
	}
	return w;
}

static void finds_jemalloc_built_for_57_bits(void **state)
{
	struct world *w = jemalloc_57();

	(void)state;
	assert_found(w, &alloc_jemalloc, "5.1-5.2", (2 << 20) + 16 * PAGE);
	free_world(w);
}

/* A chunk of 2 MiB: header, a small run of two pages, the rest free. */
static struct world *jemalloc_4(void)
{
	struct world *w = new_world();
	uint64_t bits = ANON + 15 * 8, bias = 13;

	add_mapping(w, ANON, ANON_BYTES, "");
	put(w, ANON, ANON + (8 << 20) + 64);
	put(w, ANON + 8, ANON);
	put(w, ANON + 16, 2 << 20);
	put(w, bits, 1);
	put(w, bits + 8, UINT64_C(1) << 13 | 1);
	put(w, bits + 16, (512 - bias - 2) * PAGE << 1);
	return w;
}

static void finds_chunks_of_jemalloc_4(void **state)
{
	struct world *w = jemalloc_4();

	(void)state;
	assert_found(w, &alloc_jemalloc, "4.x", 2 << 20);
	free_world(w);
}

/* A page map, a submap, and eight pages of one slice each, two apart. */
static struct world *mimalloc_3(void)
{
	struct world *w = new_world();
	uint64_t root = ANON, submap = ANON + (8 << 20);

	add_mapping(w, ANON, ANON_BYTES, "");
	put(w, DATA + 0x100, root);
	put(w, root + 8 * (ANON >> 29), submap);
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t start = ANON + (32 << 20) + i * (2 << 16);
		uint64_t page = start;

		put(w, submap + 8 * (start >> 16 & 8191), page);
		put(w, page + 16, 5 | 100 << 16 | UINT64_C(200) << 32);
		put(w, page + 40, 64);
		put(w, page + 48, start + 512);
	}
	return w;
}

static void finds_mimalloc_3_with_the_free_slices_between(void **state)
{
	struct world *w = mimalloc_3();

	(void)state;
	assert_found(w, &alloc_mimalloc, "3.x", 15 << 16);
	free_world(w);
}

/* A region of eight chunks in the break, and a block mapped by itself. */
static struct world *oldmalloc(void)
{
	struct world *w = new_world();
	uint64_t at = ANON + 16, psize = 1;

	add_mapping(w, ANON, 4 * PAGE, "[heap]");
	add_mapping(w, ANON + 8 * PAGE, 16 * PAGE, "");
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t csize = 32 * (1 + i * 3), used = i & 1;

		put(w, at, psize);
		put(w, at + 8, csize | used);
		psize = csize | used;
		at += csize;
	}
	put(w, at, psize);
	put(w, at + 8, 1);
	put(w, ANON + 8 * PAGE + 16, 16);
	put(w, ANON + 8 * PAGE + 24, 16 * PAGE - 16);
	return w;
}

static void finds_regions_and_mapped_blocks_of_oldmalloc(void **state)
{
	struct world *w = oldmalloc();

	(void)state;
	assert_found(w, &alloc_oldmalloc, "1.1-1.2.0", (1 + 16) * PAGE);
	/* One chunk that does not repeat its neighbour's size breaks it. */
	put(w, ANON + 16 + 32, 33);
	assert_found(w, NULL, "", 0);
	free_world(w);
}

/* A region tagged as normal; without a name or symbol it is nobody's. */
static void finds_google_tcmalloc_by_addresses_and_one_more_sign(void **state)
{
	struct world *w = new_world();
	struct symbol symbol = { .name = "tcmalloc_slabs" };
	uint64_t region = UINT64_C(4) << 42 | UINT64_C(5) << 30;

	(void)state;
	/* Mappings stand by address: this one comes first. */
	w->image.mappings.len = w->image.ranges.len = 0;
	add_mapping(w, region, 1 << 30, "");
	add_mapping(w, DATA, PAGE, "/bin/program");
	add_mapping(w, BSS, BSS_BYTES, "");
	assert_found(w, NULL, "", 0);
	assert_true(vec_push(&w->image.symbols, symbol));
	assert_found(w, &alloc_tcmalloc, "", 1 << 30);
	free_world(w);
}

/* Overwrite words with others of the same memory, or with noise. */
static void damage(struct world *w, uint64_t *rng)
{
	struct map_slot slot;

	for (size_t i = 0; map_next(&w->pages, &i, &slot);) {
		uint64_t *page = (uint64_t *)(uintptr_t)slot.value;

		for (uint64_t k = rng_below(rng, 6); k > 0; k--) {
			uint64_t *word = &page[rng_below(rng, 512)];
			uint64_t other = page[rng_below(rng, 512)];

			switch (rng_below(rng, 4)) {
			case 0: *word = other; break;
			case 1: *word = rng_next(rng); break;
			case 2: *word += rng_below(rng, 64) - 32; break;
			case 3: *word ^= UINT64_C(1) << rng_below(rng, 64);
				break;
			}
		}
	}
}

static void survives_damaged_metadata(void **state)
{
	static struct world *(*const make[])(void) = {
		jemalloc_57, jemalloc_4, mimalloc_3, oldmalloc,
	};
	uint64_t rng = rng_seed();

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct world *w = make[round % 4]();
		struct arena arena = {0};

		damage(w, &rng);
		for (int i = 0; i < N_PROBES; i++) {
			struct allocator_finding f;
			struct err err = {0};

			assert_true(probes[i]->probe(&w->image, &arena, &f,
						     &err));
			for (size_t k = 0; k < f.extents.len; k++)
				assert_non_null(image_mapping(&w->image,
						f.extents.at[k].start));
			allocator_finding_free(&f);
		}
		arena_free(&arena);
		free_world(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_jemalloc_built_for_57_bits),
		cmocka_unit_test(finds_chunks_of_jemalloc_4),
		cmocka_unit_test(finds_mimalloc_3_with_the_free_slices_between),
		cmocka_unit_test(finds_regions_and_mapped_blocks_of_oldmalloc),
		cmocka_unit_test(
			finds_google_tcmalloc_by_addresses_and_one_more_sign),
		cmocka_unit_test(survives_damaged_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
