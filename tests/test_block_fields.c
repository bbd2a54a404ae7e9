/* SPDX-License-Identifier: MIT */
/* The inside of one block, field by field. */
#include "tests/aid_cmocka.h"

#include "analyze/block_fields.h"
#include "analyze/live_fields.h"
#include "analyze/ref_words.h"
#include "tests/aid_heap.h"

#define HEAP UINT64_C(0x1000000)
#define OTHER (HEAP + 0x800)
#define HOLE (HEAP + 0x2000)

static struct image image;
static struct heap heap;
static struct block_fields fields;
static uint32_t tiny, number, wide, character, pointer;

/* Block 0 of 0x400 bytes, block 1, and block 2 in memory that is absent. */
static int set_up(void **state)
{
	const struct chunk blocks[] = { { HEAP, 0x400 }, { OTHER, 24 },
					{ HOLE, 64 } };
	struct symbol symbol = {
		.addr = 0x400100, .size = 0x40, .name = "on_event",
		.kind = SYMBOL_FUNCTION,
	};

	(void)state;
	made_image(&image);
	made_memory(&image, HEAP, HEAP + 0x2000, PERM_READ | PERM_WRITE, "");
	made_range(&image, HOLE, HOLE + 0x1000, PRESENCE_ABSENT);
	assert_true(vec_push(&image.symbols, symbol));
	made_heap(&image, blocks, 3, &heap);
	tiny = made_scalar(&image, TYPE_INT, "short", 2);
	number = made_scalar(&image, TYPE_INT, "int", 4);
	wide = made_scalar(&image, TYPE_INT, "long", 8);
	character = made_scalar(&image, TYPE_CHAR, "char", 1);
	pointer = made_pointer(&image, number);
	fields = (struct block_fields){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	block_fields_free(&fields);
	heap_free(&heap);
	image_close(&image);
	return 0;
}

static void look(uint32_t node, uint32_t type, uint32_t count, size_t limit)
{
	struct err err = {0};

	heap.type[node] = type;
	heap_set_count(&heap, node, count);
	assert_true(block_fields_build(&heap, node, limit, &fields, &err));
}

static void expect(size_t i, uint64_t offset, const char *name,
		   const char *type, const char *value)
{
	assert_in_range(i, 0, fields.at.len - 1);
	assert_int_equal(fields.at.at[i].offset, offset);
	assert_string_equal(fields.at.at[i].name, name);
	assert_string_equal(fields.at.at[i].type, type);
	assert_string_equal(fields.at.at[i].value, value);
}

static void scalars_read_as_their_type_says(void **state)
{
	const double ratio = 0.5;
	struct made_member m[] = {
		{ "a", tiny, 0, 0 }, { "b", number, 4, 0 },
		{ "on", made_scalar(&image, TYPE_BOOL, "bool", 1), 8, 0 },
		{ "ratio", made_scalar(&image, TYPE_FLOAT, "double", 8), 16, 0 },
		{ "next", pointer, 24, 0 }, { "call", pointer, 32, 0 },
		{ "none", pointer, 40, 0 },
	};

	(void)state;
	made_bytes(&image, HEAP, "\xfe\xff\0\0\x05\0\0\0\x01", 9);
	made_bytes(&image, HEAP + 16, &ratio, 8);
	made_word(&image, HEAP + 24, OTHER + 8);
	made_word(&image, HEAP + 32, 0x400100);
	look(0, made_struct(&image, "Mixed", 48, m, 7), 1, 100);
	assert_int_equal(fields.at.len, 7);
	expect(0, 0, "a", "short", "-2");
	expect(1, 4, "b", "int", "5");
	expect(2, 8, "on", "bool", "true");
	expect(3, 16, "ratio", "double", "0.5");
	expect(4, 24, "next", "int *", "0x1000808");
	expect(5, 32, "call", "int *", "0x400100 <on_event>");
	expect(6, 40, "none", "int *", "0x0");
	assert_int_equal(fields.at.at[4].target, 1);
	assert_int_equal(fields.at.at[5].target, NODE_NONE);
	assert_false(fields.cut);
}

static void bits_read_alone(void **state)
{
	struct made_member m[] = { { "low", number, 0, MEMBER_BITFIELD },
				   { "high", number, 0, MEMBER_BITFIELD },
				   { "far", number, 1, MEMBER_BITFIELD } };
	uint32_t type = made_struct(&image, "Bits", 4, m, 3);
	struct member *bits =
		image.types.members.at + image.types.types.at[type].first_member;

	(void)state;
	bits[0].bit_size = 3;
	bits[1].bit_size = 4;
	bits[1].bit_offset = 3;
	bits[2].bit_size = 10;
	bits[2].bit_offset = 2;
	/* low 5 (as signed: -3), high 6, far 300 */
	made_word(&image, HEAP, 5 | 6 << 3 | 300 << 10 | (uint64_t)1 << 20);
	look(0, type, 1, 100);
	assert_int_equal(fields.at.len, 3);
	expect(0, 0, "low", "int", "-3");
	expect(1, 0, "high", "int", "6");
	expect(2, 1, "far", "int", "300");
}

static void characters_in_a_row_are_one_text(void **state)
{
	struct made_member m[] = {
		{ "title", made_array(&image, character, 300), 0, 0 },
		{ "next", pointer, 304, 0 },
	};

	(void)state;
	made_bytes(&image, HEAP, "hello \"you\"", 12);
	made_word(&image, HEAP + 304, OTHER);
	/* Fewer fields are asked for than the text has characters. */
	look(0, made_struct(&image, "Titled", 312, m, 2), 1, 10);
	assert_int_equal(fields.at.len, 2);
	expect(0, 0, "title", "char [300]", "\"hello \"you\"\"");
	expect(1, 304, "next", "int *", "0x1000800");
	assert_int_equal(fields.at.at[0].size, 300);
	assert_false(fields.cut);
}

static void a_block_of_text_is_one_field(void **state)
{
	(void)state;
	made_bytes(&image, HEAP, "some text", 10);
	look(0, character, 0x400, 10);
	assert_int_equal(fields.at.len, 1);
	assert_string_equal(fields.at.at[0].value, "\"some text\"");
	assert_int_equal(fields.at.at[0].size, 0x400);
}

static void long_texts_are_cut_where_they_say_so(void **state)
{
	char text[0x400], want[260];

	(void)state;
	memset(text, 'x', sizeof(text));
	made_bytes(&image, HEAP, text, sizeof(text));
	look(0, character, 0x400, 10);
	memset(want, 'x', sizeof(want));
	want[0] = want[257] = '"';
	want[258] = '\0';
	assert_memory_equal(fields.at.at[0].value, want, 258);
	assert_string_equal(fields.at.at[0].value + 258, "...");
}

static void elements_of_an_array_are_numbered(void **state)
{
	struct made_member m[] = { { "x", number, 0, 0 },
				   { "y", number, 4, 0 } };

	(void)state;
	made_word(&image, HEAP + 8, (uint64_t)9 << 32 | 7);
	look(0, made_struct(&image, "Point", 8, m, 2), 3, 100);
	assert_int_equal(fields.at.len, 6);
	expect(2, 8, "[1].x", "int", "7");
	expect(3, 12, "[1].y", "int", "9");
}

/* As many fields as asked for, and a word when there are more. */
static void the_limit_is_kept_and_told(void **state)
{
	struct made_member m[] = {
		{ "slots", made_array(&image, wide, 100), 0, 0 } };
	uint32_t type = made_struct(&image, "Table", 800, m, 1);

	(void)state;
	look(0, type, 1, 10);
	assert_int_equal(fields.at.len, 10);
	assert_true(fields.cut);
	block_fields_free(&fields);
	look(0, type, 1, 100);
	assert_int_equal(fields.at.len, 100);
	assert_false(fields.cut);
	block_fields_free(&fields);
	look(0, type, 1, SIZE_MAX);
	assert_int_equal(fields.at.len, 100);
	assert_false(fields.cut);
}

static void an_untyped_block_shows_its_words(void **state)
{
	(void)state;
	made_word(&image, OTHER + 8, HEAP + 3);
	look(1, TYPE_NONE, 0, 100);
	assert_int_equal(fields.at.len, 3);
	expect(0, 0, "", "", "0x0");
	expect(1, 8, "", "", "0x1000003");
	assert_int_equal(fields.at.at[1].target, 0);
}

static void what_was_not_captured_is_a_question_mark(void **state)
{
	struct made_member m[] = {
		{ "id", wide, 0, 0 },
		{ "name", made_array(&image, character, 16), 8, 0 },
	};

	(void)state;
	look(2, made_struct(&image, "Gone", 24, m, 2), 1, 100);
	assert_int_equal(fields.at.len, 2);
	expect(0, 0, "id", "long", "?");
	expect(1, 8, "name", "char [16]", "?");
	block_fields_free(&fields);
	look(2, TYPE_NONE, 0, 100);
	expect(0, 0, "", "", "?");
}

/* A file may say of a number that it has no bytes. */
static void a_number_without_size_is_nothing(void **state)
{
	struct made_member m[] = {
		{ "none", made_scalar(&image, TYPE_INT, "odd", 0), 0, 0 },
		{ "odd", made_scalar(&image, TYPE_INT, "three", 3), 0, 0 },
	};

	(void)state;
	made_bytes(&image, HEAP, "\xff\xff\xff\x01", 4);
	look(0, made_struct(&image, "Odd", 8, m, 2), 1, 100);
	assert_int_equal(fields.at.len, 2);
	assert_string_equal(fields.at.at[0].value, "(0 bytes)");
	assert_string_equal(fields.at.at[1].value, "-1");
}

/* enum { Text(int *) = 3, Count(long), Empty = 5 }, 16 bytes */
static uint32_t make_enum(void)
{
	struct made_member text = { "data", pointer, 8, 0 };
	struct made_member count = { "n", wide, 8, 0 };
	const struct template_arg args[] = {
		{ .value = 3, .is_value = 1, .type = TYPE_NONE },
		{ .value = 5, .is_value = 1, .type = TYPE_NONE } };
	const struct member m[] = {
		{ .type = wide, .flags = MEMBER_DISCRIMINANT },
		{ .name = types_string(&image.types, "Text"),
		  .type = made_struct(&image, "E::Text", 16, &text, 1),
		  .flags = MEMBER_VARIANT, .bit_offset = 0 },
		{ .name = types_string(&image.types, "Count"),
		  .type = made_struct(&image, "E::Count", 16, &count, 1),
		  .flags = MEMBER_VARIANT, .bit_offset = VARIANT_OTHERWISE },
		{ .name = types_string(&image.types, "Empty"),
		  .type = made_struct(&image, "E::Empty", 16, NULL, 0),
		  .flags = MEMBER_VARIANT, .bit_offset = 1 } };
	struct type t = {
		.name = types_string(&image.types, "E"), .kind = TYPE_STRUCT,
		.size = 16, .n_members = 4, .n_args = 2, .flags = TYPE_VARIANT,
		.scope = TYPE_NONE, .target = TYPE_NONE, .module = UINT32_MAX };

	return types_add(&image.types, &t, m, args);
}

static void only_the_variant_that_is_there_is_shown(void **state)
{
	struct made_member m[] = { { "x", wide, 0, 0 },
				   { "e", make_enum(), 8, 0 } };
	uint32_t type = made_struct(&image, "Holder", 24, m, 2);
	char name[64];

	(void)state;
	made_word(&image, HEAP + 8, 3);
	made_word(&image, HEAP + 16, OTHER);
	made_word(&image, HEAP + 24 + 8, 7);
	made_word(&image, HEAP + 48 + 8, 5);
	look(0, type, 3, 100);
	assert_int_equal(fields.at.len, 8);
	expect(1, 8, "[0].e", "long", "Text");
	expect(2, 16, "[0].e.Text.data", "int *", "0x1000800");
	expect(4, 32, "[1].e", "long", "Count");
	expect(5, 40, "[1].e.Count.n", "long", "0");
	expect(7, 56, "[2].e", "long", "Empty");
	assert_int_equal(fields.at.at[2].target, 1);
	assert_string_equal(live_field_at(&image, type, HEAP, 16, name,
					  sizeof(name)), "e.Text.data");
	assert_string_equal(live_field_at(&image, type, HEAP + 24, 16, name,
					  sizeof(name)), "e.Count.n");
	assert_string_equal(live_field_at(&image, type, HEAP + 48, 16, name,
					  sizeof(name)), "e");
	/* Without a look at memory: the first. */
	assert_string_equal(types_field_at(&image.types, type, 16, name,
					   sizeof(name)), "e.Text.data");
}

/* RcInner<[E]> { long strong; long weak; E value; }, of 16 bytes */
static void elements_behind_a_header_are_numbered(void **state)
{
	uint32_t e = make_enum();
	struct made_member m[] = { { "strong", wide, 0, 0 },
				   { "weak", wide, 8, 0 },
				   { "value", e, 16, 0 } };
	char name[64];

	(void)state;
	made_word(&image, HEAP + 32, 3);
	made_word(&image, HEAP + 40, OTHER);
	look(0, made_struct(&image, "Inner", 16, m, 3), 1, 6);
	expect(0, 0, "strong", "long", "0");
	expect(1, 8, "weak", "long", "0");
	expect(2, 16, "value[0]", "long", "Count");
	expect(4, 32, "value[1]", "long", "Text");
	expect(5, 40, "value[1].Text.data", "int *", "0x1000800");
	assert_string_equal(ref_field(&heap, 0, 40, name, sizeof(name)),
			    "value[].Text.data");
}

/* node { long key; node *next[]; } in a block of 24 bytes */
static void elements_of_an_array_of_any_length_are_shown(void **state)
{
	struct made_member m[] = { { "key", wide, 0, 0 },
				   { "next", made_array(&image, pointer, 0),
				     8, 0 } };

	(void)state;
	made_word(&image, OTHER, 5);
	made_word(&image, OTHER + 8, HEAP);
	made_word(&image, OTHER + 16, OTHER);
	look(1, made_struct(&image, "node", 8, m, 2), 1, 100);
	assert_int_equal(fields.at.len, 3);
	expect(0, 0, "key", "long", "5");
	expect(1, 8, "next[0]", "int *", "0x1000000");
	assert_int_equal(fields.at.at[1].target, 0);
	expect(2, 16, "next[1]", "int *", "0x1000800");
	assert_int_equal(fields.at.at[2].target, 1);
}

/* Its reference is in the graph, so it is shown. */
static void what_a_variant_left_behind_is_shown_without_a_type(void **state)
{
	struct made_member m[] = { { "e", make_enum(), 0, 0 } };

	(void)state;
	made_word(&image, HEAP, 5);		/* Empty */
	made_word(&image, HEAP + 8, OTHER);	/* once Text's data */
	look(0, made_struct(&image, "Holder", 16, m, 1), 1, 100);
	assert_int_equal(fields.at.len, 2);
	expect(0, 0, "e", "long", "Empty");
	expect(1, 8, "e", "", "0x1000800");
	assert_int_equal(fields.at.at[1].target, 1);
}

static uint32_t make_union(const char *name, uint64_t size,
			   const struct made_member *m, uint32_t n)
{
	uint32_t id = made_struct(&image, name, size, m, n);

	image.types.types.at[id].kind = TYPE_UNION;
	return id;
}

/* { union { struct { int *data; } first; union { struct { long n; int *p; } }
 * rest; } u; unsigned char index; }, 24 bytes */
static uint32_t make_variant(void)
{
	struct made_member text = { "data", pointer, 0, 0 };
	struct made_member pair[] = { { "n", wide, 0, 0 },
				      { "p", pointer, 8, 0 } };
	struct made_member last = { "first", made_struct(&image, "Pair", 16,
							 pair, 2), 0, 0 };
	struct made_member u[] = {
		{ "first", made_struct(&image, "Text", 8, &text, 1), 0, 0 },
		{ "rest", make_union("U1", 16, &last, 1), 0, 0 } };
	struct made_member v[] = {
		{ "u", make_union("U0", 16, u, 2), 0, 0 },
		{ "index", made_scalar(&image, TYPE_INT, "unsigned char", 1),
		  16, 0 } };

	return made_struct(&image, "Variant", 24, v, 2);
}

static void only_the_alternative_of_a_variant_that_is_there_is_shown(
	void **state)
{
	uint32_t type = make_variant();
	char name[64];

	(void)state;
	made_word(&image, HEAP, OTHER);
	made_word(&image, HEAP + 24, 7);
	made_word(&image, HEAP + 32, OTHER);
	made_word(&image, HEAP + 40, 1);
	made_word(&image, HEAP + 48, OTHER);
	made_word(&image, HEAP + 64, 255);
	look(0, type, 3, 100);
	assert_int_equal(fields.at.len, 7);
	expect(0, 0, "[0].u.first.data", "int *", "0x1000800");
	expect(1, 16, "[0].index", "unsigned char", "0");
	expect(2, 24, "[1].u.rest.first.n", "long", "7");
	expect(3, 32, "[1].u.rest.first.p", "int *", "0x1000800");
	/* What none of them has is a word of the union. */
	expect(5, 48, "[2].u.rest", "", "0x1000800");
	assert_string_equal(live_field_at(&image, type, HEAP, 0, name,
					  sizeof(name)), "u.first.data");
	assert_string_equal(live_field_at(&image, type, HEAP + 24, 0, name,
					  sizeof(name)), "u.rest.first.n");
	assert_string_equal(live_field_at(&image, type, HEAP + 24, 8, name,
					  sizeof(name)), "u.rest.first.p");
	assert_string_equal(live_field_at(&image, type, HEAP + 48, 0, name,
					  sizeof(name)), "u.rest");
}

/* { union { char nothing; struct { int *data; } value; } u; bool engaged; } */
static void what_an_optional_has_not_is_not_shown(void **state)
{
	struct made_member text = { "data", pointer, 0, 0 };
	struct made_member u[] = {
		{ "nothing", character, 0, 0 },
		{ "value", made_struct(&image, "Text", 8, &text, 1), 0, 0 } };
	struct made_member o[] = {
		{ "u", make_union("U", 8, u, 2), 0, 0 },
		{ "engaged", made_scalar(&image, TYPE_BOOL, "bool", 1), 8, 0 } };
	uint32_t type = made_struct(&image, "Optional", 16, o, 2);
	char name[64];

	(void)state;
	made_word(&image, HEAP, OTHER);
	made_word(&image, HEAP + 8, 1);
	look(0, type, 2, 100);
	assert_int_equal(fields.at.len, 4);
	expect(0, 0, "[0].u.value.data", "int *", "0x1000800");
	expect(1, 8, "[0].engaged", "bool", "true");
	expect(3, 24, "[1].engaged", "bool", "false");
	assert_string_equal(live_field_at(&image, type, HEAP, 0, name,
					  sizeof(name)), "u.value.data");
}

/* A union of C: nobody knows, and each name is its own. */
static void all_members_of_a_union_without_a_number_are_shown(void **state)
{
	struct made_member text = { "data", pointer, 0, 0 };
	struct made_member u[] = {
		{ "n", wide, 0, 0 },
		{ "value", made_struct(&image, "Text", 8, &text, 1), 0, 0 } };
	struct made_member m[] = { { "u", make_union("U", 8, u, 2), 0, 0 },
				   { "kind", number, 8, 0 } };
	char name[64];

	(void)state;
	look(0, made_struct(&image, "Holder", 16, m, 2), 1, 100);
	assert_int_equal(fields.at.len, 3);
	expect(0, 0, "u.n", "long", "0");
	expect(1, 0, "u.value.data", "int *", "0x0");
	assert_string_equal(live_field_at(&image, heap.type[0], HEAP, 0, name,
					  sizeof(name)), "u.n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scalars_read_as_their_type_says),
		TEST(bits_read_alone),
		TEST(characters_in_a_row_are_one_text),
		TEST(a_block_of_text_is_one_field),
		TEST(long_texts_are_cut_where_they_say_so),
		TEST(elements_of_an_array_are_numbered),
		TEST(the_limit_is_kept_and_told),
		TEST(an_untyped_block_shows_its_words),
		TEST(what_was_not_captured_is_a_question_mark),
		TEST(a_number_without_size_is_nothing),
		TEST(only_the_variant_that_is_there_is_shown),
		TEST(only_the_alternative_of_a_variant_that_is_there_is_shown),
		TEST(what_an_optional_has_not_is_not_shown),
		TEST(all_members_of_a_union_without_a_number_are_shown),
		TEST(elements_behind_a_header_are_numbered),
		TEST(elements_of_an_array_of_any_length_are_shown),
		TEST(what_a_variant_left_behind_is_shown_without_a_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
