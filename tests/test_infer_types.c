/* SPDX-License-Identifier: MIT */
/* Which types blocks get from variables and fields, and which not. */
#include "tests/aid_infer.h"

/* head -> 0 -> 1 -> a block that no node fits in */
static void types_follow_fields_where_the_size_fits(void **state)
{
	uint64_t a = place(24), b = place(24), c = place(88);

	(void)state;
	pointer_var(node, a);
	made_word(&image, a, b);
	made_word(&image, b, c);
	infer();
	expect(0, node, 1, EVIDENCE_ROOT);
	expect(1, node, 1, EVIDENCE_FIELD);
	expect_untyped(2);
	assert_int_equal(heap.why_node[0], 3);
	assert_int_equal(heap.why_offset[0], 0);
	assert_int_equal(heap.why_node[1], 0);
	assert_true(heap.confidence[0] >= 90);
}

/* malloc gives a rest of 16 bytes away with the block. */
static void a_rest_too_small_to_split_is_no_objection(void **state)
{
	uint64_t a = place(40);

	(void)state;
	pointer_var(node, a);
	infer();
	expect(0, node, 1, EVIDENCE_ROOT);
}

static void only_pointers_to_the_start_count(void **state)
{
	uint64_t a = place(24);

	(void)state;
	pointer_var(node, a + 8);
	infer();
	expect_untyped(0);
}

static void a_pointer_to_numbers_says_numbers_and_void_nothing(void **state)
{
	uint64_t a = place(24), b = place(24);

	(void)state;
	pointer_var(number, a);
	pointer_var(TYPE_NONE, b);
	infer();
	expect(0, number, 3, EVIDENCE_ROOT);
	expect_untyped(1);
}

/* Base { Base *next; long }, and classes that begin with it. */
static uint32_t make_base(void)
{
	struct made_member m[2] = { { "next", number, 0, 0 },
				    { "id", number, 8, 0 } };
	uint32_t base = record("Base", 16, m, 2);

	made_retarget(&image, base, 0, made_pointer(&image, base));
	return base;
}

static uint32_t make_derived(const char *name, uint32_t base, uint64_t size)
{
	uint64_t inner = image.types.types.at[base].size;
	struct made_member m[2] = { { "", base, 0, MEMBER_BASE },
				    { "more", number, inner, 0 } };

	return record(name, size, m, 2);
}

/* 16 and 24 bytes both come as 24. */
static void base_and_derived_of_one_size_stay_untyped(void **state)
{
	uint32_t base = make_base();
	uint64_t a = place(24), b = place(48);

	(void)state;
	make_derived("Small", base, 24);
	make_derived("One", base, 48);
	make_derived("Other", base, 56);
	pointer_var(base, a);
	pointer_var(base, b);
	infer();
	expect_untyped(0);
	expect_untyped(1);
}

static void the_only_derived_class_that_fits_is_taken(void **state)
{
	uint32_t base = make_base(), middle = make_derived("Middle", base, 48);
	uint32_t deep = make_derived("Deep", middle, 80);
	uint64_t a = place(48), b = place(80), c = place(16), d = place(200);

	(void)state;
	pointer_var(base, a);
	pointer_var(base, b);
	pointer_var(base, c);
	pointer_var(base, d);
	infer();
	expect(0, middle, 1, EVIDENCE_DERIVED);
	expect(1, deep, 1, EVIDENCE_DERIVED);
	expect(2, base, 1, EVIDENCE_ROOT);
	expect_untyped(3);
}

/* Whichever comes first: a pointer to the base changes nothing. */
static void a_base_does_not_replace_its_derived_class(void **state)
{
	uint32_t base = make_base(), one = make_derived("One", base, 32);
	uint64_t a = place(32), b = place(32);

	(void)state;
	pointer_var(one, a);
	pointer_var(base, a);
	pointer_var(base, b);
	pointer_var(one, b);
	infer();
	expect(0, one, 1, EVIDENCE_ROOT);
	assert_true(heap.confidence[0] >= 90);
	assert_int_equal(heap.type[1], one);
}

static void arrays_have_plausible_elements(void **state)
{
	uint64_t a = place(240), b = place(240);

	(void)state;
	pointer_var(node, a);
	pointer_var(node, b);
	made_word(&image, a + 48, a);
	made_word(&image, b + 48, 0x123456789);
	infer();
	expect(0, node, 10, EVIDENCE_ROOT);
	expect_untyped(1);
	/* A guess: not for saying that a reference holds nothing. */
	assert_true(heap.confidence[0] < 90);
}

static uint32_t make_vector(void)
{
	uint32_t p = made_pointer(&image, node);
	struct made_member m[3] = { { "begin", p, 0, 0 }, { "end", p, 8, 0 },
				    { "limit", p, 16, 0 } };

	return record("vector", 24, m, 3);
}

static void fill_vector(uint64_t at, uint64_t begin, uint64_t n, uint64_t cap)
{
	made_word(&image, at, begin);
	made_word(&image, at + 8, begin + n * 24);
	made_word(&image, at + 16, begin + cap * 24);
}

/* Three of five elements live; the fourth still points at a block. */
static void a_vector_tells_how_many_elements_live(void **state)
{
	uint32_t vector = make_vector();
	uint64_t a = place(120), b = place(24), c = place(24);

	(void)state;
	fill_vector(variable(vector, 0), a, 3, 5);
	made_word(&image, a + 48, b);
	made_word(&image, a + 72, c);
	infer();
	expect(0, node, 3, EVIDENCE_ELEMENT);
	expect(1, node, 1, EVIDENCE_FIELD);
	expect_untyped(2);
	assert_int_equal(kind_of_ref(0, 1), REF_STRONG);
	assert_int_equal(kind_of_ref(0, 2), REF_STALE);
}

/* A plain pointer guessed five of them; the vector knows better. */
static void a_vector_corrects_an_earlier_guess(void **state)
{
	uint32_t vector = make_vector();
	uint64_t a = place(120);

	(void)state;
	pointer_var(node, a);
	fill_vector(variable(vector, 0), a, 3, 5);
	infer();
	expect(0, node, 3, EVIDENCE_ELEMENT);
	assert_true(heap.confidence[0] >= 90);
}

static void an_empty_vector_with_capacity_says_nothing(void **state)
{
	uint32_t vector = make_vector();
	uint64_t a = place(120);

	(void)state;
	fill_vector(variable(vector, 0), a, 0, 5);
	infer();
	assert_int_not_equal(heap.evidence[0], EVIDENCE_ELEMENT);
	assert_true(heap.confidence[0] < 90);
}

/* { begin, end, limit } that are no whole number of elements apart. */
static void a_range_holds_whole_elements(void **state)
{
	uint32_t vector = make_vector();
	uint64_t a = place(136), at = variable(vector, a);

	(void)state;
	made_word(&image, at + 8, a + 48);
	made_word(&image, at + 16, a + 136);
	infer();
	assert_int_not_equal(heap.evidence[0], EVIDENCE_ELEMENT);
	assert_true(heap.confidence[0] < 90);
}

/*
 * The iterator of a deque is {current, first, last, map}: at its beginning
 * current == first, and the live elements lie elsewhere.
 */
static void the_iterator_of_a_deque_is_no_vector(void **state)
{
	uint32_t p = made_pointer(&image, node);
	struct made_member m[4] = { { "cur", p, 0, 0 }, { "first", p, 8, 0 },
				    { "last", p, 16, 0 },
				    { "map", made_pointer(&image, p), 24, 0 } };
	uint32_t iterator = record("iterator", 32, m, 4);
	uint64_t a = place(504), b = place(504), c = place(24), at;

	(void)state;
	at = variable(iterator, a);
	made_word(&image, at + 8, a);
	made_word(&image, at + 16, a + 504);
	at = variable(iterator, b + 48);
	made_word(&image, at + 8, b);
	made_word(&image, at + 16, b + 504);
	made_word(&image, a + 480, c);
	infer();
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_not_equal(heap.evidence[i], EVIDENCE_ELEMENT);
		assert_true(heap.confidence[i] < 90);
		assert_true(heap.type[i] == TYPE_NONE ||
			    heap_count(&heap, i) == 21);
	}
	/* Whatever is thought of them, their words hold. */
	assert_true(ref_holds(kind_of_ref(0, 2)));
}

/* { a, b, c } by ascending address are not a range in one block. */
static void three_pointers_in_order_are_three_blocks(void **state)
{
	uint32_t vector = make_vector();
	uint64_t a = place(24), b = place(24), c = place(24), at;

	(void)state;
	at = variable(vector, a);
	made_word(&image, at + 8, b);
	made_word(&image, at + 16, c);
	infer();
	for (uint32_t i = 0; i < 3; i++)
		expect(i, node, 1, EVIDENCE_ROOT);
}

/* What says more of the bytes wins over char; pointers are no characters. */
static void characters_are_bytes_but_no_pointers(void **state)
{
	const struct made_member m[2] = { { "x", number, 0, 0 },
					  { "y", number, 32, 0 } };
	uint32_t character = made_scalar(&image, TYPE_CHAR, "char", 1);
	uint32_t item = record("item", 40, m, 2);
	uint64_t text = place(40), bytes = place(40), pointers = place(40);
	uint64_t numbers = place(40);

	(void)state;
	made_bytes(&image, text, "some text", 10);
	made_word(&image, bytes, 7);
	for (uint64_t i = 0; i < 5; i++)
		made_word(&image, pointers + i * 8, text);
	made_word(&image, numbers, 7);
	pointer_var(character, text);
	pointer_var(character, bytes);
	pointer_var(character, pointers);
	pointer_var(character, numbers);
	pointer_var(item, numbers);
	infer();
	expect(0, character, 40, EVIDENCE_ROOT);
	expect(1, character, 40, EVIDENCE_ROOT);
	assert_in_range(heap.confidence[1], 1, heap.confidence[0] - 1);
	expect_untyped(2);
	expect(3, item, 1, EVIDENCE_ROOT);
}

/* Two classes of one size, in any order of claims; a third does not decide. */
static void a_dispute_stays_a_dispute(void **state)
{
	const struct made_member m[3] = { { "x", number, 0, 0 },
					  { "y", number, 8, 0 },
					  { "z", number, 16, 0 } };
	uint32_t other = record("other", 24, m, 3);
	const uint32_t claims[4][3] = {
		{ node, other, other }, { other, node, other },
		{ other, other, node }, { node, other, node },
	};

	(void)state;
	for (int i = 0; i < 4; i++) {
		uint64_t a = place(24);

		for (int k = 0; k < 3; k++)
			pointer_var(claims[i][k], a);
		/* Nobody knows that this is a pointer to a node. */
		made_word(&image, a, place(24));
	}
	infer();
	for (uint32_t i = 0; i < 4; i++) {
		expect_untyped(i * 2);
		expect_untyped(i * 2 + 1);
		assert_int_equal(kind_of_ref(i * 2, i * 2 + 1),
				 REF_CONSERVATIVE);
	}
}

/* Types from a file may begin with each other. */
static void types_in_a_circle_come_to_an_end(void **state)
{
	const struct made_member first = { "first", number, 0, 0 };
	uint32_t a = record("ring_a", 32, &first, 1);
	uint32_t b = record("ring_b", 32, &first, 1);

	(void)state;
	made_retarget(&image, a, 0, b);
	made_retarget(&image, b, 0, a);
	pointer_var(a, place(216));
	infer();
	expect_untyped(0);
}

/*
 * A virtual base lies where the vtable says, so that words of the object
 * which no member explains may be its.
 */
static void words_of_a_virtual_base_hold(void **state)
{
	uint32_t base = make_base();
	const struct made_member m[2] = {
		{ "", base, 0, MEMBER_BASE | MEMBER_VIRTUAL },
		{ "x", number, 8, 0 } };
	uint32_t type = record("Diamond", 32, m, 2);
	uint64_t a = place(32), b = place(16);

	(void)state;
	pointer_var(type, a);
	made_word(&image, a + 16, b);
	infer();
	expect(0, type, 1, EVIDENCE_ROOT);
	assert_int_equal(kind_of_ref(0, 1), REF_CONSERVATIVE);
}

/* --- nothing gets a wrong type --- */

enum { N_CLASSES = 6, N_OBJECTS = 30 };

static bool is_a(const uint32_t *base, uint32_t class, uint32_t ancestor)
{
	for (; class != ancestor; class = base[class]) {
		if (base[class] == class)
			return false;
	}
	return true;
}

struct world {
	uint32_t base[N_CLASSES];	/* the class itself: it has none */
	uint32_t type[N_CLASSES];
	uint32_t pointee[N_CLASSES];	/* class of its first own member */
	uint64_t offset[N_CLASSES];	/* of that member */
	uint32_t truth[N_OBJECTS];	/* class */
	uint64_t at[N_OBJECTS];
};

static void make_classes(uint64_t *seed, struct world *w)
{
	static char names[N_CLASSES][8];
	uint64_t size[N_CLASSES];

	for (uint32_t c = 0; c < N_CLASSES; c++) {
		struct made_member m[2] = { { "", 0, 0, MEMBER_BASE },
					    { "to", number, 0, 0 } };
		bool derived = c > 0 && rng_below(seed, 3) > 0;

		w->base[c] = derived ? (uint32_t)rng_below(seed, c) : c;
		w->offset[c] = derived ? size[w->base[c]] : 0;
		m[0].type = derived ? w->type[w->base[c]] : number;
		m[1].offset = w->offset[c];
		size[c] = w->offset[c] + 8 + rng_below(seed, 3) * 8;
		snprintf(names[c], sizeof(names[c]), "C%u", c);
		w->type[c] = record(names[c], size[c], m + !derived,
				    1 + derived);
	}
	for (uint32_t c = 0; c < N_CLASSES; c++) {
		w->pointee[c] = (uint32_t)rng_below(seed, N_CLASSES);
		made_retarget(&image, w->type[c], w->base[c] != c,
			      made_pointer(&image, w->type[w->pointee[c]]));
	}
}

/* Let each pointer of object @i, its bases' too, refer to what it may. */
static void fill_object(uint64_t *seed, struct world *w, uint32_t i)
{
	uint32_t class = w->truth[i];

	for (;;) {
		uint32_t to = (uint32_t)rng_below(seed, N_OBJECTS);

		if (is_a(w->base, w->truth[to], w->pointee[class]))
			made_word(&image, w->at[i] + w->offset[class],
				  w->at[to]);
		if (w->base[class] == class)
			return;
		class = w->base[class];
	}
}

/*
 * Classes with random bases and sizes; every pointer is declared as one to
 * the object's class or a base of it. A type that is given is the true one.
 */
static uint32_t one_round(uint64_t *seed)
{
	struct world w;
	uint32_t typed = 0;

	make_classes(seed, &w);
	for (uint32_t i = 0; i < N_OBJECTS; i++) {
		w.truth[i] = (uint32_t)rng_below(seed, N_CLASSES);
		w.at[i] = place(image.types.types.at[w.type[w.truth[i]]].size);
	}
	for (uint32_t i = 0; i < N_OBJECTS; i++) {
		uint32_t class = (uint32_t)rng_below(seed, N_CLASSES);

		if (rng_below(seed, 4) == 0 && is_a(w.base, w.truth[i], class))
			pointer_var(w.type[class], w.at[i]);
		fill_object(seed, &w, i);
	}
	infer();
	for (uint32_t i = 0; i < N_OBJECTS; i++) {
		if (heap.type[i] == TYPE_NONE)
			continue;
		typed++;
		assert_int_equal(heap.type[i], w.type[w.truth[i]]);
		assert_int_equal(heap_count(&heap, i), 1);
	}
	return typed;
}

static void no_object_gets_a_class_that_it_is_not(void **state)
{
	uint64_t seed = rng_seed(), typed = 0;

	for (int round = 0; round < 1000; round++) {
		typed += one_round(&seed);
		tear_down(state);
		set_up(state);
	}
	assert_true(typed > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(types_follow_fields_where_the_size_fits),
		TEST(a_rest_too_small_to_split_is_no_objection),
		TEST(only_pointers_to_the_start_count),
		TEST(a_pointer_to_numbers_says_numbers_and_void_nothing),
		TEST(base_and_derived_of_one_size_stay_untyped),
		TEST(the_only_derived_class_that_fits_is_taken),
		TEST(a_base_does_not_replace_its_derived_class),
		TEST(arrays_have_plausible_elements),
		TEST(a_vector_tells_how_many_elements_live),
		TEST(a_vector_corrects_an_earlier_guess),
		TEST(an_empty_vector_with_capacity_says_nothing),
		TEST(a_range_holds_whole_elements),
		TEST(the_iterator_of_a_deque_is_no_vector),
		TEST(three_pointers_in_order_are_three_blocks),
		TEST(characters_are_bytes_but_no_pointers),
		TEST(a_dispute_stays_a_dispute),
		TEST(types_in_a_circle_come_to_an_end),
		TEST(words_of_a_virtual_base_hold),
		TEST(no_object_gets_a_class_that_it_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
