/* SPDX-License-Identifier: MIT */
/* Claims about the type of a block that contradict each other. */
#include "tests/aid_cmocka.h"

#include "analyze/infer.h"
#include "tests/aid_heap.h"

enum { DATA = 0x10000, HEAP = 0x20000 };

struct made {
	struct image image;
	struct heap heap;
	uint32_t left, right;	/* two structs of two pointers */
	uint32_t to_left, to_right;
};

static void make(struct made *m, size_t n_blocks)
{
	struct made_member members[2] = {
		{ .name = "a", .offset = 0 }, { .name = "b", .offset = 8 },
	};
	struct chunk blocks[4];
	uint32_t any;

	made_image(&m->image);
	made_memory(&m->image, DATA, DATA + 0x1000, PERM_READ | PERM_WRITE,
		    "/data");
	made_memory(&m->image, HEAP, HEAP + 0x1000, PERM_READ | PERM_WRITE,
		    "[heap]");
	for (size_t i = 0; i < n_blocks; i++)
		blocks[i] = (struct chunk){ HEAP + i * 0x100, 24 };
	any = made_pointer(&m->image, TYPE_NONE);
	members[0].type = members[1].type = any;
	m->left = made_struct(&m->image, "Left", 16, members, 2);
	m->right = made_struct(&m->image, "Right", 16, members, 2);
	m->to_left = made_pointer(&m->image, m->left);
	m->to_right = made_pointer(&m->image, m->right);
	for (uint32_t i = 0; i < 2; i++) {
		made_retarget(&m->image, m->left, i, m->to_right);
		made_retarget(&m->image, m->right, i, m->to_left);
	}
	made_heap(&m->image, blocks, n_blocks, &m->heap);
}

static void add_variable(struct made *m, uint64_t addr, uint32_t type)
{
	made_root(&m->heap, &(struct root){
		.name = "variable", .addr = addr, .size = 8, .type = type,
		.thread = UINT32_MAX, .kind = ROOT_VARIABLE,
	});
}

static void infer(struct made *m)
{
	struct raw_refs raw;
	struct err err = {0};

	assert_true(raw_refs_build(&m->heap, &raw, &err));
	assert_true(infer_types(&m->heap, &raw, &err));
	raw_refs_free(&raw);
}

static void drop(struct made *m)
{
	heap_free(&m->heap);
	image_close(&m->image);
}

static void blocks_that_call_each_other_names_come_to_rest(void **state)
{
	struct made m;

	(void)state;
	make(&m, 1);
	made_word(&m.image, HEAP, HEAP);
	made_word(&m.image, HEAP + 8, HEAP);
	made_word(&m.image, DATA, HEAP);
	add_variable(&m, DATA, m.to_left);
	infer(&m);
	assert_int_equal(m.heap.type[0], TYPE_NONE);
	assert_int_equal(m.heap.evidence[0], EVIDENCE_NONE);
	assert_int_equal(m.heap.confidence[0], 0);
	drop(&m);
}

static void a_block_that_two_roots_call_differently_has_no_type(void **state)
{
	struct made m;

	(void)state;
	make(&m, 2);
	for (uint64_t i = 0; i < 4; i++)
		made_word(&m.image, DATA + i * 8, i == 3 ? HEAP + 0x100 : HEAP);
	add_variable(&m, DATA, m.to_left);
	add_variable(&m, DATA + 8, m.to_right);
	add_variable(&m, DATA + 16, m.to_right);
	add_variable(&m, DATA + 24, m.to_right);
	infer(&m);
	assert_int_equal(m.heap.type[0], TYPE_NONE);
	assert_int_equal(m.heap.why_node[0], NODE_NONE);
	assert_int_equal(m.heap.type[1], m.right);
	drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_that_call_each_other_names_come_to_rest),
		cmocka_unit_test(a_block_that_two_roots_call_differently_has_no_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
