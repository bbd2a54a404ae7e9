/* SPDX-License-Identifier: MIT */
/* Whether a block could be one of those, by what it holds. */
#include "tests/aid_infer.h"

#include "analyze/shape_candidates.h"
#include "analyze/shapes.h"

static struct shape_cache cache;
static struct window window;
static struct size_weights weights;

static void begin(void)
{
	struct err err = {0};

	made_heap(&image, blocks, n_blocks, &heap);
	cache = (struct shape_cache){ .types = &image.types };
	window = window_of(&image);
	assert_true(size_weights_build(&heap, &weights, &err));
}

static void end(void)
{
	size_weights_free(&weights);
	shape_cache_free(&cache);
	window_close(&window);
}

static const struct shape *shape(uint32_t type)
{
	const struct shape *s = shape_of(&cache, type);

	assert_non_null(s);
	return s;
}

static struct shape_score score(uint32_t block, uint32_t type)
{
	struct seen_block seen;

	shape_look(&heap, &window, block, &seen);
	return shape_compare(&heap, &weights, type, shape(type), &seen);
}

static uint32_t scalar(enum type_kind kind, const char *name, uint64_t size)
{
	return made_scalar(&image, kind, name, size);
}

static void each_word_of_a_type_promises_something(void **state)
{
	uint32_t letter = scalar(TYPE_CHAR, "char", 1);
	uint32_t real = scalar(TYPE_FLOAT, "double", 8);
	uint32_t little = scalar(TYPE_INT, "int", 4);
	uint32_t code = scalar(TYPE_FUNCTION, "", 0);
	const struct made_member m[] = {
		{ "record", made_pointer(&image, node), 0, 0 },
		{ "text", made_pointer(&image, letter), 8, 0 },
		{ "any", made_pointer(&image, TYPE_NONE), 16, 0 },
		{ "call", made_pointer(&image, code), 24, 0 },
		{ "items", made_pointer(&image, made_pointer(&image, node)), 32, 0 },
		{ "numbers", made_pointer(&image, real), 40, 0 },
		{ "wide", number, 48, 0 },
		{ "real", real, 56, 0 },
		{ "a", little, 64, 0 }, { "b", little, 68, 0 },
		{ "name", made_array(&image, letter, 8), 72, 0 },
		{ "last", little, 88, 0 },
	};
	static const uint8_t want[] = {
		SHAPE_RECORD, SHAPE_TEXT, SHAPE_VOID, SHAPE_CODE, SHAPE_POINTERS,
		SHAPE_NUMBERS, SHAPE_WIDE, SHAPE_FLOAT, SHAPE_SMALL, SHAPE_BYTES,
		SHAPE_PAD, SHAPE_SMALL,
	};
	const struct shape *s;

	(void)state;
	begin();
	s = shape(record("all", 96, m, 12));
	assert_int_equal(s->n, 12);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(s->at[i].kind, want[i]);
	assert_int_equal(s->at[0].target, node);
	end();
}

static void what_a_word_holds_is_told_apart(void **state)
{
	uint64_t a = place(104), b = place(24);
	const uint64_t words[] = {
		0, b, b + 8, CODE + 16, DATA + 8, HEAP + 0x8000, 7,
		UINT64_C(0x3ff8000000000000), UINT64_C(0x0000000500000007),
		UINT64_C(0xfedcba9876543210),
	};
	static const uint8_t want[] = {
		SEEN_ZERO, SEEN_START, SEEN_INSIDE, SEEN_CODE, SEEN_DATA,
		SEEN_DEAD, SEEN_SMALL, SEEN_FLOAT, SEEN_PACKED, SEEN_OTHER,
	};
	struct seen_block seen;

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		made_word(&image, a + i * 8, words[i]);
	begin();
	if (heap.extents.len == 0) {
		struct owned_extent all = { HEAP, HEAP + 0x10000, 0 };

		assert_true(vec_push(&heap.extents, all));
	}
	shape_look(&heap, &window, 0, &seen);
	assert_int_equal(seen.node, 0);
	assert_true(seen.n >= 10);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(seen.at[i].seen, want[i]);
		assert_int_equal(seen.at[i].value, words[i]);
	}
	assert_int_equal(seen.at[1].node, 1);
	assert_int_equal(seen.at[2].node, 1);
	end();
}

/* text { char *at; long length; union { char small[16]; long room; }; } */
static uint32_t make_text(void)
{
	uint32_t letter = scalar(TYPE_CHAR, "char", 1);
	const struct made_member u[] = {
		{ "small", made_array(&image, letter, 16), 0, 0 },
		{ "room", number, 0, 0 },
	};
	uint32_t either = record("either", 16, u, 2);
	const struct made_member m[] = {
		{ "at", made_pointer(&image, letter), 0, 0 },
		{ "length", number, 8, 0 }, { "", either, 16, 0 },
	};

	image.types.types.at[either].kind = TYPE_UNION;
	return record("text", 32, m, 3);
}

static void a_short_string_inside_is_a_kept_promise(void **state)
{
	uint32_t text = make_text();
	uint64_t a = place(32), b = place(32), c = place(32);

	(void)state;
	made_word(&image, a, a + 16);
	made_bytes(&image, a + 16, "short", 6);
	made_word(&image, b, b + 16);	/* empty */
	made_word(&image, c, c + 8);	/* no letters there */
	begin();
	assert_true(score(0, text).kept > 0);
	assert_true(score(1, text).kept > 0);
	assert_int_equal(score(2, text).kept, 0);
	end();
}

static void an_empty_list_inside_is_a_kept_promise(void **state)
{
	struct made_member m[] = { { "next", number, 0, 0 },
				   { "before", number, 8, 0 } };
	uint32_t link = record("link", 16, m, 2);
	const struct made_member o[] = { { "id", number, 0, 0 },
					 { "all", link, 8, 0 } };
	uint32_t owner = record("owner", 24, o, 2);
	uint64_t a = place(24), b = place(24);

	(void)state;
	made_retarget(&image, link, 0, made_pointer(&image, link));
	made_retarget(&image, link, 1, made_pointer(&image, link));
	for (int i = 8; i < 24; i += 8) {
		made_word(&image, a + (unsigned)i, a + 8);
		made_word(&image, b + (unsigned)i, b + 16);
	}
	begin();
	assert_true(score(0, owner).kept > 0);
	assert_int_equal(score(1, owner).kept, 0);
	end();
}

static void the_end_of_a_range_is_a_kept_promise(void **state)
{
	uint32_t to = made_pointer(&image, number);
	const struct made_member m[] = {
		{ "first", to, 0, 0 }, { "last", to, 8, 0 },
		{ "end", to, 16, 0 },
	};
	uint32_t range = record("range", 24, m, 3);
	const struct made_member o[] = {
		{ "first", to, 0, 0 },
		{ "last", made_pointer(&image, TYPE_NONE), 8, 0 },
		{ "end", made_pointer(&image, TYPE_NONE), 16, 0 },
	};
	uint64_t a = place(24), b = place(40);

	(void)state;
	made_word(&image, a, b);
	made_word(&image, a + 8, b + 16);
	made_word(&image, a + 16, b + 32);
	begin();
	assert_true(score(0, range).kept > score(0, record("other", 24, o, 3)).kept);
	end();
}

/* room<payload> { bytes for it } and box { payload }, as people write it. */
static void storage_of_templates_is_no_candidate(void **state)
{
	const struct made_member p[] = { { "a", number, 0, 0 },
					 { "b", number, 8, 0 } };
	uint32_t letter = scalar(TYPE_CHAR, "unsigned char", 1);
	uint32_t payload = record("payload", 16, p, 2);
	const struct made_member r[] = {
		{ "bytes", made_array(&image, letter, 16), 0, 0 } };
	const struct made_member b[] = { { "in", payload, 0, 0 } };
	const struct template_arg about = { .type = payload };
	uint32_t room = record("room<payload>", 16, r, 1);
	uint32_t box = record("box", 16, b, 1);
	struct shape_candidates all;
	bool has_payload = false, has_box = false;

	(void)state;
	image.types.types.at[room].first_arg = (uint32_t)image.types.args.len;
	image.types.types.at[room].n_args = 1;
	assert_true(vec_push(&image.types.args, about));
	for (size_t i = 0; i < image.types.types.len; i++)
		image.types.types.at[i].popularity = 1;
	assert_true(shape_candidates_build(&image.types, &all));
	for (size_t i = 0; i < all.records.len; i++) {
		has_payload |= all.records.at[i].type == payload;
		has_box |= all.records.at[i].type == box;
		assert_int_not_equal(all.records.at[i].type, room);
	}
	assert_true(has_payload && has_box);
	shape_candidates_free(&all);
}

static void numbers_where_a_pointer_was_promised_break_it(void **state)
{
	uint64_t a = place(24);

	(void)state;
	made_word(&image, a, UINT64_C(0x1234567812345678));
	begin();
	assert_true(score(0, node).broken);
	end();
}

static void zeros_break_nothing_and_prove_nothing(void **state)
{
	(void)state;
	place(24);
	begin();
	assert_false(score(0, node).broken);
	assert_int_equal(score(0, node).kept, 0);
	end();
}

static void a_pointer_to_a_block_of_the_right_size_is_kept(void **state)
{
	uint64_t a = place(24), b = place(24), c = place(24), d = place(200);

	(void)state;
	/* Blocks of other sizes make 24 rare. */
	for (int i = 0; i < 20; i++)
		place(56);
	made_word(&image, a, b);
	made_word(&image, c, d);
	begin();
	assert_false(score(0, node).broken);
	assert_true(score(0, node).kept > 0);
	assert_true(score(0, node).sum > score(2, node).sum);
	end();
}

static void a_pointer_to_a_block_of_that_type_is_kept_best(void **state)
{
	uint64_t a = place(24), b = place(24), c = place(24), d = place(24);
	struct shape_score typed, other;

	(void)state;
	made_word(&image, a, b);
	made_word(&image, c, d);
	begin();
	heap.type[1] = node;
	typed = score(0, node);
	other = score(2, node);
	assert_true(typed.sum > other.sum);
	assert_true(typed.kept > other.kept);
	end();
}

static void a_pointer_where_a_number_was_promised_breaks_it(void **state)
{
	uint32_t real = scalar(TYPE_FLOAT, "double", 8);
	const struct made_member m[] = { { "x", real, 0, 0 },
					 { "y", real, 8, 0 },
					 { "z", real, 16, 0 } };
	uint32_t point = record("point", 24, m, 3);
	uint64_t a = place(24), b = place(24), c = place(24);

	(void)state;
	made_word(&image, a, b);
	made_word(&image, c, UINT64_C(0x3ff8000000000000));
	begin();
	assert_true(score(0, point).broken);
	assert_false(score(2, point).broken);
	assert_true(score(2, point).sum > 0);
	end();
}

/* Three pointers in order into one block: begin, end and limit. */
static void the_end_of_a_range_is_whole_elements_on(void **state)
{
	const struct made_member m[] = {
		{ "begin", made_pointer(&image, node), 0, 0 },
		{ "end", made_pointer(&image, node), 8, 0 },
		{ "limit", made_pointer(&image, node), 16, 0 } };
	uint32_t range = record("range", 24, m, 3);
	uint64_t a = place(24), b = place(24), data = place(100);

	(void)state;
	made_word(&image, a, data);
	made_word(&image, a + 8, data + 72);
	made_word(&image, a + 16, data + 96);
	made_word(&image, b, data);
	made_word(&image, b + 8, data + 100);
	made_word(&image, b + 16, data + 100);
	begin();
	assert_true(score(0, range).sum > 0);
	assert_true(score(0, range).kept > 0);
	assert_true(score(1, range).sum < 0);
	end();
}

/* word { union { long number; char *text; }; long x, y; } */
static void text_that_a_union_may_refer_to_is_kept(void **state)
{
	uint32_t letter = scalar(TYPE_CHAR, "char", 1);
	const struct made_member both[] = {
		{ "text", made_pointer(&image, letter), 0, 0 },
		{ "number", number, 0, 0 } };
	uint32_t either = record("either", 8, both, 2);
	const struct made_member m[] = { { "u", either, 0, 0 },
					 { "x", number, 8, 0 },
					 { "y", number, 16, 0 } };
	uint32_t word = record("word", 24, m, 3);
	uint64_t a = place(24), b = place(40), c = place(24), d = place(40);

	(void)state;
	image.types.types.at[either].kind = TYPE_UNION;
	made_word(&image, a, b);
	made_word(&image, c, d);
	begin();
	heap.content[1] = CONTENT_TEXT;
	heap.content[3] = CONTENT_NUMBERS;
	assert_true(score(0, word).kept > 0);
	assert_int_equal(score(2, word).kept, 0);
	end();
}

/* many { long n; node *at[]; }: four of them take 40 bytes, no byte more. */
static void a_count_of_pointers_tells_the_size(void **state)
{
	const struct made_member m[] = {
		{ "n", number, 0, 0 },
		{ "at", made_array(&image, made_pointer(&image, node), 0), 8,
		  0 } };
	uint32_t many = record("many", 8, m, 2);
	uint64_t a = place(40), b = place(41);

	(void)state;
	made_word(&image, a, 4);
	made_word(&image, b, 4);
	begin();
	assert_true(score(0, many).kept > 0);
	assert_int_equal(score(1, many).kept, 0);
	end();
}

static void code_must_be_code(void **state)
{
	const struct made_member m[] = {
		{ "call", made_pointer(&image, scalar(TYPE_FUNCTION, "", 0)), 0, 0 },
		{ "data", made_pointer(&image, TYPE_NONE), 8, 0 } };
	uint32_t callback = record("callback", 16, m, 2);
	uint64_t a = place(24), b = place(24), c = place(24);

	(void)state;
	made_word(&image, a, CODE + 64);
	made_word(&image, b, c);
	begin();
	assert_false(score(0, callback).broken);
	assert_true(score(0, callback).kept > 0);
	assert_true(score(1, callback).broken);
	end();
}

static void text_is_where_text_was_promised(void **state)
{
	uint32_t letter = scalar(TYPE_CHAR, "char", 1);
	const struct made_member m[] = {
		{ "name", made_pointer(&image, letter), 0, 0 },
		{ "id", number, 8, 0 }, { "x", number, 16, 0 } };
	uint32_t person = record("person", 24, m, 3);
	uint64_t a = place(24), b = place(40), c = place(24), d = place(40);

	(void)state;
	made_word(&image, a, b);
	made_word(&image, c, d);
	begin();
	heap.content[1] = CONTENT_TEXT;
	heap.content[3] = CONTENT_POINTERS;
	assert_true(score(0, person).sum > 0);
	assert_true(score(2, person).sum < 0);
	end();
}

static void sizes_that_are_rare_weigh_more(void **state)
{
	(void)state;
	place(24);
	for (int i = 0; i < 40; i++)
		place(56);
	begin();
	assert_true(map_get(&weights.by_size, made_usable(24), 0) >
		    map_get(&weights.by_size, made_usable(56), 0));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_word_of_a_type_promises_something),
		TEST(what_a_word_holds_is_told_apart),
		TEST(a_short_string_inside_is_a_kept_promise),
		TEST(an_empty_list_inside_is_a_kept_promise),
		TEST(the_end_of_a_range_is_a_kept_promise),
		TEST(storage_of_templates_is_no_candidate),
		TEST(numbers_where_a_pointer_was_promised_break_it),
		TEST(zeros_break_nothing_and_prove_nothing),
		TEST(a_pointer_to_a_block_of_the_right_size_is_kept),
		TEST(a_pointer_to_a_block_of_that_type_is_kept_best),
		TEST(a_pointer_where_a_number_was_promised_breaks_it),
		TEST(the_end_of_a_range_is_whole_elements_on),
		TEST(text_that_a_union_may_refer_to_is_kept),
		TEST(a_count_of_pointers_tells_the_size),
		TEST(code_must_be_code),
		TEST(text_is_where_text_was_promised),
		TEST(sizes_that_are_rare_weigh_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
