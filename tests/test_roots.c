/* SPDX-License-Identifier: MIT */
/*
 * Where references begin, in a process made by hand: a module with data and
 * bss, a heap, an anonymous mapping, stacks of threads, the main stack.
 */
#include "tests/aid_cmocka.h"

#include "analyze/raw_refs.h"
#include "analyze/refs.h"
#include "analyze/roots.h"
#include "analyze/states.h"
#include "tests/aid_heap.h"

enum { RW = PERM_READ | PERM_WRITE, N_BLOCKS = 16 };

#define DATA UINT64_C(0x600000)
#define BSS UINT64_C(0x601f00)		/* begins in the last page of the file */
#define HEAP UINT64_C(0x1000000)
#define ANON UINT64_C(0x2000000)
#define STACKS UINT64_C(0x7f0000000000)	/* two of 0x20000 bytes */
#define TCB (STACKS + 0x1f700)
#define ENDED_TCB (STACKS + 0x3f700)
#define MAIN UINT64_C(0x7ffff0000000)
#define MAIN_END (MAIN + 0x4000)

static struct image image;
static struct heap heap;

static uint64_t block(uint32_t i)
{
	return HEAP + i * 0x40;
}

static void add_section(const char *name, uint64_t start, uint64_t end)
{
	struct section s = { name, start, end };

	assert_true(vec_push(&image.sections, s));
	image.modules.at[0].n_sections++;
}

static struct thread *add_thread(uint32_t tid, const char *name, uint64_t sp)
{
	struct thread t = { .tid = tid, .name = name };

	t.regs[X86_RSP] = sp;
	assert_true(vec_push(&image.threads, t));
	return &image.threads.at[image.threads.len - 1];
}

static void add_var(const char *name, uint64_t addr, uint64_t size,
		    uint32_t flags)
{
	struct variable v = {
		.name = name, .addr = addr, .size = size, .type = TYPE_NONE,
		.flags = flags,
	};

	assert_true(vec_push(&image.vars, v));
}

static void add_extent(uint64_t start, uint64_t end, uint32_t allocator)
{
	struct owned_extent e = { start, end, allocator };

	assert_true(vec_push(&heap.extents, e));
}

static int set_up(void **state)
{
	struct chunk chunks[N_BLOCKS];

	(void)state;
	made_image(&image);
	made_memory(&image, 0x400000, 0x401000, PERM_READ | PERM_EXEC,
		    "/bin/app");
	made_memory(&image, DATA, DATA + 0x2000, RW, "/bin/app");
	made_memory(&image, DATA + 0x2000, DATA + 0x6000, RW, "");
	made_memory(&image, HEAP, HEAP + 0x2000, RW, "[heap]");
	made_memory(&image, ANON, ANON + 0x4000, RW, "");
	made_memory(&image, STACKS, STACKS + 0x40000, RW, "");
	made_memory(&image, MAIN, MAIN_END, RW, "[stack]");
	made_module(&image, "/bin/app", 0x400000, DATA + 0x6000);
	add_section(".data", DATA + 0x100, BSS);
	add_section(".bss", BSS, DATA + 0x6000);
	for (uint32_t i = 0; i < N_BLOCKS; i++)
		chunks[i] = (struct chunk){ block(i), 0x38 };
	made_heap(&image, chunks, N_BLOCKS, &heap);
	add_extent(HEAP, HEAP + 0x2000, 0);
	add_thread(100, "app", MAIN + 0x2000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	heap_free(&heap);
	image_close(&image);
	return 0;
}

/* struct pthread, as far as anybody looks, of the stack below it. */
static void add_pthread(uint64_t tcb, uint64_t start, uint64_t size)
{
	made_word(&image, tcb, tcb);
	made_word(&image, tcb + 16, tcb);
	made_word(&image, tcb + 0x690, start);
	made_word(&image, tcb + 0x698, size);
}

static void find_roots(void)
{
	struct err err = {0};

	assert_true(roots_build(&heap, &err));
}

/* The one root called @name; NULL: none. More than one is a failure. */
static const struct root *root_called(const char *name)
{
	const struct root *found = NULL;

	for (uint32_t i = 0; i < heap.n_roots; i++) {
		if (strcmp(heap.roots[i].name, name))
			continue;
		assert_null(found);
		found = &heap.roots[i];
	}
	return found;
}

static void expect_root(const char *name, enum root_kind kind, uint64_t addr,
			uint64_t size)
{
	const struct root *r = root_called(name);

	assert_non_null(r);
	assert_int_equal(r->kind, kind);
	assert_int_equal(r->addr, addr);
	assert_int_equal(r->size, size);
}

static uint32_t n_roots_of(enum root_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < heap.n_roots; i++)
		n += heap.roots[i].kind == kind;
	return n;
}

/* What is found in the end, without types. */
static enum state state_of(uint32_t node)
{
	struct raw_refs raw = {0};
	struct err err = {0};

	if (!heap.refs.target)
		assert_true(raw_refs_build(&heap, &raw, &err) &&
			    refs_build(&heap, &raw, &err) &&
			    states_build(&heap, &err));
	return heap.state[node];
}

static void a_variable_that_refers_to_a_block_is_a_root(void **state)
{
	(void)state;
	add_var("idle", DATA + 0x200, 0x40, 0);
	add_var("server", DATA + 0x240, 0x40, 0);
	made_word(&image, DATA + 0x200, 12345);
	made_word(&image, DATA + 0x248, block(3));
	made_word(&image, DATA + 0x250, block(4) + 5);
	find_roots();
	expect_root("app:server", ROOT_VARIABLE, DATA + 0x240, 0x40);
	assert_null(root_called("app:idle"));
	assert_int_equal(n_roots_of(ROOT_VARIABLE), 1);
	assert_int_equal(n_roots_of(ROOT_DATA), 0);
	assert_int_equal(state_of(3), STATE_REACHABLE);
	assert_int_equal(state_of(4), STATE_REACHABLE);
	assert_int_equal(state_of(5), STATE_LEAKED);
}

static void words_without_a_name_are_called_by_section(void **state)
{
	(void)state;
	/* Too small to hold the pointer that lies across it. */
	add_var("flag", DATA + 0x208, 4, 0);
	made_word(&image, DATA + 0x10, block(0));
	made_word(&image, DATA + 0x208, block(1));
	made_word(&image, BSS + 0x40, block(2));
	made_word(&image, BSS + 0x1000, block(3));
	find_roots();
	expect_root("app+0x200010", ROOT_DATA, DATA + 0x10, 8);
	expect_root("app:.data+0x108", ROOT_DATA, DATA + 0x208, 8);
	expect_root("app:.bss+0x40", ROOT_DATA, BSS + 0x40, 8);
	expect_root("app:.bss+0x1000", ROOT_DATA, BSS + 0x1000, 8);
}

/* .bss is the tail of a page of the file and then anonymous memory. */
static void a_variable_in_two_mappings_is_one_root(void **state)
{
	(void)state;
	add_var("table", DATA + 0x1fc0, 0x100, 0);
	made_word(&image, DATA + 0x1fc8, block(0));
	made_word(&image, DATA + 0x2000, block(1));
	made_word(&image, DATA + 0x20b8, block(2));
	made_word(&image, DATA + 0x20c0, block(3));
	find_roots();
	expect_root("app:table", ROOT_VARIABLE, DATA + 0x1fc0, 0x100);
	expect_root("app:.bss+0x1c0", ROOT_DATA, DATA + 0x20c0, 8);
	assert_int_equal(n_roots_of(ROOT_VARIABLE), 1);
}

static void a_variable_inside_another_is_part_of_it(void **state)
{
	(void)state;
	add_var("outer", DATA + 0x300, 0x100, 0);
	add_var("inner", DATA + 0x310, 8, 0);
	made_word(&image, DATA + 0x310, block(0));
	made_word(&image, DATA + 0x320, block(1));
	find_roots();
	expect_root("app:outer", ROOT_VARIABLE, DATA + 0x300, 0x100);
	assert_int_equal(n_roots_of(ROOT_VARIABLE), 1);
	assert_int_equal(n_roots_of(ROOT_DATA), 0);
}

static void of_aliases_the_largest_counts(void **state)
{
	(void)state;
	add_var("head", DATA + 0x300, 8, 0);
	add_var("whole", DATA + 0x300, 0x20, 0);
	made_word(&image, DATA + 0x300, block(0));
	made_word(&image, DATA + 0x318, block(1));
	find_roots();
	expect_root("app:whole", ROOT_VARIABLE, DATA + 0x300, 0x20);
	assert_int_equal(n_roots_of(ROOT_VARIABLE), 1);
}

/* What a file says of sizes may be anything. */
static void a_variable_ends_with_its_module(void **state)
{
	(void)state;
	add_var("huge", DATA + 0x300, UINT64_MAX - 0x10, 0);
	made_word(&image, DATA + 0x300, block(0));
	made_word(&image, DATA + 0x308, block(1));
	find_roots();
	expect_root("app:huge", ROOT_VARIABLE, DATA + 0x300, 0x5d00);
	assert_int_equal(n_roots_of(ROOT_VARIABLE), 1);
}

static void thread_locals_of_the_program_are_found_below_fs(void **state)
{
	struct module *m = &image.modules.at[0];
	uint64_t fs = ANON + 0x1000;

	(void)state;
	/* 0x2c bytes aligned to 0x10 are 0x30 below the thread pointer. */
	m->tls_size = 0x2c;
	m->tls_align = 0x10;
	add_var("plain", DATA + 0x400, 8, 0);
	add_var("unused", 0x0, 8, VAR_TLS);
	add_var("cache", 0x8, 8, VAR_TLS);
	add_var("beyond", 0x28, 0x100, VAR_TLS);
	image.threads.at[0].regs[X86_FS_BASE] = fs;
	made_word(&image, fs - 0x30 + 8, block(0));
	find_roots();
	expect_root("tls app:cache", ROOT_TLS, fs - 0x28, 8);
	assert_int_equal(root_called("tls app:cache")->thread, 0);
	assert_int_equal(n_roots_of(ROOT_TLS), 1);
}

static void a_stack_counts_from_its_red_zone_on(void **state)
{
	uint64_t sp = MAIN + 0x2000;

	(void)state;
	made_word(&image, sp - 136, block(0));
	made_word(&image, sp - 128, block(1));
	made_word(&image, MAIN_END - 8, block(2));
	made_word(&image, MAIN, block(3));
	find_roots();
	expect_root("thread \"app\" stack", ROOT_STACK, sp - 128,
		    MAIN_END - sp + 128);
	assert_int_equal(state_of(0), STATE_LEAKED);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(state_of(2), STATE_REACHABLE);
	assert_int_equal(state_of(3), STATE_LEAKED);
}

static void a_thread_has_the_stack_that_glibc_mapped(void **state)
{
	uint64_t sp = STACKS + 0x1e000;

	(void)state;
	add_pthread(TCB, STACKS, 0x20000);
	add_thread(101, "io", sp)->regs[X86_FS_BASE] = TCB;
	made_word(&image, sp - 0x1000, block(0));
	made_word(&image, sp + 8, block(1));
	/* Not this thread's: it lies behind the block, in the same mapping. */
	made_word(&image, STACKS + 0x20008, block(2));
	find_roots();
	expect_root("thread \"io\" stack", ROOT_STACK, sp - 128,
		    STACKS + 0x20000 - sp + 128);
	assert_int_equal(root_called("thread \"io\" stack")->thread, 1);
	assert_int_equal(state_of(0), STATE_LEAKED);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(state_of(2), STATE_REACHABLE);
}

/* Of what an ended thread left only the dtv is in use: glibc keeps it. */
static void the_stack_of_an_ended_thread_holds_nothing(void **state)
{
	uint64_t sp = STACKS + 0x1e000;

	(void)state;
	add_pthread(TCB, STACKS, 0x20000);
	add_pthread(ENDED_TCB, STACKS + 0x20000, 0x20000);
	add_thread(101, "io", sp)->regs[X86_FS_BASE] = TCB;
	made_word(&image, STACKS + 0x30000, block(0));
	made_word(&image, ENDED_TCB + 8, block(1));
	made_word(&image, sp, block(2));
	find_roots();
	expect_root("ended thread's stack", ROOT_DEAD_STACK, STACKS + 0x20000,
		    0x20000);
	expect_root("glibc's cache of stacks", ROOT_MAPPING, ENDED_TCB + 8, 8);
	assert_int_equal(state_of(0), STATE_STALE);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(state_of(2), STATE_REACHABLE);
}

/* A range of pages may begin in one mapping and end in the next. */
static void stacks_are_found_where_ranges_run_over_mappings(void **state)
{
	struct mapping *m = &image.mappings.at[5];

	(void)state;
	assert_int_equal(m->start, STACKS);
	add_pthread(ENDED_TCB, STACKS + 0x20000, 0x20000);
	made_word(&image, STACKS + 0x30000, block(0));
	/* The first page becomes read-only, its range stays as it is. */
	assert_true(vec_push(&image.mappings, image.mappings.at[6]));
	image.mappings.at[6] = *m;
	m->end = image.mappings.at[6].start = STACKS + 0x1000;
	m->perms = PERM_READ;
	find_roots();
	assert_non_null(root_called("ended thread's stack"));
	assert_int_equal(state_of(0), STATE_STALE);
}

static void on_an_alternate_stack_the_own_one_counts_in_full(void **state)
{
	uint64_t alt = ANON + 0x3000;

	(void)state;
	image.threads.at[0].regs[X86_RSP] = alt;
	add_pthread(TCB, STACKS, 0x20000);
	add_thread(101, "io", block(8) + 0x10)->regs[X86_FS_BASE] = TCB;
	made_word(&image, MAIN + 8, block(0));
	made_word(&image, STACKS + 0x100, block(1));
	made_word(&image, alt + 8, block(2));
	made_word(&image, block(8) + 0x18, block(3));
	find_roots();
	assert_int_equal(n_roots_of(ROOT_STACK), 4);
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(state_of(2), STATE_REACHABLE);
	assert_int_equal(state_of(3), STATE_REACHABLE);
}

/* static char alt[SIGSTKSZ]: what stands before it are variables still. */
static void a_stack_in_static_data_hides_no_variable(void **state)
{
	uint64_t stack = DATA + 0x3000, sp = stack + 0x800;

	(void)state;
	add_var("before", DATA + 0x2100, 8, 0);
	add_var("alt_stack", stack, 0x1000, 0);
	add_var("behind", stack + 0x1000, 8, 0);
	image.threads.at[0].regs[X86_RSP] = sp;
	made_word(&image, DATA + 0x2100, block(0));
	made_word(&image, stack + 8, block(1));
	made_word(&image, sp + 8, block(2));
	made_word(&image, stack + 0x1000, block(3));
	find_roots();
	expect_root("app:before", ROOT_VARIABLE, DATA + 0x2100, 8);
	expect_root("app:behind", ROOT_VARIABLE, stack + 0x1000, 8);
	assert_null(root_called("app:alt_stack"));
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_LEAKED);
	assert_int_equal(state_of(2), STATE_REACHABLE);
	assert_int_equal(state_of(3), STATE_REACHABLE);
}

/* Without a name all of the data counts, the stack in it included. */
static void a_stack_in_nameless_data_hides_no_word(void **state)
{
	uint64_t sp = DATA + 0x3800;

	(void)state;
	image.threads.at[0].regs[X86_RSP] = sp;
	made_word(&image, DATA + 0x2100, block(0));
	made_word(&image, sp + 8, block(1));
	made_word(&image, DATA + 0x5ff8, block(2));
	find_roots();
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(state_of(2), STATE_REACHABLE);
}

static void a_stack_in_a_block_ends_with_it(void **state)
{
	(void)state;
	image.threads.at[0].regs[X86_RSP] = block(8) + 0x20;
	image.threads.at[0].tid = 555;
	made_word(&image, block(8) + 0x28, block(0));
	find_roots();
	expect_root("thread \"app\" stack", ROOT_STACK, block(8), 0x38);
	assert_int_equal(state_of(0), STATE_REACHABLE);
}

/* A region that a program manages by itself, some stacks in it. */
static void a_stack_in_a_huge_mapping_hides_nothing_below(void **state)
{
	struct mapping *stack = &image.mappings.at[6];
	uint64_t sp = MAIN + 0x2000;

	(void)state;
	assert_int_equal(stack->start, MAIN);
	stack->path = "";
	stack->start = MAIN_END - (UINT64_C(65) << 20);
	made_word(&image, MAIN, block(0));
	made_word(&image, sp, block(1));
	find_roots();
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(root_called("thread \"app\" stack")->addr, sp - 128);
}

static void registers_count_with_their_vectors(void **state)
{
	static uint8_t xstate[1024], fpregs[512];
	struct thread *t = &image.threads.at[0];
	uint64_t word = block(1) + 3;

	(void)state;
	t->regs[X86_RBX] = block(0);
	memcpy(xstate + 832, &word, sizeof(word));
	t->xstate = xstate;
	t->xstate_size = sizeof(xstate);
	t = add_thread(101, "io", 0);
	word = block(2);
	memcpy(fpregs + 160, &word, sizeof(word));
	t->fpregs = fpregs;
	t->fpregs_size = sizeof(fpregs);
	find_roots();
	expect_root("thread \"app\" registers", ROOT_REGISTERS, 0, 0);
	expect_root("thread \"io\" registers", ROOT_REGISTERS, 0, 0);
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_REACHABLE);
	assert_int_equal(state_of(2), STATE_REACHABLE);
	assert_int_equal(state_of(3), STATE_LEAKED);
}

/* main_arena lies in libc's data and points at every chunk. */
static void the_state_of_an_allocator_holds_nothing(void **state)
{
	struct extent e = { DATA + 0x800, DATA + 0x900 };

	(void)state;
	assert_true(vec_push(&heap.allocator_state, e));
	made_word(&image, DATA + 0x7f8, block(0));
	made_word(&image, DATA + 0x800, block(1));
	made_word(&image, DATA + 0x8f8, block(2));
	made_word(&image, DATA + 0x900, block(3));
	/* Nor does what it owns: free chunks point at each other. */
	made_word(&image, HEAP + 0x1800, block(4));
	find_roots();
	assert_int_equal(n_roots_of(ROOT_DATA), 2);
	assert_null(root_called("mapping [heap]"));
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_LEAKED);
	assert_int_equal(state_of(2), STATE_LEAKED);
	assert_int_equal(state_of(3), STATE_REACHABLE);
	assert_int_equal(state_of(4), STATE_LEAKED);
}

/* Its blocks are not known, so any of its words may be in use. */
static void memory_of_an_allocator_not_understood_is_a_root(void **state)
{
	static const struct allocator other = { .name = "other" };
	struct allocator_summary summary = { .allocator = &other };

	(void)state;
	assert_true(vec_push(&heap.allocators, summary));
	add_extent(ANON + 0x1000, ANON + 0x2000, 1);
	made_word(&image, ANON + 0x1008, block(0));
	find_roots();
	expect_root("other", ROOT_MAPPING, ANON + 0x1000, 0x1000);
	assert_int_equal(state_of(0), STATE_REACHABLE);
}

/* ANON without its second page is two roots, and holes cost nothing. */
static void mappings_that_nobody_owns_are_roots_in_pieces(void **state)
{
	uint32_t pieces = 0;

	(void)state;
	add_extent(ANON + 0x1000, ANON + 0x2000, 0);
	made_word(&image, ANON, block(0));
	made_word(&image, ANON + 0x1000, block(1));
	made_word(&image, ANON + 0x2000, block(2));
	find_roots();
	for (uint32_t i = 0; i < heap.n_roots; i++) {
		const struct root *r = &heap.roots[i];

		if (strcmp(r->name, "mapping anon") || r->addr >= STACKS)
			continue;
		pieces++;
		assert_true((r->addr == ANON && r->size == 0x1000) ||
			    (r->addr == ANON + 0x2000 && r->size == 0x2000));
	}
	assert_int_equal(pieces, 2);
	assert_int_equal(state_of(0), STATE_REACHABLE);
	assert_int_equal(state_of(1), STATE_LEAKED);
	assert_int_equal(state_of(2), STATE_REACHABLE);
}

/* The GOT and the like: written by ld.so, then sealed. */
static void only_written_memory_holds_anything(void **state)
{
	struct mapping *anon = &image.mappings.at[4];

	(void)state;
	made_word(&image, ANON, block(0));
	anon->perms = PERM_READ;
	anon->has_smaps = true;
	find_roots();
	assert_int_equal(state_of(0), STATE_LEAKED);
	tear_down(NULL);
	set_up(NULL);
	anon = &image.mappings.at[4];
	made_word(&image, ANON, block(0));
	anon->perms = PERM_READ;
	anon->has_smaps = true;
	anon->private_dirty = 4096;
	find_roots();
	assert_int_equal(state_of(0), STATE_REACHABLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_variable_that_refers_to_a_block_is_a_root),
		TEST(words_without_a_name_are_called_by_section),
		TEST(a_variable_in_two_mappings_is_one_root),
		TEST(a_variable_inside_another_is_part_of_it),
		TEST(of_aliases_the_largest_counts),
		TEST(a_variable_ends_with_its_module),
		TEST(thread_locals_of_the_program_are_found_below_fs),
		TEST(a_stack_counts_from_its_red_zone_on),
		TEST(a_thread_has_the_stack_that_glibc_mapped),
		TEST(the_stack_of_an_ended_thread_holds_nothing),
		TEST(stacks_are_found_where_ranges_run_over_mappings),
		TEST(on_an_alternate_stack_the_own_one_counts_in_full),
		TEST(a_stack_in_static_data_hides_no_variable),
		TEST(a_stack_in_nameless_data_hides_no_word),
		TEST(a_stack_in_a_block_ends_with_it),
		TEST(a_stack_in_a_huge_mapping_hides_nothing_below),
		TEST(registers_count_with_their_vectors),
		TEST(the_state_of_an_allocator_holds_nothing),
		TEST(memory_of_an_allocator_not_understood_is_a_root),
		TEST(mappings_that_nobody_owns_are_roots_in_pieces),
		TEST(only_written_memory_holds_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
