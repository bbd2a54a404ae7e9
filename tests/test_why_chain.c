/* SPDX-License-Identifier: MIT */
/* Why a block has its type, told from a heap whose evidence is made by hand;
 * and what else a block could be. */
#include "tests/aid_infer.h"

#include "analyze/alternatives.h"
#include "analyze/why_chain.h"

static void make_blocks(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		place(24);
	made_heap(&image, blocks, n_blocks, &heap);
}

static void says(uint32_t block, uint32_t type, uint32_t why, uint32_t offset)
{
	heap.type[block] = type;
	heap_set_count(&heap, block, 1);
	heap.evidence[block] = EVIDENCE_FIELD;
	heap.confidence[block] = 97;
	heap.why_node[block] = why;
	heap.why_offset[block] = offset;
}

static void a_block_without_a_type_has_no_reason(void **state)
{
	struct why_chain chain;

	(void)state;
	make_blocks(1);
	why_chain_find(&heap, 0, &chain);
	assert_int_equal(chain.n, 0);
	assert_false(chain.cut);
}

static void the_nodes_of_a_list_are_one_step(void **state)
{
	struct why_chain chain;

	(void)state;
	make_blocks(6);
	/* text <- node 1 <- node 2 <- ... <- node 5, known by its contents */
	says(0, number, 1, 8);
	for (uint32_t i = 1; i < 5; i++)
		says(i, node, i + 1, 0);
	says(5, node, NODE_NONE, 0);
	why_chain_find(&heap, 0, &chain);
	assert_int_equal(chain.n, 3);
	assert_int_equal(chain.at[0].node, 0);
	assert_int_equal(chain.at[0].why, 1);
	assert_int_equal(chain.at[0].offset, 8);
	assert_int_equal(chain.at[0].more, 0);
	assert_int_equal(chain.at[1].node, 1);
	assert_int_equal(chain.at[1].why, 2);
	assert_int_equal(chain.at[1].more, 3);
	assert_int_equal(chain.at[2].node, 5);
	assert_int_equal(chain.at[2].why, NODE_NONE);
	assert_false(chain.cut);
}

static void a_vtable_is_a_block_s_own_reason(void **state)
{
	struct why_chain chain;

	(void)state;
	make_blocks(2);
	says(0, node, 1, 16);
	says(1, node, 1, 0);
	why_chain_find(&heap, 0, &chain);
	assert_int_equal(chain.n, 2);
	assert_int_equal(chain.at[1].node, 1);
	assert_int_equal(chain.at[1].why, 1);
}

static void a_ring_of_reasons_ends(void **state)
{
	struct why_chain chain;

	(void)state;
	make_blocks(4);
	for (uint32_t i = 0; i < 4; i++)
		says(i, i % 2 ? node : number, (i + 1) % 4, 0);
	why_chain_find(&heap, 0, &chain);
	assert_true(chain.cut);
	assert_true(chain.n <= 4);
}

static void candidates_fit_the_size_and_contradict_nothing(void **state)
{
	uint32_t real = made_scalar(&image, TYPE_FLOAT, "double", 8);
	uint32_t to_node = made_pointer(&image, node);
	const struct made_member good[] = {
		{ "left", to_node, 0, 0 }, { "right", to_node, 8, 0 },
		{ "weight", real, 16, 0 },
	};
	const struct made_member bad[] = {
		{ "weight", real, 0, 0 }, { "left", to_node, 8, 0 },
		{ "right", to_node, 16, 0 },
	};
	const struct made_member large[] = {
		{ "left", to_node, 0, 0 }, { "right", to_node, 8, 0 },
		{ "more", real, 48, 0 },
	};
	uint32_t tree = record("tree", 24, good, 3);
	struct alternative found[MAX_ALTERNATIVES];
	struct alternatives a;
	struct err err = {0};
	uint64_t at, child;
	bool has_tree = false;

	(void)state;
	made_pointer(&image, tree);
	made_pointer(&image, record("turned", 24, bad, 3));
	made_pointer(&image, record("large", 56, large, 3));
	for (uint32_t i = 0; i < image.types.types.len; i++)
		image.types.types.at[i].popularity = 1;
	at = place(24);
	child = place(24);
	place(200);
	made_word(&image, at, child);
	made_word(&image, at + 8, child);
	made_word(&image, at + 16, UINT64_C(0x3ff8000000000000));
	made_heap(&image, blocks, n_blocks, &heap);
	assert_true(alternatives_open(&heap, &a, &err));
	for (size_t i = 0, n = alternatives_find(&a, 0, found); i < n; i++) {
		const struct type *t = &image.types.types.at[found[i].type];

		has_tree |= found[i].type == tree;
		assert_int_equal(t->size, 24);
		assert_string_not_equal(types_text(&image.types, t->name),
					"turned");
	}
	assert_true(has_tree);
	/* What it is already is no other. */
	says(0, tree, NODE_NONE, 0);
	for (size_t i = 0, n = alternatives_find(&a, 0, found); i < n; i++)
		assert_int_not_equal(found[i].type, tree);
	alternatives_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_without_a_type_has_no_reason),
		TEST(the_nodes_of_a_list_are_one_step),
		TEST(a_vtable_is_a_block_s_own_reason),
		TEST(a_ring_of_reasons_ends),
		TEST(candidates_fit_the_size_and_contradict_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
