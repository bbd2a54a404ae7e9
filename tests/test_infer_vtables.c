/* SPDX-License-Identifier: MIT */
/* Which types blocks get from their vtables and code, and which words are none. */
#include "tests/aid_infer.h"

/* The vtable of a class whose typeinfo has the name at @name; its point. */
static uint64_t make_vtable(uint64_t at, uint64_t name)
{
	made_word(&image, at, 0);
	made_word(&image, at + 8, at + 0x20);
	made_word(&image, at + 16, CODE + 0x100);
	made_word(&image, at + 0x20, RODATA + 0x18);
	made_word(&image, at + 0x28, name);
	return at + 16;
}

static uint64_t make_name(uint64_t at, const char *name)
{
	made_bytes(&image, at, name, strlen(name) + 1);
	return at;
}

static uint64_t object_of(uint64_t vtable, uint64_t size)
{
	uint64_t a = place(size);

	made_word(&image, a, vtable);
	return a;
}

static uint32_t make_shape(uint64_t size)
{
	const struct made_member m[2] = {
		{ "_vptr", number, 0, MEMBER_VPTR }, { "x", number, 8, 0 } };

	return record("ns::Shape", size, m, 2);
}

static void a_vtable_names_the_class(void **state)
{
	uint32_t shape = make_shape(24);
	uint64_t vtable = make_vtable(RODATA + 0x100,
				      make_name(RODATA + 0x400, "N2ns5ShapeE"));
	uint64_t hidden = make_vtable(RODATA + 0x200,
				      make_name(RODATA + 0x500, "6Hidden"));
	uint64_t a = object_of(vtable, 24);

	(void)state;
	object_of(hidden, 40);
	/* A variable that says something else is wrong. */
	pointer_var(node, a);
	infer();
	expect(0, shape, 1, EVIDENCE_VTABLE);
	assert_int_equal(heap.evidence[1], EVIDENCE_VTABLE);
	assert_string_equal(types_text(&image.types, image.types.types.at[
				       heap.type[1]].name), "Hidden");
	assert_int_equal(image.types.types.at[heap.type[1]].size, 0);
}

static void objects_in_a_row_are_counted(void **state)
{
	uint32_t shape = make_shape(24);
	uint64_t vtable = make_vtable(RODATA + 0x100,
				      make_name(RODATA + 0x400, "N2ns5ShapeE"));
	uint64_t a = object_of(vtable, 104);

	(void)state;
	for (uint64_t i = 1; i < 3; i++)
		made_word(&image, a + i * 24, vtable);
	infer();
	expect(0, shape, 3, EVIDENCE_VTABLE);
}

static void what_only_looks_like_a_vtable_names_nothing(void **state)
{
	uint64_t good = make_name(RODATA + 0x400, "N2ns5ShapeE"), at;
	const struct made_member x = { "x", number, 8, 0 };

	(void)state;
	make_shape(24);
	record("Large", 56, &x, 1);
	/* A typeinfo that is its own name. */
	at = RODATA + 0x100;
	object_of(make_vtable(at, at + 0x20), 24);
	/* A typeinfo that is the vtable itself. */
	at = RODATA + 0x180;
	object_of(make_vtable(at, good), 24);
	made_word(&image, at + 8, at);
	/* A name that runs out of memory, one that is not there, one of 0. */
	memset(&at, 'A', sizeof(at));
	made_word(&image, RODATA + 0x1ff8, at);
	object_of(make_vtable(RODATA + 0x200, RODATA + 0x1ff8), 24);
	object_of(make_vtable(RODATA + 0x280, 0x7777000), 24);
	object_of(make_vtable(RODATA + 0x300, 0), 24);
	/* A typeinfo that is not there. */
	object_of(make_vtable(RODATA + 0x380, good), 24);
	made_word(&image, RODATA + 0x388, 0x7777000);
	/* The table of a second base; functions that are data. */
	object_of(make_vtable(RODATA + 0x480, good), 24);
	made_word(&image, RODATA + 0x480, (uint64_t)-16);
	object_of(make_vtable(RODATA + 0x500, good), 24);
	made_word(&image, RODATA + 0x510, DATA);
	/* No header before it: the mapping begins here. */
	object_of(RODATA, 24);
	object_of(RODATA + 8, 24);
	/* Text that is no name; a class that does not fit into the block. */
	object_of(make_vtable(RODATA + 0x580, make_name(RODATA + 0x700,
							"hello")), 24);
	object_of(make_vtable(RODATA + 0x600, make_name(RODATA + 0x720,
							"9Sh")), 24);
	object_of(make_vtable(RODATA + 0x680, make_name(RODATA + 0x740,
							"5Large")), 24);
	/* Not aligned. */
	object_of(RODATA + 0x114, 24);
	infer();
	for (uint32_t i = 0; i < n_blocks; i++)
		expect_untyped(i);
}

static void a_name_of_many_pages_names_nothing(void **state)
{
	static char text[0x1900];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "6200", 4);
	text[sizeof(text) - 1] = '\0';
	object_of(make_vtable(RODATA + 0x100, make_name(RODATA + 0x600, text)),
		  24);
	infer();
	expect_untyped(0);
}

static void add_coroutine(uint64_t code, uint32_t frame)
{
	const struct variable v = {
		.name = "coroutine", .addr = code, .size = 1, .type = frame,
		.flags = VAR_CODE | VAR_COROUTINE,
	};

	assert_true(vec_push(&image.vars, v));
}

/* {resume, destroy, number}: at its end there is nothing to resume. */
static void a_coroutine_begins_with_what_resumes_or_destroys_it(void **state)
{
	const struct made_member m[3] = { { "resume", number, 0, 0 },
		{ "destroy", number, 8, 0 }, { "x", number, 16, 0 } };
	uint32_t frame = record("count::{coroutine#1}", 24, m, 3);
	uint64_t destroy = CODE + 0x80;
	uint64_t a;

	(void)state;
	add_coroutine(CODE + 0x40, frame);
	add_coroutine(destroy, frame);
	object_of(CODE + 0x40, 24);
	a = object_of(0, 24);
	made_word(&image, a + 8, destroy);
	/* Smaller than the frame; in the middle of the code; with other words
	 * first. */
	object_of(CODE + 0x40, 8);
	blocks[2].size = 16;
	object_of(CODE + 0x41, 24);
	a = object_of(7, 24);
	made_word(&image, a + 8, destroy);
	infer();
	expect(0, frame, 1, EVIDENCE_COROUTINE);
	expect(1, frame, 1, EVIDENCE_COROUTINE);
	for (uint32_t i = 2; i < n_blocks; i++)
		expect_untyped(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vtable_names_the_class),
		TEST(objects_in_a_row_are_counted),
		TEST(what_only_looks_like_a_vtable_names_nothing),
		TEST(a_name_of_many_pages_names_nothing),
		TEST(a_coroutine_begins_with_what_resumes_or_destroys_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
