/* SPDX-License-Identifier: MIT */
/* The inside of a block against the C compiler's idea of the same bytes. */
#include "tests/aid_cmocka.h"

#include <stddef.h>

#include "analyze/block_fields.h"
#include "tests/aid_heap.h"

enum { HEAP = 0x20000 };

struct message {
	char text[3000];
	int after;
	unsigned kind : 3, color : 5;
	int delta : 4;
	unsigned long number : 20;
};

struct made {
	struct image image;
	struct heap heap;
	struct block_fields fields;
};

static uint32_t add_integer(struct image *image, const char *name,
			    uint64_t size, bool is_unsigned)
{
	uint32_t id = made_scalar(image, TYPE_INT, name, size);

	if (is_unsigned)
		image->types.types.at[id].flags |= TYPE_UNSIGNED;
	return id;
}

static void set_bits(struct image *image, uint32_t type, uint32_t i,
		     uint32_t at, uint16_t size)
{
	struct type_table *t = &image->types;
	struct member *m = &t->members.at[t->types.at[type].first_member + i];

	m->flags |= MEMBER_BITFIELD;
	m->bit_offset = at;
	m->bit_size = size;
}

/* System V ABI, AMD64, 3.1.2: bit fields are packed from the low bit up. */
static void make(struct made *m, const struct message *message, size_t limit)
{
	const struct chunk block = { HEAP, 3016 };
	uint64_t bits = offsetof(struct message, after) + 4;
	struct image *image = &m->image;
	struct err err = {0};
	uint32_t type;

	made_image(image);
	made_memory(image, HEAP, HEAP + 0x1000, PERM_READ | PERM_WRITE, "");
	made_bytes(image, HEAP, message, sizeof(*message));
	type = made_struct(image, "message", sizeof(*message),
		(struct made_member[]){
		{ "text", made_array(image, made_scalar(image, TYPE_CHAR,
			"char", 1), sizeof(message->text)), 0, 0 },
		{ "after", add_integer(image, "int", 4, false), bits - 4, 0 },
		{ "kind", add_integer(image, "unsigned int", 4, true), bits, 0 },
		{ "color", add_integer(image, "unsigned int", 4, true), bits, 0 },
		{ "delta", add_integer(image, "int", 4, false), bits + 1, 0 },
		{ "number", add_integer(image, "unsigned long", 8, true),
		  bits + 1, 0 } }, 6);
	set_bits(image, type, 2, 0, 3);
	set_bits(image, type, 3, 3, 5);
	set_bits(image, type, 4, 0, 4);
	set_bits(image, type, 5, 4, 20);
	made_heap(image, &block, 1, &m->heap);
	m->heap.type[0] = type;
	m->heap.count[0] = 1;
	assert_true(block_fields_build(&m->heap, 0, limit, &m->fields, &err));
}

static void drop(struct made *m)
{
	block_fields_free(&m->fields);
	heap_free(&m->heap);
	image_close(&m->image);
}

static void expect(const struct made *m, size_t i, const char *name,
		   const char *value)
{
	assert_string_equal(m->fields.at.at[i].name, name);
	assert_string_equal(m->fields.at.at[i].value, value);
}

static const struct message message = {
	.text = "short", .after = -42, .kind = 5, .color = 17, .delta = -3,
	.number = 0x98765,
};

static void fields_behind_a_long_text_are_shown(void **state)
{
	struct made m;

	(void)state;
	make(&m, &message, 100);
	assert_int_equal(m.fields.at.len, 6);
	assert_false(m.fields.cut);
	expect(&m, 0, "text", "\"short\"");
	assert_int_equal(m.fields.at.at[0].size, sizeof(message.text));
	expect(&m, 1, "after", "-42");
	drop(&m);
}

static void bit_fields_have_their_own_names_and_values(void **state)
{
	struct made m;

	(void)state;
	make(&m, &message, 100);
	expect(&m, 2, "kind", "5");
	expect(&m, 3, "color", "17");
	expect(&m, 4, "delta", "-3");
	expect(&m, 5, "number", "624485");
	drop(&m);
}

static void what_the_limit_leaves_out_is_told(void **state)
{
	struct made m;

	(void)state;
	make(&m, &message, 2);
	assert_int_equal(m.fields.at.len, 2);
	assert_true(m.fields.cut);
	drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_behind_a_long_text_are_shown),
		cmocka_unit_test(bit_fields_have_their_own_names_and_values),
		cmocka_unit_test(what_the_limit_leaves_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
