/* SPDX-License-Identifier: MIT */
/* What diff says of images of particular shapes. */
#include "tests/aid_cmocka.h"

#include "tests/aid_comparison.h"

static const char *const type_names[] = { "A", "B", "C", "Node", "Item" };

/* app:list > Node > Node > ... with an Item below each Node */
static void digest_list(struct comparison *c, size_t length)
{
	struct fact_node *nodes = calloc(2 * length + 1, sizeof(*nodes));
	size_t n = 0, last = 0;

	assert_non_null(nodes);
	nodes[n++] = (struct fact_node){ FACT_ROOT, SIZE_MAX, "app:list",
					 0, 0, 0, 0, false, false,
					 { 0, 0 } };
	for (size_t i = 0; i < length; i++) {
		nodes[n] = (struct fact_node){ FACT_BLOCK, last, "Node",
			0x1000 + 64 * i, 24, 0, 0, false, false, { 0, 0 } };
		last = n++;
		nodes[n++] = (struct fact_node){ FACT_BLOCK, last, "Item",
			0x1020 + 64 * i, 24, 0, 0, false, false, { 0, 0 } };
	}
	comparison_add(c, nodes, n, type_names, 5);
	free(nodes);
}

static void a_list_of_any_length_is_one_step(void **state)
{
	struct comparison c = {0};
	char text[TEXT];

	(void)state;
	digest_list(&c, 10);
	digest_list(&c, 200000);
	comparison_make(&c);
	assert_int_equal(c.diff.paths.len, 2);
	comparison_path(&c.names, c.diff.paths.at[0].id, text);
	assert_string_equal(text, "app:list>Node");
	assert_int_equal(c.diff.paths.at[0].growth, 48 * (200000 - 10));
	comparison_path(&c.names, c.diff.paths.at[1].id, text);
	assert_string_equal(text, "app:list>Node>Item");
	assert_int_equal(c.diff.paths.at[1].growth, 24 * (200000 - 10));
	assert_int_equal(c.diff.paths.at[1].new.count, 200000);
	comparison_free(&c);
}

/* app:queue > @chain in that order, then a block of @size; growing */
static void digest_chain(struct comparison *c, const char *const *chain,
			 size_t n, uint64_t size)
{
	struct fact_node nodes[64] = {
		{ .kind = FACT_ROOT, .parent = SIZE_MAX, .name = "app:queue" },
	};

	for (size_t i = 0; i < n; i++)
		nodes[i + 1] = (struct fact_node){
			.kind = FACT_BLOCK, .parent = i, .name = chain[i],
			.addr = 0x1000 + 16 * i, .size = i + 1 < n ? 16 : size,
		};
	comparison_add(c, nodes, n + 1, type_names, 5);
}

static void the_deepest_place_that_explains_growth_is_shown(void **state)
{
	static const char *const chain[] = { "A", "B", "C", "Item" };
	struct comparison c = {0};
	char text[TEXT];

	(void)state;
	digest_chain(&c, chain, 4, 100);
	digest_chain(&c, chain, 4, 1000);
	comparison_make(&c);
	assert_int_equal(c.diff.paths.len, 1);
	comparison_path(&c.names, c.diff.paths.at[0].id, text);
	assert_string_equal(text, "app:queue>A>B>C>Item");
	comparison_free(&c);
}

static void what_alternates_is_one_place(void **state)
{
	const char *chain[60];
	struct comparison c = {0};
	char text[TEXT];

	(void)state;
	for (size_t i = 0; i < 60; i++)
		chain[i] = i % 2 ? "Item" : "Node";
	digest_chain(&c, chain, 2, 16);
	digest_chain(&c, chain, 60, 16);
	comparison_make(&c);
	assert_true(c.diff.paths.len > 0);
	comparison_path(&c.names, c.diff.paths.at[0].id, text);
	assert_string_equal(text, "app:queue>Node>Item>Node");
	assert_int_equal(c.diff.paths.at[0].growth, 58 * 16);
	comparison_free(&c);
}

/* Nothing repeats within four labels: the path ends after PATH_STEPS. */
static void paths_end_somewhere(void **state)
{
	static const char *const cycle[] = { "A", "B", "C", "Node", "Item",
					     "(text)" };
	const char *chain[60];
	struct comparison c = {0};
	uint32_t labels[PATH_STEPS], deepest = 0;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		chain[i] = cycle[i % 6];
	digest_chain(&c, chain, 60, 16);
	digest_chain(&c, chain, 60, 5000);
	comparison_make(&c);
	for (size_t i = 0; i < c.diff.paths.len; i++) {
		uint32_t n = holder_paths_labels(&c.names.paths,
						 c.diff.paths.at[i].id, labels);

		deepest = n > deepest ? n : deepest;
	}
	assert_int_equal(deepest, PATH_STEPS);
	assert_int_equal(c.diff.paths.at[0].growth, 5000 - 16);
	comparison_free(&c);
}

/* Bytes 100, 200, 300 grow each time; 100, 90, 300 do not, nor 1, 2, 2. */
static void growth_at_every_step_is_told_from_growth_in_all(void **state)
{
	static const uint64_t sizes[][3] = {
		{ 100, 200, 300 }, { 100, 90, 300 }, { 100, 200, 200 },
		{ 300, 200, 100 },
	};
	static const bool want[] = { true, false, false, false };
	static const char *const chain[] = { "A" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct comparison c = {0};

		for (size_t k = 0; k < 3; k++)
			digest_chain(&c, chain, 1, sizes[i][k]);
		comparison_make(&c);
		assert_int_equal(c.diff.types.at[0].grew_every_time, want[i]);
		assert_int_equal(c.diff.types.at[0].growth,
				 (int64_t)sizes[i][2] - (int64_t)sizes[i][0]);
		assert_int_equal(c.diff.paths.len, sizes[i][2] > sizes[i][0]);
		if (c.diff.paths.len > 0)
			assert_int_equal(c.diff.paths.at[0].grew_every_time,
					 want[i]);
		comparison_free(&c);
	}
}

static void an_empty_image_compares(void **state)
{
	static const char *const chain[] = { "A" };
	struct comparison c = {0};

	(void)state;
	comparison_add(&c, NULL, 0, type_names, 5);
	digest_chain(&c, chain, 1, 40);
	comparison_make(&c);
	assert_int_equal(c.diff.types.len, 1);
	assert_int_equal(c.diff.types.at[0].old.count, 0);
	assert_int_equal(c.diff.types.at[0].growth, 40);
	assert_false(c.diff.blocks.comparable);
	comparison_free(&c);
}

/* A core without debug information, then a snapshot with types. */
static void types_that_one_image_lacks_make_no_block_new(void **state)
{
	static const char *const untyped[] = { "(text)", "(numbers)" };
	static const char *const typed[] = { "A", "(text)", "B" };
	static const struct process_identity process = { .pid = 1, .auxv = 5 };
	struct comparison c = {0};

	(void)state;
	digest_chain(&c, untyped, 2, 16);
	digest_chain(&c, typed, 3, 16);
	c.digests[0].process = c.digests[1].process = process;
	comparison_make(&c);
	assert_false(c.diff.blocks.by_type);
	assert_int_equal(c.diff.blocks.survived.count, 2);
	assert_int_equal(c.diff.blocks.new.count, 1);
	assert_int_equal(c.diff.blocks.gone.count, 0);
	comparison_free(&c);
}

static void rows_sort_by_any_key(void **state)
{
	static const char *const few[] = { "A", "B" };
	static const char *const many[] = { "B", "A", "C", "A", "(text)" };
	struct comparison c = {0};
	static const char *const first[] = {
		[DIFF_BY_GROWTH] = "(text)", [DIFF_BY_COUNT] = "(text)",
		[DIFF_BY_SIZE] = "(text)", [DIFF_BY_NAME] = "(text)",
	};
	static const char *const last[] = {
		[DIFF_BY_GROWTH] = "B", [DIFF_BY_COUNT] = "B",
		[DIFF_BY_SIZE] = "C", [DIFF_BY_NAME] = "C",
	};

	(void)state;
	digest_chain(&c, few, 2, 500);
	digest_chain(&c, many, 5, 500);
	comparison_make(&c);
	for (enum diff_order o = DIFF_BY_GROWTH; o <= DIFF_BY_NAME; o++) {
		const struct diff_rows *rows = &c.diff.types;

		diff_sort(&c.diff.types, &c.names.labels, NULL, o);
		assert_string_equal(c.names.labels.at.at[rows->at[0].id].text,
				    first[o]);
		assert_string_equal(c.names.labels.at.at[
				    rows->at[rows->len - 1].id].text, last[o]);
	}
	comparison_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_of_any_length_is_one_step),
		cmocka_unit_test(the_deepest_place_that_explains_growth_is_shown),
		cmocka_unit_test(what_alternates_is_one_place),
		cmocka_unit_test(paths_end_somewhere),
		cmocka_unit_test(growth_at_every_step_is_told_from_growth_in_all),
		cmocka_unit_test(an_empty_image_compares),
		cmocka_unit_test(types_that_one_image_lacks_make_no_block_new),
		cmocka_unit_test(rows_sort_by_any_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
