/* SPDX-License-Identifier: MIT */
/*
 * Where resident memory goes. The oracle paints one byte of an array for each
 * byte of a small address space and counts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "analyze/memory_report.h"
#include "tests/aid_live_image.h"
#include "tests/aid_live_process.h"

enum { PAGES = 160, BYTES = PAGES * PAGE_SIZE_X86, BASE = 1 << 20 };

static size_t read_nothing(void *self, uint64_t addr, void *buf, size_t n)
{
	(void)self, (void)addr, (void)buf, (void)n;
	return 0;
}

static const uint8_t *pin_nothing(void *self, uint64_t addr, size_t *n,
				  void **token)
{
	(void)self, (void)addr, (void)n, (void)token;
	return NULL;
}

static void unpin_nothing(void *self, void *token)
{
	(void)self, (void)token;
}

static const struct memory_ops no_memory = { read_nothing, pin_nothing,
					     unpin_nothing, NULL };

static const struct allocator understood = { .name = "good" },
			      opaque = { .name = "foreign" };

/* A heap whose columns belong to the test. */
struct world {
	struct image image;
	struct heap heap;
	uint32_t random;
};

static uint32_t roll(struct world *w, uint32_t n)
{
	w->random = w->random * 1664525 + 1013904223;
	return (w->random >> 8) % n;
}

#define PUSH(vec, ...) assert_true(vec_push(vec, (__VA_ARGS__)))

static struct world empty_world(void)
{
	struct world w = {0};

	w.image.ops = &no_memory;
	w.image.meta = (struct image_meta){ .status = "", .cgroup = "" };
	w.heap.addr = calloc(BYTES / 16, sizeof(*w.heap.addr));
	assert_true(block_sizes_init(&w.heap.sizes, BYTES / 16));
	w.heap.owner = calloc(BYTES / 16, 1);
	w.heap.free = calloc(BYTES / 16, sizeof(*w.heap.free));
	w.heap.free_owner = calloc(BYTES / 16, 1);
	w.heap.roots = calloc(PAGES, sizeof(*w.heap.roots));
	assert_non_null(w.heap.addr);
	assert_non_null(w.heap.owner);
	assert_non_null(w.heap.free);
	assert_non_null(w.heap.free_owner);
	assert_non_null(w.heap.roots);
	PUSH(&w.heap.allocators, (struct allocator_summary){
		.allocator = &understood, .understood = true });
	PUSH(&w.heap.allocators, (struct allocator_summary){
		.allocator = &opaque });
	return w;
}

static void free_world(struct world *w)
{
	free(w->heap.addr);
	block_sizes_free(&w->heap.sizes);
	free(w->heap.owner);
	free(w->heap.free);
	free(w->heap.free_owner);
	free(w->heap.roots);
	vec_free(&w->heap.allocators);
	vec_free(&w->heap.extents);
	vec_free(&w->image.mappings);
	vec_free(&w->image.page_runs);
	vec_free(&w->image.ranges);
	vec_free(&w->image.threads);
}

static void add_mapping(struct world *w, uint64_t start, uint64_t end,
			uint32_t perms, const char *path)
{
	PUSH(&w->image.mappings, (struct mapping){
		.start = start, .end = end, .perms = perms, .path = path,
		.vm_flags = "", .has_smaps = true,
		.first_run = w->image.page_runs.len });
}

/* Runs of pages of all kinds for the last mapping, and its figures. */
static void add_runs(struct world *w)
{
	struct mapping *m = &w->image.mappings.at[w->image.mappings.len - 1];
	uint64_t at = m->start, present = 0;

	while (at < m->end) {
		uint32_t room = (uint32_t)((m->end - at) / PAGE_SIZE_X86);
		uint32_t n = 1 + roll(w, room < 5 ? room : 5);
		struct page_run run = { at, n, roll(w, 3) };

		if (roll(w, 4) > 0) {
			PUSH(&w->image.page_runs, run);
			m->n_runs++;
			present += run.kind == PAGE_PRESENT ? n : 0;
		}
		at += (uint64_t)n * PAGE_SIZE_X86;
	}
	m->rss = present * PAGE_SIZE_X86;
	if (roll(w, 3) == 0)
		m->rss = (uint64_t)roll(w, 9) * PAGE_SIZE_X86;
	m->anonymous = (uint64_t)roll(w, 5) * PAGE_SIZE_X86;
	m->swap = (uint64_t)roll(w, 3) * PAGE_SIZE_X86;
}

/* A foreign or understood extent, tiled with blocks, free chunks and gaps. */
static void add_extent(struct world *w, uint64_t start, uint64_t end)
{
	uint32_t allocator = roll(w, 3) == 0;

	PUSH(&w->heap.extents, (struct owned_extent){ start, end, allocator });
	while (allocator == 0 && start < end) {
		uint64_t n = 16 * (1 + (uint64_t)roll(w, roll(w, 9) ? 40 : 999));

		n = n < end - start ? n : end - start;
		switch (roll(w, 3)) {
		case 0:
			w->heap.addr[w->heap.n_blocks] = start;
			assert_true(block_set_size(&w->heap.sizes,
						   w->heap.n_blocks++, n));
			break;
		case 1:
			w->heap.free[w->heap.n_free++] =
				(struct chunk){ start, n };
			break;
		}
		start += n;
	}
}

static const struct {
	const char *path;
	uint32_t perms;
	enum memory_kind kind;
} places[] = {
	{ "", PERM_READ | PERM_WRITE, MEMORY_UNOWNED },
	{ "[heap]", PERM_READ | PERM_WRITE, MEMORY_UNOWNED },
	{ "", PERM_READ | PERM_WRITE, MEMORY_UNOWNED },
	{ "[stack]", PERM_READ | PERM_WRITE, MEMORY_STACK },
	{ "/lib/a.so", PERM_READ | PERM_EXEC, MEMORY_MODULE_FILE },
	{ "/lib/a.so", PERM_READ | PERM_WRITE, MEMORY_MODULE_DATA },
	{ "/lib/a.so", PERM_READ, MEMORY_MODULE_FILE },
	{ "/var/font", PERM_READ, MEMORY_FILE },
	{ "/memfd:x (deleted)", PERM_READ | PERM_SHARED, MEMORY_SHARED },
	{ "[vdso]", PERM_READ | PERM_EXEC, MEMORY_KERNEL },
};

enum { N_PLACES = sizeof(places) / sizeof(places[0]), N_OWNERS = 3 };

/* Mappings with gaps between them, so that none is taken for a .bss. */
static struct world random_world(uint32_t seed, uint8_t *place)
{
	struct world w = empty_world();
	uint64_t page = 0;

	w.random = seed;
	memset(place, 0xff, BYTES);
	/* Without it /lib/a.so would be no module in some worlds. */
	add_mapping(&w, 4096, 8192, PERM_READ | PERM_EXEC, "/lib/a.so");
	while (page + 24 < PAGES) {
		uint32_t n = 2 + roll(&w, 20), which = roll(&w, N_PLACES);
		uint64_t start = BASE + page * PAGE_SIZE_X86;
		uint64_t end = start + (uint64_t)n * PAGE_SIZE_X86;

		add_mapping(&w, start, end, places[which].perms,
			    places[which].path);
		memset(place + (start - BASE), (int)which, end - start);
		add_runs(&w);
		if (which < 3 && roll(&w, 3) > 0)
			add_extent(&w, start + PAGE_SIZE_X86 * roll(&w, 2),
				   end - 16 * (uint64_t)roll(&w, 99));
		if (which < 3 && roll(&w, 3) == 0)
			w.heap.roots[w.heap.n_roots++] = (struct root){
				.name = "", .kind = ROOT_DEAD_STACK,
				.addr = start, .size = (end - start) / 2 };
		page += n + 1 + roll(&w, 3);
	}
	return w;
}

/* What the oracle counts, by kind and owner (0, 1, or 2 for none). */
struct counts {
	int64_t bytes[N_MEMORY_KINDS][N_OWNERS];
	uint64_t swapped[N_MEMORY_KINDS][N_OWNERS];
	uint64_t mapped[N_MEMORY_KINDS][N_OWNERS];
	uint64_t mappings[N_MEMORY_KINDS][N_OWNERS];
};

static void paint(uint8_t *kind, uint8_t *owner, uint64_t start, uint64_t size,
		  enum memory_kind k, unsigned o)
{
	memset(kind + (start - BASE), (int)k, size);
	memset(owner + (start - BASE), (int)o, size);
}

static void paint_world(const struct world *w, const uint8_t *place,
			uint8_t *kind, uint8_t *owner)
{
	const struct heap *h = &w->heap;

	memset(owner, 2, BYTES);
	for (size_t i = 0; i < BYTES; i++)
		kind[i] = place[i] == 0xff ? UINT8_MAX :
			  (uint8_t)places[place[i]].kind;
	for (uint32_t i = 0; i < h->n_roots; i++)
		paint(kind, owner, h->roots[i].addr, h->roots[i].size,
		      MEMORY_DEAD_STACK, 2);
	for (size_t i = 0; i < h->extents.len; i++) {
		const struct owned_extent *e = &h->extents.at[i];

		paint(kind, owner, e->start, e->end - e->start,
		      e->allocator == 0 ? MEMORY_OVERHEAD : MEMORY_OPAQUE,
		      e->allocator);
	}
	for (size_t i = 0; i < h->n_free; i++)
		paint(kind, owner, h->free[i].addr, h->free[i].size,
		      MEMORY_FREE, 0);
	for (uint32_t i = 0; i < h->n_blocks; i++)
		paint(kind, owner, h->addr[i], heap_size(h, i), MEMORY_LIVE, 0);
}

static void count_mapping(const struct world *w, const struct mapping *m,
			  const uint8_t *kind, const uint8_t *owner,
			  struct counts *ret)
{
	bool seen[N_MEMORY_KINDS][N_OWNERS] = {0};
	uint8_t page_kind[PAGES];
	int64_t present = 0;
	int parts = 0;

	memset(page_kind, 0xff, sizeof(page_kind));
	for (size_t i = m->first_run; i < m->first_run + m->n_runs; i++) {
		const struct page_run *r = &w->image.page_runs.at[i];

		memset(page_kind + (r->start - BASE) / PAGE_SIZE_X86,
		       (int)r->kind, r->pages);
	}
	for (uint64_t at = m->start - BASE; at < m->end - BASE; at++) {
		uint8_t page = page_kind[at / PAGE_SIZE_X86];
		uint8_t k = kind[at], o = owner[at];

		parts += !seen[k][o];
		seen[k][o] = true;
		ret->mapped[k][o]++;
		ret->bytes[k][o] += page == PAGE_PRESENT;
		ret->swapped[k][o] += page == PAGE_SWAPPED;
		present += page == PAGE_PRESENT;
	}
	for (int k = 0; k < N_MEMORY_KINDS; k++) {
		for (int o = 0; o < N_OWNERS; o++)
			ret->mappings[k][o] += seen[k][o];
	}
	if (parts > 1) {
		ret->bytes[MEMORY_DIFFERENCE][2] += (int64_t)m->rss - present;
		ret->mappings[MEMORY_DIFFERENCE][2] +=
			(int64_t)m->rss != present;
		return;
	}
	ret->bytes[kind[m->start - BASE]][owner[m->start - BASE]] +=
		(int64_t)m->rss - present;
	if (strcmp(m->path, "/lib/a.so") == 0) {
		int k = kind[m->start - BASE];
		uint64_t own = m->anonymous < m->rss ? m->anonymous : m->rss;
		uint64_t file = m->rss - own;

		ret->bytes[k][2] -= (int64_t)m->rss;
		ret->bytes[MEMORY_MODULE_DATA][2] += (int64_t)own;
		ret->bytes[MEMORY_MODULE_FILE][2] += (int64_t)file;
		ret->mapped[k][2] -= own + file;
		ret->mapped[MEMORY_MODULE_DATA][2] += own;
		ret->mapped[MEMORY_MODULE_FILE][2] += file;
		ret->mappings[MEMORY_MODULE_DATA][2] +=
			k != MEMORY_MODULE_DATA && own > 0;
		ret->mappings[MEMORY_MODULE_FILE][2] +=
			k != MEMORY_MODULE_FILE && file > 0;
	}
}

static void assert_part(const struct memory_part *p, struct counts *c)
{
	unsigned o = p->allocator == UINT32_MAX ? 2 : p->allocator;

	if (p->bytes != c->bytes[p->kind][o])
		fail_msg("%s: %lld bytes, not %lld", p->what,
			 (long long)p->bytes,
			 (long long)c->bytes[p->kind][o]);
	assert_int_equal(p->swapped, c->swapped[p->kind][o]);
	assert_int_equal(p->mapped, c->mapped[p->kind][o]);
	assert_int_equal(p->mappings, c->mappings[p->kind][o]);
	c->bytes[p->kind][o] = 0;
	c->mapped[p->kind][o] = 0;
}

static void check_world(struct world *w, const uint8_t *place)
{
	uint8_t *kind = malloc(BYTES), *owner = malloc(BYTES);
	struct counts counts = {0};
	struct memory_report report;
	struct err err = {0};
	int64_t sum = 0;
	uint64_t rss = 0;

	assert_non_null(kind);
	assert_non_null(owner);
	w->heap.image = &w->image;
	paint_world(w, place, kind, owner);
	for (size_t i = 1; i < w->image.mappings.len; i++) {
		count_mapping(w, &w->image.mappings.at[i], kind, owner,
			      &counts);
		rss += w->image.mappings.at[i].rss;
	}
	counts.mapped[MEMORY_MODULE_FILE][2] += 4096;
	counts.mappings[MEMORY_MODULE_FILE][2]++;
	assert_true(memory_report_build(&w->heap, &report, &err));
	assert_true(report.rss_known);
	for (size_t i = 0; i < report.parts.len; i++) {
		sum += report.parts.at[i].bytes;
		assert_part(&report.parts.at[i], &counts);
	}
	assert_int_equal(sum, report.rss);
	assert_int_equal(rss, report.rss);
	for (int k = 0; k < N_MEMORY_KINDS; k++) {
		for (int o = 0; o < N_OWNERS; o++) {
			assert_int_equal(counts.bytes[k][o], 0);
			assert_int_equal(counts.mapped[k][o], 0);
		}
	}
	memory_report_free(&report);
	free(kind);
	free(owner);
}

static void counts_what_painting_every_byte_counts(void **state)
{
	uint32_t seed = (uint32_t)time(NULL);
	uint8_t *place = malloc(BYTES);

	(void)state;
	assert_non_null(place);
	print_message("    seed %u\n", seed);
	for (uint32_t i = 0; i < 300; i++) {
		struct world w = random_world(seed + i, place);

		check_world(&w, place);
		free_world(&w);
	}
	free(place);
}

static const struct memory_part *find(const struct memory_report *report,
				      enum memory_kind kind)
{
	for (size_t i = 0; i < report->parts.len; i++) {
		if (report->parts.at[i].kind == kind)
			return &report->parts.at[i];
	}
	return NULL;
}

/* A core has no smaps: what it captured is counted, and it is said. */
static void counts_captured_bytes_where_rss_is_unknown(void **state)
{
	struct world w = empty_world();
	struct memory_report report;
	struct err err = {0};

	(void)state;
	add_mapping(&w, BASE, BASE + 8 * 4096, PERM_READ | PERM_WRITE, "");
	w.image.mappings.at[0].has_smaps = false;
	PUSH(&w.image.ranges, (struct range){ BASE, BASE + 4096, 0,
					      PRESENCE_CAPTURED });
	PUSH(&w.image.ranges, (struct range){ BASE + 4096, BASE + 3 * 4096, 0,
					      PRESENCE_ZERO });
	PUSH(&w.image.ranges, (struct range){ BASE + 3 * 4096, BASE + 5 * 4096,
					      0, PRESENCE_TORN });
	PUSH(&w.heap.extents, (struct owned_extent){ BASE + 4096 * 4,
						     BASE + 4096 * 5, 1 });
	w.heap.image = &w.image;
	assert_true(memory_report_build(&w.heap, &report, &err));
	assert_false(report.rss_known);
	assert_int_equal(report.rss, 3 * 4096);
	assert_int_equal(find(&report, MEMORY_OPAQUE)->bytes, 4096);
	assert_int_equal(find(&report, MEMORY_UNOWNED)->bytes, 2 * 4096);
	memory_report_free(&report);
	free_world(&w);
}

static void says_what_a_foreign_allocator_has_mapped_even_if_nothing(void **s)
{
	struct world w = empty_world();
	struct memory_report report;
	struct err err = {0};

	(void)s;
	w.heap.image = &w.image;
	assert_true(memory_report_build(&w.heap, &report, &err));
	assert_non_null(find(&report, MEMORY_OPAQUE));
	assert_string_equal(find(&report, MEMORY_OPAQUE)->what,
			    "foreign: not understood");
	assert_non_null(find(&report, MEMORY_LIVE));
	assert_null(find(&report, MEMORY_UNOWNED));
	memory_report_free(&report);
	free_world(&w);
}

static void knows_stacks_by_their_stack_pointers(void **state)
{
	struct world w = empty_world();
	struct memory_report report;
	struct err err = {0};

	(void)state;
	add_mapping(&w, BASE, BASE + 4 * 4096, PERM_READ | PERM_WRITE, "");
	w.image.mappings.at[0].rss = 4096;
	add_mapping(&w, BASE + (1 << 20), BASE + (1 << 20) + 4096,
		    PERM_READ | PERM_WRITE, "");
	w.image.mappings.at[1].rss = 4096;
	PUSH(&w.image.threads, (struct thread){ .name = "" });
	w.image.threads.at[0].regs[X86_RSP] = BASE + 100;
	w.heap.image = &w.image;
	assert_true(memory_report_build(&w.heap, &report, &err));
	assert_int_equal(find(&report, MEMORY_STACK)->bytes, 4096);
	assert_int_equal(find(&report, MEMORY_STACK)->mapped, 4 * 4096);
	assert_int_equal(find(&report, MEMORY_UNOWNED)->bytes, 4096);
	memory_report_free(&report);
	free_world(&w);
}

static void reads_the_figures_of_the_kernel(void **state)
{
	struct world w = empty_world();
	struct memory_report report;
	struct err err = {0};

	(void)state;
	w.image.meta.status = "Name:\tx\nVmRSS:\t    12 kB\nVmPTE:\t  3 kB\n";
	w.image.meta.cgroup = "version 2\npath /a b\nmemory.current 4096\n"
		"memory.max max\nmemory.stat anon 17\nmemory.low ";
	w.heap.image = &w.image;
	assert_true(memory_report_build(&w.heap, &report, &err));
	assert_int_equal(report.status_rss, 12 * 1024);
	assert_int_equal(report.page_tables, 3 * 1024);
	assert_int_equal(report.cgroup.len, 6);
	assert_string_equal(report.cgroup.at[1].key, "path");
	assert_string_equal(report.cgroup.at[1].text, "/a b");
	assert_false(report.cgroup.at[1].is_number);
	assert_int_equal(report.cgroup.at[2].value, 4096);
	assert_false(report.cgroup.at[3].is_number);
	assert_string_equal(report.cgroup.at[4].key, "memory.stat.anon");
	assert_int_equal(report.cgroup.at[4].value, 17);
	assert_true(report.cgroup.at[4].is_number);
	memory_report_free(&report);
	free_world(&w);
}

/* The sum of smaps, read by the test itself, is the sum of the parts. */
static void adds_up_to_the_rss_of_a_real_process(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-c",
		"import sys, threading, json\n"
		"x = [str(i) for i in range(100000)]\n"
		"threading.Thread(target=sys.stdin.read, daemon=True).start()\n"
		"print('ready', flush=True)\n"
		"threading.Event().wait()\n", NULL
	};
	struct live_process p;
	struct world w = empty_world();
	struct memory_report report;
	struct err err = {0};
	int64_t sum = 0;
	uint64_t rss = 0;

	(void)state;
	assert_true(live_start(argv, NULL, "ready", &p));
	assert_true(live_freeze(&p));
	assert_true(live_image_open(p.pid, &w.image));
	w.heap.image = &w.image;
	w.image.meta = (struct image_meta){ .status = "", .cgroup = "" };
	assert_true(memory_report_build(&w.heap, &report, &err));
	for (size_t i = 0; i < w.image.mappings.len; i++)
		rss += w.image.mappings.at[i].rss;
	for (size_t i = 0; i < report.parts.len; i++) {
		const struct memory_part *part = &report.parts.at[i];

		sum += part->bytes;
		print_message("    %10lld %s (%llu mappings)\n",
			      (long long)part->bytes, part->what,
			      (unsigned long long)part->mappings);
		assert_true(part->bytes >= 0 ||
			    part->kind == MEMORY_DIFFERENCE);
	}
	assert_int_equal(sum, report.rss);
	assert_int_equal(rss, report.rss);
	assert_true(find(&report, MEMORY_MODULE_DATA)->bytes > 0);
	assert_true(find(&report, MEMORY_MODULE_FILE)->bytes > 0);
	memory_report_free(&report);
	live_end(&p);
	live_image_close(&w.image);
	free_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_painting_every_byte_counts),
		cmocka_unit_test(counts_captured_bytes_where_rss_is_unknown),
		cmocka_unit_test(
			says_what_a_foreign_allocator_has_mapped_even_if_nothing),
		cmocka_unit_test(knows_stacks_by_their_stack_pointers),
		cmocka_unit_test(reads_the_figures_of_the_kernel),
		cmocka_unit_test(adds_up_to_the_rss_of_a_real_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
