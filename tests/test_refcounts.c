/* SPDX-License-Identifier: MIT */
/* Counts against handles, in heaps made by hand. */
#include "tests/aid_cmocka.h"

#include "analyze/counted.h"
#include "analyze/refcounts.h"
#include "tests/aid_heap.h"

enum { RW = PERM_READ | PERM_WRITE, MAX = 32 };

#define DATA UINT64_C(0x600000)
#define HEAP UINT64_C(0x1000000)

static struct facts facts;
static struct chunk blocks[MAX];
static uint32_t block_type[MAX];
static size_t n_blocks;
static uint32_t control, strong, weak, pair;
static struct refcounts counts;

static uint32_t record(const char *name, uint64_t size, const char *member,
		       uint32_t type, uint64_t offset)
{
	struct made_member m = { member, type, offset, 0 };

	return made_struct(&facts.image, name, size, &m, 1);
}

/* As libstdc++ has them: {pointer, {control block}}. */
static int set_up(void **state)
{
	uint32_t number, base, count, weak_count;
	struct made_member two[2] = { { "a", 0, 0, 0 }, { "b", 0, 16, 0 } };

	(void)state;
	n_blocks = 0;
	facts = (struct facts){0};
	made_image(&facts.image);
	made_memory(&facts.image, DATA, DATA + 0x1000, RW, "/bin/app");
	made_memory(&facts.image, HEAP, HEAP + 0x1000, RW, "[heap]");
	number = made_scalar(&facts.image, TYPE_INT, "long", 8);
	control = record("std::_Sp_counted_ptr<X*, 2>", 24, "n", number, 8);
	base = made_pointer(&facts.image, control);
	count = record("std::__shared_count<2>", 8, "_M_pi", base, 0);
	weak_count = record("std::__weak_count<2>", 8, "_M_pi", base, 0);
	strong = record("std::shared_ptr<X>", 16, "_M_refcount", count, 8);
	weak = record("std::weak_ptr<X>", 16, "_M_refcount", weak_count, 8);
	two[0].type = strong;
	two[1].type = weak;
	pair = made_struct(&facts.image, "pair", 32, two, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	refcounts_free(&counts);
	free(facts.dom.retained);
	heap_free(&facts.heap);
	image_close(&facts.image);
	return 0;
}

static uint64_t place(uint64_t size, uint32_t type)
{
	uint64_t addr = HEAP + 16 + n_blocks * 0x80;

	block_type[n_blocks] = type;
	blocks[n_blocks++] = (struct chunk){ addr, made_usable(size) };
	return addr;
}

/* A control block as memory has it. */
static uint64_t counted(uint32_t use, uint32_t weak_and_one)
{
	uint64_t addr = place(24, control);

	made_word(&facts.image, addr + 8, use |
		  (uint64_t)weak_and_one << 32);
	return addr;
}

static void put(uint64_t at, uint64_t control_block)
{
	made_word(&facts.image, at, control_block + 0x40);
	made_word(&facts.image, at + 8, control_block);
}

/* Variables of 16 bytes at the start of DATA, then a stack of @stack. */
static void build(const uint32_t *types, size_t n, uint64_t stack)
{
	struct heap *heap = &facts.heap;
	struct graph refs = {0};
	struct err err = {0};
	size_t edges = 0;

	made_heap(&facts.image, blocks, n_blocks, heap);
	for (size_t i = 0; i < n_blocks; i++) {
		heap->type[i] = block_type[i];
		heap_set_count(heap, i, 1);
		heap->confidence[i] = block_type[i] == TYPE_NONE ? 0 : 97;
	}
	for (size_t i = 0; i < n + (stack > 0); i++) {
		struct root root = {
			.name = "app:root", .addr = DATA + i * 16, .size = 16,
			.type = i < n ? types[i] : TYPE_NONE,
			.thread = UINT32_MAX,
			.kind = i < n ? ROOT_VARIABLE : ROOT_STACK,
		};

		root.size = i < n ? 16 : stack;
		made_root(heap, &root);
	}
	/* Who refers to whom may be too many: only sources are chosen by it. */
	refs.n_nodes = heap->n_nodes;
	refs.narrow_row = calloc((size_t)heap->n_nodes + 1,
				 sizeof(*refs.narrow_row));
	refs.target = calloc((size_t)heap->n_nodes * n_blocks + 1,
			     sizeof(*refs.target));
	assert_non_null(refs.narrow_row);
	assert_non_null(refs.target);
	for (uint32_t i = 0; i < heap->n_nodes; i++) {
		for (uint32_t k = 0; k < heap->n_blocks; k++)
			refs.target[edges++] = k;
		refs.narrow_row[i + 1] = (uint32_t)edges;
	}
	refs.kind = calloc(edges + 1, 1);
	assert_non_null(refs.kind);
	made_refs(heap, refs);
	facts.dom.retained = calloc((size_t)heap->n_nodes + 1,
				    sizeof(*facts.dom.retained));
	assert_non_null(facts.dom.retained);
	assert_true(refcounts_build(&facts, &counts, &err));
}

static void a_count_that_is_right_is_not_listed(void **state)
{
	const uint32_t types[] = { strong, strong, weak };
	uint64_t c = counted(2, 2);

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		put(DATA + i * 16, c);
	build(types, 3, 0);
	assert_int_equal(counts.control_blocks, 1);
	assert_int_equal(counts.at.len, 0);
	assert_int_equal(counts.unclear, 0);
}

static void what_nobody_holds_is_unknown(void **state)
{
	const uint32_t types[] = { strong };
	uint64_t c = counted(4, 1);

	(void)state;
	put(DATA, c);
	build(types, 1, 0);
	assert_int_equal(counts.at.len, 1);
	assert_int_equal(counts.at.at[0].kind, REFCOUNT_UNKNOWN);
	assert_int_equal(counts.at.at[0].found, 1);
	assert_int_equal(refcount_unknown(&counts.at.at[0]), 3);
}

/* A word on a stack or in a block without a type may be a handle. */
static void doubtful_words_are_possible_handles(void **state)
{
	const uint32_t types[] = { strong };
	uint64_t c = counted(3, 1), block = place(40, TYPE_NONE);

	(void)state;
	put(DATA, c);
	made_word(&facts.image, DATA + 24, c);
	made_word(&facts.image, block + 16, c);
	build(types, 1, 32);
	assert_int_equal(counts.at.len, 0);
	assert_int_equal(counts.unclear, 1);
}

static void a_word_into_the_block_is_no_handle(void **state)
{
	const uint32_t types[] = { strong };
	uint64_t c = counted(2, 1);

	(void)state;
	put(DATA, c);
	made_word(&facts.image, DATA + 16, c + 16);
	build(types, 1, 16);
	assert_int_equal(counts.at.len, 1);
	assert_int_equal(counts.at.at[0].possible, 0);
	assert_int_equal(refcount_unknown(&counts.at.at[0]), 1);
}

static void more_handles_than_counted_are_told(void **state)
{
	const uint32_t types[] = { strong, strong, strong };
	uint64_t c = counted(1, 1);

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		put(DATA + i * 16, c);
	build(types, 3, 0);
	assert_int_equal(counts.at.len, 1);
	assert_int_equal(counts.at.at[0].kind, REFCOUNT_OVER);
	assert_int_equal(refcount_unknown(&counts.at.at[0]), -2);
}

/* Then the weak count has no one for the strong ones in it. */
static void a_dead_object_with_weak_handles_is_a_kind_of_its_own(void **state)
{
	const uint32_t types[] = { weak, weak };
	uint64_t c = counted(0, 2);

	(void)state;
	put(DATA, c);
	put(DATA + 16, c);
	build(types, 2, 0);
	assert_int_equal(counts.at.len, 1);
	assert_int_equal(counts.at.at[0].kind, REFCOUNT_WEAK_ONLY);
	assert_int_equal(counts.at.at[0].weak, 2);
	assert_int_equal(counts.at.at[0].weak_found, 2);
	assert_int_equal(refcount_unknown(&counts.at.at[0]), 0);
}

/* {strong, weak}[]: what lies behind the last element is dead. */
static void handles_in_arrays_are_found_by_their_stride(void **state)
{
	uint64_t c = counted(2, 3), array = place(3 * 32, pair);

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		put(array + i * 32, c);
		put(array + i * 32 + 16, c);
	}
	build(NULL, 0, 0);
	refcounts_free(&counts);
	heap_set_count(&facts.heap, 1, 2);
	facts.heap.evidence[1] = EVIDENCE_ELEMENT;
	assert_true(refcounts_build(&facts, &counts, &(struct err){0}));
	assert_int_equal(counts.at.len, 0);
	assert_int_equal(counts.unclear, 0);
	/* As an object in a larger block: who knows what is behind it. */
	refcounts_free(&counts);
	heap_set_count(&facts.heap, 1, 1);
	facts.heap.evidence[1] = EVIDENCE_FIELD;
	assert_true(refcounts_build(&facts, &counts, &(struct err){0}));
	assert_int_equal(counts.at.len, 0);
	assert_int_equal(counts.unclear, 1);
}

/* Forgotten: new std::shared_ptr<X>(global). */
static void a_handle_in_a_leaked_block_is_told(void **state)
{
	const uint32_t types[] = { strong };
	uint64_t c = counted(2, 1), forgotten = place(16, TYPE_NONE);

	(void)state;
	put(DATA, c);
	put(forgotten, c);
	build(types, 1, 0);
	assert_int_equal(counts.at.len, 0);
	refcounts_free(&counts);
	facts.heap.state[1] = STATE_LEAKED;
	assert_true(refcounts_build(&facts, &counts, &(struct err){0}));
	assert_int_equal(counts.at.len, 1);
	assert_int_equal(counts.at.at[0].kind, REFCOUNT_LOST);
	assert_int_equal(counts.at.at[0].lost, 1);
	/* What is leaked itself is a leak, not a miscount. */
	refcounts_free(&counts);
	facts.heap.state[0] = STATE_LEAKED;
	assert_true(refcounts_build(&facts, &counts, &(struct err){0}));
	assert_int_equal(counts.at.len, 0);
}

static void numbers_that_are_no_counts_are_not_judged(void **state)
{
	(void)state;
	counted(UINT32_MAX, 1);
	counted(3, 0);
	build(NULL, 0, 0);
	assert_int_equal(counts.control_blocks, 2);
	assert_int_equal(counts.unread, 2);
	assert_int_equal(counts.at.len, 0);
}

/* libc++ stores one less than it counts, Rust has no vtable. */
static void each_library_is_read_in_its_own_way(void **state)
{
	struct window w = window_of(&facts.image);
	struct counted_value v;

	(void)state;
	made_word(&facts.image, DATA + 8, 2);
	made_word(&facts.image, DATA + 16, 1);
	assert_true(counted_read(&w, DATA, COUNTED_LIBCXX, &v));
	assert_int_equal(v.strong, 3);
	assert_int_equal(v.weak, 1);
	made_word(&facts.image, DATA + 8, UINT64_MAX);
	made_word(&facts.image, DATA + 16, 0);
	assert_true(counted_read(&w, DATA, COUNTED_LIBCXX, &v));
	assert_int_equal(v.strong, 0);
	assert_int_equal(v.weak, 1);
	made_word(&facts.image, DATA, 3);
	made_word(&facts.image, DATA + 8, 2);
	assert_true(counted_read(&w, DATA, COUNTED_RUST, &v));
	assert_int_equal(v.strong, 3);
	assert_int_equal(v.weak, 1);
	assert_false(counted_read(&w, DATA + 0xff8, COUNTED_RUST, &v));
	window_close(&w);
	build(NULL, 0, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_count_that_is_right_is_not_listed),
		TEST(what_nobody_holds_is_unknown),
		TEST(doubtful_words_are_possible_handles),
		TEST(a_word_into_the_block_is_no_handle),
		TEST(more_handles_than_counted_are_told),
		TEST(a_dead_object_with_weak_handles_is_a_kind_of_its_own),
		TEST(handles_in_arrays_are_found_by_their_stride),
		TEST(a_handle_in_a_leaked_block_is_told),
		TEST(numbers_that_are_no_counts_are_not_judged),
		TEST(each_library_is_read_in_its_own_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
