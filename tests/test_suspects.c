/* SPDX-License-Identifier: MIT */
/* Crafted trees, and the sentences that they deserve. */
#include "tests/aid_cmocka.h"

#include "analyze/suspects.h"
#include "tests/aid_facts.h"

#define ROOT SIZE_MAX

static const char *const types[] = { "Cache", "Table", "Entry", "Session" };

/* Build, compare the texts with @want (ends in NULL), and release. */
static void expect(const struct fact_node *nodes, size_t n,
		   const char *const *want, const enum suspect_kind *kinds)
{
	struct facts facts;
	struct suspects s;
	struct err err = {0};
	size_t i = 0;

	make_facts(nodes, n, types, 4, &facts);
	assert_true(suspects_build(&facts, &s, &err));
	for (; want[i]; i++) {
		assert_in_range(i, 0, s.at.len - 1);
		assert_string_equal(s.at.at[i].text, want[i]);
		assert_int_equal(s.at.at[i].kind, kinds[i]);
	}
	assert_int_equal(s.at.len, i);
	suspects_free(&s);
	made_facts_free(&facts);
}

/* app:cache keeps one block; others are just below the threshold. */
static void one_root_with_one_block_is_told_with_the_block(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:cache" },
		{ .parent = 0, .name = "Cache", .addr = 0x1000, .size = 900 },
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:small" },
		{ .parent = 2, .name = "Entry", .addr = 0x2000, .size = 100 },
	};
	const char *want[] = {
		"900 B (90 %) is held by app:cache, most of it by one Cache "
		"at 0x1000", NULL };

	(void)state;
	expect(nodes, 4, want, (enum suspect_kind[]){ SUSPECT_ROOT });
}

/* root -> Cache -> Table -> 4 Entry: the walk stops at the Table. */
static void what_piles_up_is_named_with_where(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:cache" },
		{ .parent = 0, .name = "Cache", .addr = 0x1000, .size = 10 },
		{ .parent = 1, .name = "Table", .addr = 0x2000, .size = 30 },
		{ .parent = 2, .name = "Entry", .addr = 0x3000, .size = 250 },
		{ .parent = 2, .name = "Entry", .addr = 0x4000, .size = 250 },
		{ .parent = 2, .name = "Entry", .addr = 0x5000, .size = 250 },
		{ .parent = 2, .name = "Entry", .addr = 0x6000, .size = 210 },
	};
	const char *want[] = {
		"1000 B (100 %) is held by app:cache through 4 Entry below "
		"one Table at 0x2000", NULL };

	(void)state;
	expect(nodes, 7, want, (enum suspect_kind[]){ SUSPECT_ROOT });
}

/* The holder itself is where things pile up; the text is no block of a type. */
static void what_piles_up_at_once_needs_no_where(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:list" },
		{ .parent = 0, .name = "(text)", .addr = 0x3000, .size = 300 },
		{ .parent = 0, .name = "(text)", .addr = 0x4000, .size = 300 },
		{ .parent = 0, .name = "Entry", .addr = 0x5000, .size = 400 },
	};
	const char *want[] = {
		"1000 B (100 %) is held by app:list through 2 untyped blocks "
		"of 300 B", NULL };

	(void)state;
	expect(nodes, 4, want, (enum suspect_kind[]){ SUSPECT_ROOT });
}

/* 80 % go down one way, then 60 %: the walk passes the first only. */
static void the_walk_follows_what_keeps_most(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:tree" },
		{ .parent = 0, .name = "Table", .addr = 0x1000, .size = 200 },
		{ .parent = 0, .name = "Cache", .addr = 0x2000, .size = 20 },
		{ .parent = 2, .name = "Cache", .addr = 0x3000, .size = 480 },
		{ .parent = 2, .name = "Entry", .addr = 0x4000, .size = 150 },
		{ .parent = 2, .name = "Entry", .addr = 0x5000, .size = 150 },
	};
	const char *want[] = {
		"1000 B (100 %) is held by app:tree, most of it by one Cache "
		"at 0x2000", NULL };

	(void)state;
	expect(nodes, 6, want, (enum suspect_kind[]){ SUSPECT_ROOT });
}

/* No type has half of it: the holder alone is named. */
static void where_nothing_piles_up_the_holder_stands_alone(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:mix" },
		{ .parent = 0, .name = "Table", .addr = 0x3000, .size = 300 },
		{ .parent = 0, .name = "Cache", .addr = 0x4000, .size = 300 },
		{ .parent = 0, .name = "Entry", .addr = 0x5000, .size = 200 },
		{ .parent = 0, .name = "Entry", .addr = 0x6000, .size = 200 },
	};
	const char *want[] = { "1000 B (100 %) is held by app:mix", NULL };

	(void)state;
	expect(nodes, 5, want, (enum suspect_kind[]){ SUSPECT_ROOT });
}

/* Each of the sessions is small, together they are most of the heap. */
static void many_shared_blocks_of_a_type_are_told_together(void **state)
{
	struct fact_node nodes[21] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:small" },
	};
	const char *want[] = {
		"1000 B (100 %) is held by 20 Session, each of which several "
		"roots share", NULL };

	(void)state;
	for (size_t i = 1; i < 21; i++)
		nodes[i] = (struct fact_node){
			.parent = ROOT, .name = "Session",
			.addr = 0x1000 * i, .size = 50,
		};
	expect(nodes, 21, want, (enum suspect_kind[]){ SUSPECT_TYPE });
}

static void a_shared_block_is_told_with_its_address(void **state)
{
	const struct fact_node nodes[] = {
		{ .parent = ROOT, .name = "Table", .addr = 0x7000, .size = 100 },
		{ .parent = 0, .name = "Entry", .addr = 0x8000, .size = 450 },
		{ .parent = 0, .name = "Entry", .addr = 0x9000, .size = 450 },
	};
	const char *want[] = {
		"1000 B (100 %) is held by one Table at 0x7000 (several roots "
		"share it) through 2 Entry", NULL };

	(void)state;
	expect(nodes, 3, want, (enum suspect_kind[]){ SUSPECT_BLOCK });
}

/* Both tables refer to the cache; the first of them names it. */
static void a_shared_block_is_told_with_a_way_that_leads_to_it(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:first" },
		{ .parent = 0, .name = "Table", .addr = 0x1000, .size = 1 },
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:second" },
		{ .parent = 2, .name = "Table", .addr = 0x2000, .size = 1 },
		{ .parent = ROOT, .name = "Cache", .addr = 0x3000, .size = 198,
		  .shared_by = { 1 + 1, 3 + 1 } },
		{ .parent = 4, .name = "Entry", .addr = 0x4000, .size = 400 },
		{ .parent = 4, .name = "Entry", .addr = 0x5000, .size = 400 },
	};
	const char *want[] = {
		"998 B (100 %) is held by app:first -> Table and other roots: "
		"one Cache at 0x3000 through 2 Entry", NULL };

	(void)state;
	expect(nodes, 7, want, (enum suspect_kind[]){ SUSPECT_BLOCK });
}

/* Both caches are found by way of the first table. */
static void shared_blocks_at_the_end_of_one_way_are_told_together(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:first" },
		{ .parent = 0, .name = "Table", .addr = 0x1000, .size = 1 },
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:second" },
		{ .parent = 2, .name = "Table", .addr = 0x2000, .size = 1 },
		{ .parent = ROOT, .name = "Cache", .addr = 0x3000, .size = 398,
		  .shared_by = { 1 + 1, 3 + 1 } },
		{ .parent = ROOT, .name = "Entry", .addr = 0x4000, .size = 600,
		  .shared_by = { 1 + 1, 3 + 1 } },
	};
	const char *want[] = {
		"998 B (100 %) is held by app:first -> Table and other roots: "
		"2 blocks, the largest one Entry at 0x4000", NULL };

	(void)state;
	expect(nodes, 6, want, (enum suspect_kind[]){ SUSPECT_BLOCK });
}

/* Most sessions hang below app:list, some below another root. */
static void the_way_to_most_of_many_blocks_is_told(void **state)
{
	struct fact_node nodes[23] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:all" },
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:list" },
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:other" },
	};
	const char *want[] = {
		"1000 B (100 %) is held by 20 Session, each of which several "
		"roots share; shortest paths to 75 % of them begin with "
		"app:list", NULL };

	(void)state;
	for (size_t i = 3; i < 23; i++)
		nodes[i] = (struct fact_node){
			.parent = ROOT, .name = "Session",
			.addr = 0x1000 * i, .size = 50,
			.shared_by = { i % 4 ? 2 : 3 },
		};
	expect(nodes, 23, want, (enum suspect_kind[]){ SUSPECT_TYPE });
}

/* Nodes of a list hold each other: all of them pile up below the list. */
static void the_nodes_of_a_list_are_counted(void **state)
{
	enum { N = 40 };
	struct fact_node nodes[N + 2] = {
		{ .kind = FACT_ROOT, .parent = ROOT, .name = "app:list" },
		{ .parent = 0, .name = "Cache", .addr = 0x1000, .size = 100 },
	};
	const char *want[] = {
		"4.0 KiB (100 %) is held by app:list through 40 Entry below one "
		"Cache at 0x1000", NULL };

	(void)state;
	for (size_t i = 2; i < N + 2; i++)
		nodes[i] = (struct fact_node){
			.parent = i - 1, .name = "Entry",
			.addr = 0x1000 * (i + 1), .size = 100,
		};
	expect(nodes, N + 2, want, (enum suspect_kind[]){ SUSPECT_ROOT });
}

/* Largest first; stale and lost cycles read differently. */
static void leak_groups_are_told_by_their_verdict(void **state)
{
	const struct fact_node nodes[] = {
		{ .kind = FACT_GROUP, .parent = ROOT, .name = "Session",
		  .count = 3 },
		{ .parent = 0, .name = "Session", .addr = 0x1000, .size = 600 },
		{ .kind = FACT_GROUP, .parent = ROOT, .name = "Entry",
		  .count = 2, .cycle = true, .stale = true },
		{ .parent = 2, .name = "Entry", .addr = 0x2000, .size = 400 },
	};
	const char *want[] = {
		"600 B (60 %) is lost with 3 Session that nothing refers to",
		"400 B (40 %) is lost with 2 cycles of Entry that only dead "
		"words refer to", NULL };

	(void)state;
	expect(nodes, 4, want,
	       (enum suspect_kind[]){ SUSPECT_LEAK, SUSPECT_LEAK });
}

static void an_even_heap_and_an_empty_one_have_no_suspects(void **state)
{
	struct fact_node nodes[40];
	const char *want[] = { NULL };

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		nodes[i * 2] = (struct fact_node){
			.kind = FACT_ROOT, .parent = ROOT, .name = "app:one" };
		nodes[i * 2 + 1] = (struct fact_node){
			.parent = i * 2, .name = "Entry",
			.addr = 0x1000 * (i + 1), .size = 50 };
	}
	expect(nodes, 40, want, NULL);
	expect(nodes, 0, want, NULL);
}

/* A list whose every node keeps nearly all: the walk is bounded. */
static void a_very_long_chain_ends_somewhere(void **state)
{
	enum { N = 5000 };
	struct fact_node *nodes = calloc(N, sizeof(*nodes));
	struct facts facts;
	struct suspects s;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < N; i++)
		nodes[i] = (struct fact_node){
			.parent = i ? i - 1 : ROOT, .name = "Entry",
			.addr = 0x1000 * (i + 1), .size = 16 };
	make_facts(nodes, N, types, 4, &facts);
	assert_true(suspects_build(&facts, &s, &err));
	assert_int_equal(s.at.len, 1);
	assert_int_equal(s.at.at[0].retained, N * 16);
	suspects_free(&s);
	made_facts_free(&facts);
	free(nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_root_with_one_block_is_told_with_the_block),
		cmocka_unit_test(what_piles_up_is_named_with_where),
		cmocka_unit_test(what_piles_up_at_once_needs_no_where),
		cmocka_unit_test(the_walk_follows_what_keeps_most),
		cmocka_unit_test(where_nothing_piles_up_the_holder_stands_alone),
		cmocka_unit_test(many_shared_blocks_of_a_type_are_told_together),
		cmocka_unit_test(a_shared_block_is_told_with_its_address),
		cmocka_unit_test(a_shared_block_is_told_with_a_way_that_leads_to_it),
		cmocka_unit_test(shared_blocks_at_the_end_of_one_way_are_told_together),
		cmocka_unit_test(the_way_to_most_of_many_blocks_is_told),
		cmocka_unit_test(the_nodes_of_a_list_are_counted),
		cmocka_unit_test(leak_groups_are_told_by_their_verdict),
		cmocka_unit_test(an_even_heap_and_an_empty_one_have_no_suspects),
		cmocka_unit_test(a_very_long_chain_ends_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
