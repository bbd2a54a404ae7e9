/* SPDX-License-Identifier: MIT */
/*
 * Locals of frames as roots, in a process made by hand: two threads whose
 * stacks lie in mappings of their own, and a heap.
 */
#include "tests/aid_cmocka.h"

#include "analyze/facts.h"
#include "analyze/infer.h"
#include "analyze/raw_refs.h"
#include "analyze/refs.h"
#include "analyze/roots.h"
#include "analyze/states.h"
#include "tests/aid_heap.h"

enum { RW = PERM_READ | PERM_WRITE, N_BLOCKS = 8, RBX = 3 };

#define HEAP UINT64_C(0x1000000)
#define STACK UINT64_C(0x7f0000000000)
#define OTHER UINT64_C(0x7f0000100000)
#define SIZE UINT64_C(0x4000)

static struct facts facts;
static struct image *image;
static struct heap *heap;

static uint64_t block(uint32_t i)
{
	return HEAP + i * 0x40;
}

static void add_thread(uint32_t tid, const char *name, uint64_t sp)
{
	struct thread t = { .tid = tid, .name = name };

	t.regs[X86_RSP] = sp;
	assert_true(vec_push(&image->threads, t));
}

static int set_up(void **state)
{
	struct chunk chunks[N_BLOCKS];
	struct owned_extent e = { HEAP, HEAP + 0x2000, 0 };

	(void)state;
	facts = (struct facts){0};
	image = &facts.image;
	heap = &facts.heap;
	made_image(image);
	made_memory(image, HEAP, HEAP + 0x2000, RW, "[heap]");
	made_memory(image, STACK, STACK + SIZE, RW, "");
	made_memory(image, OTHER, OTHER + SIZE, RW, "");
	for (uint32_t i = 0; i < N_BLOCKS; i++)
		chunks[i] = (struct chunk){ block(i), 0x38 };
	made_heap(image, chunks, N_BLOCKS, heap);
	assert_true(vec_push(&heap->extents, e));
	add_thread(100, "app", STACK + 0x1000);
	add_thread(101, "io", OTHER + 0x1000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	facts_close(&facts);
	return 0;
}

/* The next frame of @thread: they are added innermost first. */
static void add_frame(uint32_t thread, const char *function)
{
	struct frame f = {
		.thread = thread, .module = UINT32_MAX, .function = function,
		.file = "", .first_local = image->locals.len,
	};

	assert_true(vec_push(&image->frames, f));
}

/* A local of the frame that was added last. */
static void add_local(const char *name, uint64_t addr, uint64_t size,
		      uint32_t flags, uint64_t value)
{
	struct local l = {
		.name = name, .addr = addr, .size = size, .type = TYPE_NONE,
		.flags = flags, .value = value,
	};

	assert_true(vec_push(&image->locals, l));
	image->frames.at[image->frames.len - 1].n_locals++;
}

static void build(void)
{
	struct raw_refs raw = {0};
	struct err err = {0};

	assert_true(roots_build(heap, &err) &&
		    raw_refs_build(heap, &raw, &err) &&
		    infer_types(heap, &raw, &err) &&
		    refs_build(heap, &raw, &err) && states_build(heap, &err));
	raw_refs_free(&raw);
}

static uint32_t node_called(const char *name)
{
	uint32_t found = NODE_NONE;

	for (uint32_t i = 0; i < heap->n_roots; i++) {
		if (strcmp(heap->roots[i].name, name) == 0) {
			assert_int_equal(found, NODE_NONE);
			found = heap->n_blocks + i;
		}
	}
	return found;
}

static const struct root *root_called(const char *name)
{
	uint32_t node = node_called(name);

	return node == NODE_NONE ? NULL : heap_root(heap, node);
}

static bool refers(uint32_t source, uint32_t target)
{
	const struct graph *g = &heap->refs;

	for (uint64_t e = graph_row(g, source),
	     end = graph_row(g, source + 1); e < end; e++) {
		if (g->target[e] == target)
			return true;
	}
	return false;
}

static void a_local_on_the_stack_is_a_root_of_its_own(void **state)
{
	const struct root *r;
	uint32_t stack;

	(void)state;
	made_word(image, STACK + 0x2000, block(0));
	made_word(image, STACK + 0x2008, block(1));
	add_frame(0, "handle");
	add_local("req", STACK + 0x2000, 8, 0, 0);
	add_local("empty", STACK + 0x2010, 8, 0, 0);
	build();
	r = root_called("thread \"app\" handle():req");
	assert_non_null(r);
	assert_int_equal(r->kind, ROOT_LOCAL);
	assert_int_equal(r->addr, STACK + 0x2000);
	assert_int_equal(r->size, 8);
	assert_int_equal(r->thread, 0);
	assert_int_equal(r->local, 1);
	assert_null(root_called("thread \"app\" handle():empty"));
	/* Its word is no longer one of the unnamed stack; the next one is. */
	stack = node_called("thread \"app\" stack");
	assert_false(refers(stack, 0));
	assert_true(refers(stack, 1));
	assert_true(refers(node_called("thread \"app\" handle():req"), 0));
}

static void words_beside_a_local_stay_words_of_the_stack(void **state)
{
	(void)state;
	/* Neither is wholly inside of the bytes 0x2004 .. 0x201c. */
	made_word(image, STACK + 0x2000, block(0));
	made_word(image, STACK + 0x2018, block(2));
	made_word(image, STACK + 0x2008, block(1));
	add_frame(0, "f");
	add_local("odd", STACK + 0x2004, 0x18, 0, 0);
	build();
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(heap->state[i], STATE_REACHABLE);
	assert_true(refers(node_called("thread \"app\" stack"), 0));
	assert_false(refers(node_called("thread \"app\" stack"), 1));
	assert_true(refers(node_called("thread \"app\" stack"), 2));
}

static void what_is_lost_or_not_set_yet_names_nothing(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		made_word(image, STACK + 0x2000 + i * 8, block(i));
	add_frame(0, "f");
	add_local("lost", STACK + 0x2000, 8, LOCAL_LOST, 0);
	add_local("computed", 0, 8, LOCAL_VALUE, block(3));
	add_local("later", STACK + 0x2008, 8, LOCAL_UNSET, 0);
	add_local("small", STACK + 0x2010, 4, 0, 0);
	build();
	for (uint32_t i = 0; i < heap->n_roots; i++)
		assert_int_not_equal(heap->roots[i].kind, ROOT_LOCAL);
	/* Words are words: what they refer to is no leak. */
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(heap->state[i], STATE_REACHABLE);
	/* A value that was computed is nowhere. */
	assert_int_equal(heap->state[3], STATE_LEAKED);
}

static void locals_outside_of_the_live_stack_do_not_count(void **state)
{
	(void)state;
	made_word(image, STACK + 0x800, block(0));	/* below its end */
	made_word(image, OTHER + 0x2000, block(1));	/* of the other thread */
	made_word(image, block(7), block(2));		/* in a block */
	add_frame(0, "f");
	add_local("dead", STACK + 0x800, 8, 0, 0);
	add_local("theirs", OTHER + 0x2000, 8, 0, 0);
	add_local("inside", block(7), 8, 0, 0);
	add_local("wide", STACK + SIZE - 8, 0x100, 0, 0);
	build();
	for (uint32_t i = 0; i < heap->n_roots; i++)
		assert_int_not_equal(heap->roots[i].kind, ROOT_LOCAL);
	assert_int_equal(heap->state[0], STATE_LEAKED);
	assert_int_equal(heap->state[1], STATE_REACHABLE);
	assert_int_equal(heap->state[2], STATE_LEAKED);
}

static void of_one_place_the_outermost_frame_has_the_name(void **state)
{
	(void)state;
	made_word(image, STACK + 0x2000, block(0));
	made_word(image, STACK + 0x2008, block(1));
	add_frame(0, "inlined");
	add_local("list", STACK + 0x2000, 8, LOCAL_PARAMETER, 0);
	add_frame(0, "main");
	add_local("mine", STACK + 0x2000, 8, 0, 0);
	add_frame(0, "start");
	add_local("both", STACK + 0x2008, 16, 0, 0);
	add_local("half", STACK + 0x2008, 8, 0, 0);
	build();
	assert_null(root_called("thread \"app\" inlined():list"));
	assert_non_null(root_called("thread \"app\" main():mine"));
	assert_non_null(root_called("thread \"app\" start():both"));
	assert_null(root_called("thread \"app\" start():half"));
}

static void a_local_in_a_register_holds_its_value(void **state)
{
	const struct root *r;

	(void)state;
	add_frame(0, "inner");
	add_local("copy", RBX, 8, LOCAL_REGISTER, block(0));
	add_frame(0, "outer");
	add_local("kept", RBX, 8, LOCAL_REGISTER, block(0));
	add_local("other", RBX + 9, 8, LOCAL_REGISTER, block(1));
	add_local("number", RBX + 10, 8, LOCAL_REGISTER, 42);
	build();
	r = root_called("thread \"app\" outer():kept");
	assert_non_null(r);
	assert_int_equal(r->addr, 0);
	assert_true(refers(node_called("thread \"app\" outer():kept"), 0));
	assert_true(refers(node_called("thread \"app\" outer():other"), 1));
	assert_null(root_called("thread \"app\" inner():copy"));
	assert_null(root_called("thread \"app\" outer():number"));
	assert_int_equal(heap->state[0], STATE_REACHABLE);
}

static void a_typed_local_gives_its_block_a_type(void **state)
{
	const struct made_member members[] = { { "id", 0, 0, 0 } };
	uint32_t type = made_struct(image, "request", 0x38, members, 0);

	(void)state;
	made_word(image, STACK + 0x2000, block(0));
	add_frame(0, "handle");
	add_local("req", STACK + 0x2000, 8, 0, 0);
	image->locals.at[0].type = made_pointer(image, type);
	add_local("kept", RBX, 8, LOCAL_REGISTER, block(1));
	image->locals.at[1].type = image->locals.at[0].type;
	build();
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(heap->type[i], type);
		assert_int_equal(heap->evidence[i], EVIDENCE_ROOT);
		/* It may dangle: not as sure as a variable. */
		assert_in_range(heap->confidence[i], 50, 90);
	}
}

/* main():list -> 0 -> 1 -> 2, and serve() has a cursor at 1. */
static void inner_frames_hold_nothing_of_what_outer_ones_hold(void **state)
{
	struct err err = {0};
	uint32_t list, cursor, job;

	(void)state;
	made_word(image, block(0), block(1));
	made_word(image, block(1), block(2));
	made_word(image, STACK + 0x2000, block(1));
	made_word(image, STACK + 0x3000, block(0));
	made_word(image, OTHER + 0x2000, block(3));
	add_frame(0, "serve");
	add_local("cursor", STACK + 0x2000, 8, 0, 0);
	add_frame(0, "main");
	add_local("list", STACK + 0x3000, 8, 0, 0);
	add_frame(1, "worker");
	add_local("job", OTHER + 0x2000, 8, 0, 0);
	build();
	assert_true(facts_conclude(&facts, &err));
	list = node_called("thread \"app\" main():list");
	cursor = node_called("thread \"app\" serve():cursor");
	job = node_called("thread \"io\" worker():job");
	assert_int_equal(heap_root(heap, list)->rank, 0);
	assert_int_equal(heap_root(heap, cursor)->rank, 1);
	assert_int_equal(heap_root(heap, job)->rank, 0);
	assert_int_equal(facts.dom.retained[list], 3 * 0x38);
	assert_int_equal(facts.dom.retained[cursor], 0);
	assert_int_equal(facts.dom.retained[job], 0x38);
}

static void what_two_threads_share_belongs_to_neither(void **state)
{
	struct err err = {0};

	(void)state;
	made_word(image, STACK + 0x2000, block(0));
	made_word(image, OTHER + 0x2000, block(0));
	add_frame(0, "work");
	add_local("job", STACK + 0x2000, 8, 0, 0);
	add_frame(1, "work");
	add_local("job", OTHER + 0x2000, 8, 0, 0);
	build();
	assert_true(facts_conclude(&facts, &err));
	assert_int_equal(facts.dom.retained[node_called(
				"thread \"app\" work():job")], 0);
	assert_int_equal(facts.dom.retained[node_called(
				"thread \"io\" work():job")], 0);
	assert_int_equal(dom_idom(&facts.dom, 0), heap->n_nodes);
}

static void deep_recursion_ranks_its_last_locals_together(void **state)
{
	uint32_t n = 0, last = 0;

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		uint64_t at = STACK + 0x1100 + i * 0x40;

		made_word(image, at, block(i % N_BLOCKS));
		add_frame(0, "_ZN2ns4walkEi");
		add_local("node", at, 8, 0, 0);
	}
	build();
	for (uint32_t i = 0; i < heap->n_roots; i++) {
		const struct root *r = &heap->roots[i];

		if (r->kind != ROOT_LOCAL)
			continue;
		assert_string_equal(r->name, "thread \"app\" ns::walk():node");
		assert_int_equal(r->rank, n < ROOT_RANKS ? n : ROOT_RANKS - 1);
		last = r->local;
		n++;
	}
	assert_int_equal(n, 40);
	/* The outermost frame was the first. */
	assert_int_equal(last, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_local_on_the_stack_is_a_root_of_its_own),
		TEST(words_beside_a_local_stay_words_of_the_stack),
		TEST(what_is_lost_or_not_set_yet_names_nothing),
		TEST(locals_outside_of_the_live_stack_do_not_count),
		TEST(of_one_place_the_outermost_frame_has_the_name),
		TEST(a_local_in_a_register_holds_its_value),
		TEST(a_typed_local_gives_its_block_a_type),
		TEST(inner_frames_hold_nothing_of_what_outer_ones_hold),
		TEST(what_two_threads_share_belongs_to_neither),
		TEST(deep_recursion_ranks_its_last_locals_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
