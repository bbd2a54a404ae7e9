/* SPDX-License-Identifier: MIT */
/* Equal contents, unused capacity, empty tables and slack, in heaps by hand. */
#include "tests/aid_cmocka.h"

#include "analyze/block_key.h"
#include "analyze/duplicate_rows.h"
#include "analyze/waste.h"
#include "tests/aid_graph.h"
#include "tests/aid_heap.h"

enum { RW = PERM_READ | PERM_WRITE, MAX = 512 };

#define DATA UINT64_C(0x600000)
#define HEAP UINT64_C(0x1000000)
#define HEAP_SIZE UINT64_C(0x40000)

static struct image image;
static struct heap heap;
static struct waste waste;
static struct chunk blocks[MAX];
static size_t n_blocks;
static uint64_t next_block;
static uint32_t number, character, vector, item;

static int set_up(void **state)
{
	struct made_member m[3] = {
		{ "_M_start", 0, 0, 0 }, { "_M_finish", 0, 8, 0 },
		{ "_M_end_of_storage", 0, 16, 0 },
	};
	struct made_member of_item[2] = { { "a", 0, 0, 0 }, { "b", 0, 8, 0 } };

	(void)state;
	n_blocks = 0;
	next_block = HEAP + 16;
	made_image(&image);
	made_memory(&image, DATA, DATA + 0x1000, RW, "/bin/app");
	made_memory(&image, HEAP, HEAP + HEAP_SIZE, RW, "[heap]");
	number = made_scalar(&image, TYPE_INT, "long", 8);
	character = made_scalar(&image, TYPE_CHAR, "char", 1);
	for (int i = 0; i < 3; i++)
		m[i].type = made_pointer(&image, number);
	vector = made_struct(&image, "vector", 24, m, 3);
	of_item[0].type = of_item[1].type = number;
	item = made_struct(&image, "item", 16, of_item, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	waste_free(&waste);
	heap_free(&heap);
	image_close(&image);
	return 0;
}

/* A block that was asked for with @size bytes; its address. */
static uint64_t place(uint64_t size)
{
	uint64_t addr = next_block, usable = made_usable(size);

	blocks[n_blocks++] = (struct chunk){ addr, usable };
	next_block += usable + 8;
	assert_true(next_block <= HEAP + HEAP_SIZE);
	return addr;
}

static uint64_t text(const char *string)
{
	uint64_t addr = place(strlen(string) + 1);

	made_bytes(&image, addr, string, strlen(string) + 1);
	return addr;
}

static void build(void)
{
	made_heap(&image, blocks, n_blocks, &heap);
}

static void give_type(uint32_t block, uint32_t type, uint32_t count)
{
	heap.type[block] = type;
	heap_set_count(&heap, block, count);
	heap.confidence[block] = 97;
	heap.evidence[block] = EVIDENCE_FIELD;
}

static void find_waste(void)
{
	struct err err = {0};

	assert_true(waste_build(&heap, &waste, &err));
}

static void all_text(void)
{
	for (uint32_t i = 0; i < heap.n_blocks; i++)
		heap.content[i] = CONTENT_TEXT;
}

/* What malloc left behind the NUL does not matter. */
static void equal_texts_are_one_group_whatever_lies_behind_them(void **state)
{
	uint64_t a, b;

	(void)state;
	a = text("a text of thirty-three bytes, yes");
	text("a text of thirty-three bytes, no!");
	b = text("a text of thirty-three bytes, yes");
	made_bytes(&image, a + 34, "rest", 4);
	made_bytes(&image, b + 34, "REST", 4);
	build();
	all_text();
	find_waste();
	assert_int_equal(waste.duplicates.groups.len, 1);
	assert_int_equal(waste.duplicates.groups.at[0].count, 2);
	assert_int_equal(waste.duplicates.groups.at[0].size, 34);
	assert_int_equal(waste.duplicates.groups.at[0].kind, DUPLICATE_TEXT);
	assert_int_equal(waste.duplicates.nodes.at[0], 0);
	assert_int_equal(waste.duplicates.nodes.at[1], 2);
	assert_int_equal(waste.duplicates.bytes, 34);
	/* Three times 40 bytes for 34. */
	assert_int_equal(waste.slack.bytes, 18);
}

/* 120 pairs, of which an item holds the first half, a vector the rest; and a
 * text that is there 30 times. */
static void pairs_with_the_same_holders_are_one_row(void **state)
{
	enum { PAIRS = 120, OFTEN = 30, FIRST = 2 };
	struct edge edges[2 * PAIRS + OFTEN];
	struct waste_rows rows;
	struct err err = {0};
	char what[40];

	(void)state;
	place(16);
	place(24);
	for (uint32_t i = 0; i < 2 * PAIRS + OFTEN; i++) {
		uint32_t pair = i < 2 * PAIRS ? i % PAIRS : 0;

		snprintf(what, sizeof(what), "this text is there %s, %03u",
			 i < 2 * PAIRS ? "twice" : "often", pair);
		text(what);
		edges[i] = (struct edge){ .from = FIRST + i,
					  .to = pair >= PAIRS / 2 };
	}
	build();
	all_text();
	give_type(0, item, 1);
	give_type(1, vector, 1);
	find_waste();
	heap.referrers = graph_of(heap.n_nodes, edges, 2 * PAIRS + OFTEN);
	assert_true(duplicate_rows_build(&heap, &waste.duplicates, true, &rows,
					 &err));
	assert_int_equal(rows.at.len, 3);
	assert_int_equal(rows.bytes, waste.duplicates.bytes);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(rows.at.at[i].count, PAIRS / 2);
		assert_int_equal(rows.at.at[i].used, PAIRS);
	}
	assert_int_equal(rows.at.at[2].count, 1);
	assert_int_equal(rows.at.at[2].used, OFTEN);
	waste_rows_free(&rows);
	assert_true(duplicate_rows_build(&heap, &waste.duplicates, false,
					 &rows, &err));
	assert_int_equal(rows.at.len, 0);
	waste_rows_free(&rows);
}

/* A text that ends early was not what the block was asked for. */
static void a_short_text_in_a_large_block_is_data(void **state)
{
	uint64_t a = place(200), b = place(200);

	(void)state;
	made_bytes(&image, a, "name", 5);
	made_bytes(&image, b, "name", 5);
	made_word(&image, b + 100, 1);
	build();
	all_text();
	find_waste();
	assert_int_equal(waste.duplicates.groups.len, 0);
	assert_int_equal(waste.slack.bytes, 0);
	assert_int_equal(waste.slack_unknown, 2 * made_usable(200));
}

static void blocks_of_zeros_are_told_as_such_by_type(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		place(64);
	build();
	give_type(0, item, 4);
	give_type(3, item, 4);
	find_waste();
	assert_int_equal(waste.duplicates.groups.len, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(waste.duplicates.groups.at[i].kind,
				 DUPLICATE_ZEROS);
	/* Three untyped ones of 72 usable bytes; two items of 64. */
	assert_int_equal(waste.duplicates.groups.at[0].saved, 2 * 72);
	assert_int_equal(waste.duplicates.groups.at[1].saved, 64);
}

/* Longer than what is read at once, and across the ends of windows. */
static void large_blocks_are_compared_to_their_end(void **state)
{
	enum { SIZE = 70000 };
	uint64_t at[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		at[i] = place(SIZE);
		for (uint64_t k = 0; k + 8 <= SIZE; k += 8)
			made_word(&image, at[i] + k, k * k + 1);
	}
	made_bytes(&image, at[1] + made_usable(SIZE) - 1, "!", 1);
	build();
	find_waste();
	assert_int_equal(waste.duplicates.groups.len, 1);
	assert_int_equal(waste.duplicates.groups.at[0].count, 2);
	assert_int_equal(waste.duplicates.nodes.at[1], 2);
	assert_int_equal(waste.duplicates.bytes, made_usable(SIZE));
}

/* The hash chooses what is compared, the comparison decides. */
static void equal_hashes_of_other_contents_are_no_duplicates(void **state)
{
	struct containers containers;
	struct waste_contents contents;
	struct duplicates found;
	struct err err = {0};

	(void)state;
	for (uint64_t i = 0; i < 6; i++)
		made_word(&image, place(40), i / 2 == 1 ? 7 : i + 100);
	build();
	assert_true(containers_build(&heap, &containers, &err));
	assert_true(waste_contents_build(&heap, &containers, &contents, &err));
	for (uint32_t i = 0; i < 6; i++)
		contents.hash[i] = i < 2 ? 1 : 2;
	assert_true(duplicates_build(&contents, &found, &err));
	assert_int_equal(found.groups.len, 1);
	assert_int_equal(found.groups.at[0].count, 2);
	assert_int_equal(found.nodes.at[0], 2);
	assert_int_equal(found.nodes.at[1], 3);
	duplicates_free(&found);
	waste_contents_free(&contents);
	containers_free(&containers);
}

static void what_was_not_captured_is_equal_to_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		text("a text that was not captured at all");
	build();
	all_text();
	image.ranges.at[1].presence = PRESENCE_ABSENT;
	find_waste();
	assert_int_equal(waste.duplicates.groups.len, 0);
}

/* Numbers and texts are zeros there, in all blocks alike. */
static void captures_of_pointers_tell_no_duplicates(void **state)
{
	(void)state;
	place(64);
	place(64);
	build();
	image.meta.pointers_only = true;
	find_waste();
	assert_false(waste.contents_known);
	assert_int_equal(waste.duplicates.groups.len, 0);
}

static void point_vector(uint64_t at, uint64_t block, uint64_t used,
			 uint64_t room)
{
	made_word(&image, at, block);
	made_word(&image, at + 8, block + used * 8);
	made_word(&image, at + 16, block + room * 8);
}

static void vector_root(uint64_t at)
{
	struct root root = { .name = "app:v", .addr = at, .size = 24,
			     .type = vector, .kind = ROOT_VARIABLE,
			     .thread = UINT32_MAX };

	made_root(&heap, &root);
}

static void capacity_is_what_a_vector_has_and_does_not_use(void **state)
{
	uint64_t a = place(100 * 8), b = place(50 * 8), owners = place(2 * 24);
	uint64_t c = place(30 * 8);

	(void)state;
	point_vector(DATA, a, 3, 100);
	point_vector(owners, b, 0, 50);
	point_vector(owners + 24, c, 30, 30);
	build();
	vector_root(DATA);
	give_type(2, vector, 2);
	find_waste();
	assert_int_equal(waste.capacity.bytes, (97 + 50) * 8);
	assert_int_equal(waste.capacity.at.len, 2);
	assert_int_equal(waste.capacity.at.at[0].used, 3);
	assert_int_equal(waste.capacity.at.at[0].room, 100);
	assert_int_equal(waste.capacity.at.at[0].holder, heap.n_blocks);
	assert_int_equal(waste.capacity.at.at[1].holder, 2);
	assert_int_equal(waste.capacity.at.at[1].room, 50);
	/* 8 bytes each behind 100, 50, 30 longs and two vectors. */
	assert_int_equal(waste.slack.bytes, 4 * 8);
	assert_int_equal(waste.duplicates.bytes, 0);
}

static void vectors_that_make_no_sense_are_passed_over(void **state)
{
	uint64_t block = place(100 * 8);

	(void)state;
	/* Beyond the block; backwards; not from its start; odd; absent. */
	point_vector(DATA, block, 3, 102);
	point_vector(DATA + 24, block, 5, 4);
	point_vector(DATA + 48, block + 8, 3, 9);
	point_vector(DATA + 72, block, 3, 9);
	made_word(&image, DATA + 80, block + 3);
	point_vector(DATA + 96, 0x1234567890, 3, 9);
	point_vector(DATA + 120, 0, 0, 0);
	build();
	for (uint64_t i = 0; i < 6; i++)
		vector_root(DATA + i * 24);
	find_waste();
	assert_int_equal(waste.capacity.at.len, 0);
}

/* Four thousand million elements, of which one was captured. */
static void large_arrays_are_looked_at_where_they_were_touched(void **state)
{
	uint64_t block = place(100 * 8);

	(void)state;
	blocks[n_blocks++] = (struct chunk){
		next_block, (uint64_t)UINT32_MAX * 24 };
	made_range(&image, HEAP + (UINT64_C(1) << 35),
		   HEAP + (UINT64_C(1) << 35) + 0x1000, PRESENCE_CAPTURED);
	/* The first element that lies wholly in what was captured. */
	point_vector(next_block + ((UINT64_C(1) << 35) / 24 + 1) * 24, block,
		     3, 100);
	build();
	give_type(1, vector, UINT32_MAX);
	find_waste();
	assert_int_equal(waste.capacity.at.len, 1);
	assert_int_equal(waste.capacity.at.at[0].used, 3);
	assert_int_equal(waste.duplicates.groups.len, 0);
}

/* A copy that was left behind, say. */
static void a_block_of_two_vectors_counts_once(void **state)
{
	uint64_t block = place(100 * 8);

	(void)state;
	point_vector(DATA, block, 10, 100);
	point_vector(DATA + 24, block, 3, 100);
	build();
	vector_root(DATA);
	vector_root(DATA + 24);
	find_waste();
	assert_int_equal(waste.capacity.at.len, 1);
	assert_int_equal(waste.capacity.bytes, 90 * 8);
}

/* What lies behind the last element is no content. */
static void vectors_are_equal_by_their_elements(void **state)
{
	uint64_t a = place(10 * 8), b = place(20 * 8);

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		made_word(&image, a + i * 8, i + 5);
		made_word(&image, b + i * 8, i + 5);
	}
	made_word(&image, a + 4 * 8, 77);
	point_vector(DATA, a, 4, 10);
	point_vector(DATA + 24, b, 4, 20);
	build();
	vector_root(DATA);
	vector_root(DATA + 24);
	give_type(0, number, 4);
	give_type(1, number, 4);
	find_waste();
	assert_int_equal(waste.duplicates.groups.len, 1);
	assert_int_equal(waste.duplicates.bytes, 4 * 8);
	assert_int_equal(waste.capacity.bytes, (6 + 16) * 8);
}

static void arrays_that_are_mostly_null_are_empty_tables(void **state)
{
	uint32_t pointer = made_pointer(&image, item);
	uint64_t sparse = place(64 * 8), half = place(64 * 8);

	(void)state;
	for (uint64_t i = 0; i < 64; i++) {
		if (i % 8 == 0)
			made_word(&image, sparse + i * 8, HEAP + 16);
		if (i % 2 == 0)
			made_word(&image, half + i * 8, HEAP + 16);
	}
	build();
	give_type(0, pointer, 64);
	give_type(1, pointer, 64);
	find_waste();
	assert_int_equal(waste.tables.at.len, 1);
	assert_int_equal(waste.tables.at.at[0].used, 8);
	assert_int_equal(waste.tables.at.at[0].room, 64);
	assert_int_equal(waste.tables.bytes, 56 * 8);
	assert_int_equal(waste.tables.at.at[0].sample, 0);
}

/* Its empty slots are told; that two of them are equal is no news. */
static void an_empty_table_is_no_copy_of_another(void **state)
{
	uint32_t pointer = made_pointer(&image, item);

	(void)state;
	place(64 * 8);
	place(64 * 8);
	build();
	give_type(0, pointer, 64);
	give_type(1, pointer, 64);
	find_waste();
	assert_int_equal(waste.tables.bytes, 2 * 64 * 8);
	assert_int_equal(waste.tables.at.at[0].count, 2);
	assert_int_equal(waste.duplicates.bytes, 0);
}

/* Few words, so that contents are often equal. */
static void random_block(uint64_t *random)
{
	uint64_t size, addr;

	*random = *random * UINT64_C(6364136223846793005) + 1;
	size = 8 + (*random >> 33) % 12 * 8;
	addr = place(size);
	for (uint64_t i = 0; i + 8 <= size; i += 8)
		made_word(&image, addr + i, (*random >> (40 + i / 8)) % 2);
}

/* Every pair of blocks against memcmp. */
static void random_blocks_are_equal_as_memcmp_says(void **state)
{
	uint64_t random = rng_seed(), want = 0, copies = 0;
	uint8_t x[256], y[256];

	(void)state;
	while (n_blocks < MAX)
		random_block(&random);
	build();
	find_waste();
	for (uint32_t i = 0; i < heap.n_blocks; i++) {
		for (uint32_t k = 0; k < i; k++) {
			size_t n = (size_t)heap_size(&heap, i);

			assert_true(image_read(&image, heap.addr[i], x, n));
			if (heap_size(&heap, k) != n ||
			    !image_read(&image, heap.addr[k], y, n) ||
			    memcmp(x, y, n))
				continue;
			want += n;
			copies++;
			break;
		}
	}
	assert_int_equal(waste.duplicates.bytes, want);
	assert_int_equal(waste.duplicates.count, copies);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_texts_are_one_group_whatever_lies_behind_them),
		TEST(pairs_with_the_same_holders_are_one_row),
		TEST(a_short_text_in_a_large_block_is_data),
		TEST(blocks_of_zeros_are_told_as_such_by_type),
		TEST(large_blocks_are_compared_to_their_end),
		TEST(equal_hashes_of_other_contents_are_no_duplicates),
		TEST(what_was_not_captured_is_equal_to_nothing),
		TEST(captures_of_pointers_tell_no_duplicates),
		TEST(capacity_is_what_a_vector_has_and_does_not_use),
		TEST(vectors_that_make_no_sense_are_passed_over),
		TEST(large_arrays_are_looked_at_where_they_were_touched),
		TEST(a_block_of_two_vectors_counts_once),
		TEST(vectors_are_equal_by_their_elements),
		TEST(arrays_that_are_mostly_null_are_empty_tables),
		TEST(an_empty_table_is_no_copy_of_another),
		TEST(random_blocks_are_equal_as_memcmp_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
