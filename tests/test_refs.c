/* SPDX-License-Identifier: MIT */
/* What kind of reference a word makes, by what is known of its place. */
#include "tests/aid_cmocka.h"

#include "analyze/refs.h"
#include "tests/aid_heap.h"

enum { HEAP = 0x20000, OTHER = HEAP + 0x100, N_BLOCKS = 2 };

struct made {
	struct image image;
	struct heap heap;
};

static void make(struct made *m, uint64_t size)
{
	const struct chunk blocks[N_BLOCKS] = { { HEAP, size }, { OTHER, 24 } };

	made_image(&m->image);
	made_memory(&m->image, HEAP, HEAP + 0x1000, PERM_READ | PERM_WRITE, "");
	made_heap(&m->image, blocks, N_BLOCKS, &m->heap);
}

/* Block 0 is @count of a struct {double; void *}. */
static void set_type(struct made *m, uint32_t count, uint8_t evidence)
{
	uint32_t number = made_scalar(&m->image, TYPE_FLOAT, "double", 8);
	struct made_member members[] = {
		{ "x", number, 0, 0 },
		{ "to", made_pointer(&m->image, TYPE_NONE), 8, 0 },
	};

	m->heap.type[0] = made_struct(&m->image, "pair", 16, members, 2);
	heap_set_count(&m->heap, 0, count);
	m->heap.evidence[0] = evidence;
	m->heap.confidence[0] = 99;
}

static void build(struct made *m)
{
	struct raw_refs raw;
	struct err err = {0};

	assert_true(raw_refs_build(&m->heap, &raw, &err));
	assert_true(refs_build(&m->heap, &raw, &err));
}

/* The kind of the reference from block 0 to block @to; N_REF_KINDS: none. */
static unsigned kind_to(const struct made *m, uint32_t to)
{
	const struct graph *g = &m->heap.refs;

	for (uint64_t e = graph_row(g, 0); e < graph_row(g, 1); e++) {
		if (g->target[e] == to)
			return g->kind[e];
	}
	return N_REF_KINDS;
}

static void drop(struct made *m)
{
	heap_free(&m->heap);
	image_close(&m->image);
}

static void fields_say_what_their_words_are(void **state)
{
	static const struct { uint64_t at, to; unsigned kind; } cases[] = {
		{ 0, OTHER, REF_STALE }, { 8, OTHER, REF_STRONG },
		{ 8, OTHER + 8, REF_INTERIOR }, { 16, OTHER, REF_STALE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made m;

		make(&m, 24);
		set_type(&m, 1, EVIDENCE_FIELD);
		made_word(&m.image, HEAP + cases[i].at, cases[i].to);
		build(&m);
		assert_int_equal(kind_to(&m, 1), cases[i].kind);
		drop(&m);
	}
}

/* An object in a block for more, and a vector with room to grow. */
static void words_behind_an_object_are_dead_only_in_a_vector(void **state)
{
	static const struct { uint8_t evidence; unsigned kind; } cases[] = {
		{ EVIDENCE_VTABLE, REF_CONSERVATIVE },
		{ EVIDENCE_ELEMENT, REF_STALE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made m;

		make(&m, 88);
		set_type(&m, 1, cases[i].evidence);
		made_word(&m.image, HEAP + 64, OTHER);
		build(&m);
		assert_int_equal(kind_to(&m, 1), cases[i].kind);
		drop(&m);
	}
}

/* Behind the end of a string in a block with slack, say. */
static void text_of_a_container_refers_to_nothing(void **state)
{
	static const struct {
		const char *name;
		enum type_kind type;
		uint64_t size;
		uint8_t evidence;
		unsigned kind;
	} cases[] = {
		{ "char", TYPE_CHAR, 1, EVIDENCE_ELEMENT, REF_STALE },
		{ "wchar_t", TYPE_CHAR, 4, EVIDENCE_ELEMENT, REF_STALE },
		{ "long", TYPE_INT, 8, EVIDENCE_ELEMENT, REF_CONSERVATIVE },
		/* Room in which objects are made, maybe. */
		{ "unsigned char", TYPE_CHAR, 1, EVIDENCE_ELEMENT,
		  REF_CONSERVATIVE },
		{ "char", TYPE_CHAR, 1, EVIDENCE_FIELD, REF_CONSERVATIVE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made m;

		make(&m, 40);
		m.heap.type[0] = made_scalar(&m.image, cases[i].type,
					     cases[i].name, cases[i].size);
		heap_set_count(&m.heap, 0, (uint32_t)(40 / cases[i].size));
		m.heap.evidence[0] = cases[i].evidence;
		m.heap.confidence[0] = 95;
		made_word(&m.image, HEAP + 32, OTHER);
		build(&m);
		assert_int_equal(kind_to(&m, 1), cases[i].kind);
		drop(&m);
	}
}

static void words_behind_the_last_byte_of_a_container_are_dead(void **state)
{
	static const struct { uint32_t count; unsigned kind; } cases[] = {
		{ 32, REF_STALE }, { 33, REF_CONSERVATIVE },
		{ 40, REF_CONSERVATIVE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made m;

		make(&m, 40);
		m.heap.type[0] = made_scalar(&m.image, TYPE_CHAR,
					     "unsigned char", 1);
		heap_set_count(&m.heap, 0, cases[i].count);
		m.heap.evidence[0] = EVIDENCE_ELEMENT;
		m.heap.confidence[0] = 95;
		made_word(&m.image, HEAP + 32, OTHER);
		build(&m);
		assert_int_equal(kind_to(&m, 1), cases[i].kind);
		drop(&m);
	}
}

static void a_block_refers_to_itself_by_its_start_only(void **state)
{
	struct made m;

	(void)state;
	make(&m, 40);
	made_word(&m.image, HEAP, HEAP + 16);
	made_word(&m.image, HEAP + 8, OTHER + 16);
	build(&m);
	assert_int_equal(kind_to(&m, 0), N_REF_KINDS);
	assert_int_equal(kind_to(&m, 1), REF_CONSERVATIVE);
	drop(&m);
	make(&m, 40);
	made_word(&m.image, HEAP + 24, HEAP);
	build(&m);
	assert_int_equal(kind_to(&m, 0), REF_CONSERVATIVE);
	drop(&m);
}

/* struct part {...}; struct node : base { @self: a pointer to @type } */
static void check_self(const char *type, unsigned kind)
{
	struct made_member none = { "x", 0, 0, 0 };
	struct made m;
	uint32_t target = TYPE_NONE, id;

	make(&m, 40);
	none.type = made_scalar(&m.image, TYPE_INT, "long", 8);
	struct made_member members[] = {
		{ "", made_struct(&m.image, "base", 8, &none, 1), 0,
		  MEMBER_BASE },
		{ "part", made_struct(&m.image, "part", 8, &none, 1), 8, 0 },
		{ "self", TYPE_NONE, 16, 0 },
	};

	if (!strcmp(type, "base"))
		target = members[0].type;
	else if (!strcmp(type, "part"))
		target = members[1].type;
	else if (strcmp(type, "void"))
		target = made_struct(&m.image, type, 24, &none, 1);
	members[2].type = made_pointer(&m.image, target);
	id = made_struct(&m.image, "node", 24, members, 3);
	m.heap.type[0] = id;
	heap_set_count(&m.heap, 0, 1);
	m.heap.evidence[0] = EVIDENCE_FIELD;
	m.heap.confidence[0] = 99;
	made_word(&m.image, HEAP + 16, HEAP);
	build(&m);
	assert_int_equal(kind_to(&m, 0), kind);
	drop(&m);
}

static void a_block_of_a_type_refers_to_itself_as_one_of_its_kind(void **state)
{
	(void)state;
	check_self("node", REF_STRONG);
	check_self("base", REF_STRONG);
	check_self("part", N_REF_KINDS);
	check_self("other", N_REF_KINDS);
	check_self("void", N_REF_KINDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_say_what_their_words_are),
		cmocka_unit_test(words_behind_an_object_are_dead_only_in_a_vector),
		cmocka_unit_test(text_of_a_container_refers_to_nothing),
		cmocka_unit_test(words_behind_the_last_byte_of_a_container_are_dead),
		cmocka_unit_test(a_block_refers_to_itself_by_its_start_only),
		cmocka_unit_test(
			a_block_of_a_type_refers_to_itself_as_one_of_its_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
