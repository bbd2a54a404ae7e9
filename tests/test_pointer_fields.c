/* SPDX-License-Identifier: MIT */
/* The pointers inside a type, and what the classes around them are about. */
#include "tests/aid_types.h"

#include "analyze/pointer_fields.h"

static struct pointer_cache cache;

static const struct pointer_fields *fields_of(uint32_t type)
{
	const struct pointer_fields *f;

	cache.types = &types;
	f = pointer_fields_of(&cache, type);
	assert_non_null(f);
	return f;
}

static const struct pointer_kind *kind_of_field(const struct pointer_field *f)
{
	return pointer_kind_at(&cache, f->kind);
}

static void they_come_by_offset_with_their_pointees(void **state)
{
	uint32_t node = struct_of("node", 8, NULL, 0);
	const struct part m[] = { { "n", number, 0, 0, 0 },
				  { "next", pointer_to(node), 8, 0, 0 },
				  { "flag", byte, 16, 0, 0 },
				  { "text", pointer_to(byte), 24, 0, 0 } };
	const struct pointer_fields *f = fields_of(struct_of("s", 32, m, N(m)));

	(void)state;
	assert_int_equal(f->stride, 32);
	assert_int_equal(f->n, 2);
	assert_int_equal(f->at[0].offset, 8);
	assert_int_equal(f->at[0].target, node);
	assert_int_equal(f->at[1].offset, 24);
	assert_int_equal(f->at[1].target, byte);
	assert_null(f->at[0].when);
	assert_ptr_equal(pointer_field_at(f, 24), &f->at[1]);
	assert_null(pointer_field_at(f, 16));
	pointer_cache_free(&cache);
}

static void void_pointers_and_packed_ones_are_left_out(void **state)
{
	const struct part m[] = { { "any", pointer_to(TYPE_NONE), 0, 0, 0 },
				  { "packed", pointer_to(number), 9, 0, 0 } };

	(void)state;
	assert_int_equal(fields_of(struct_of("s", 24, m, N(m)))->n, 0);
	pointer_cache_free(&cache);
}

static void each_element_of_an_array_has_its_own(void **state)
{
	const struct part m = { "p", array_of(pointer_to(number), 3), 8, 0, 0 };
	const struct pointer_fields *f = fields_of(struct_of("s", 32, &m, 1));

	(void)state;
	assert_int_equal(f->n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->at[i].offset, 8 + 8 * i);
	assert_int_equal(f->at[0].kind, f->at[2].kind);
	pointer_cache_free(&cache);
}

/* Outer<A> { Inner<B> { pointer to base } } */
static void they_are_about_the_arguments_of_all_classes_around(void **state)
{
	uint32_t a = struct_of("A", 16, NULL, 0), b = struct_of("B", 24, NULL, 0);
	uint32_t c = struct_of("C", 32, NULL, 0), base = struct_of("base", 8, NULL, 0);
	const struct part arg_a = { "T", a, 0, 0, 0 };
	const struct part args_b[] = { { "T", b, 0, 0, 0 },
				       { "N", c, 7, 1, 0 } };
	const struct part m = { "p", pointer_to(base), 0, 0, 0 };
	uint32_t inner = add_record(TYPE_CLASS, "Inner", 8, TYPE_NONE, &m, 1,
				    args_b, N(args_b));
	const struct part n = { "inner", inner, 8, 0, 0 };
	uint32_t outer = add_record(TYPE_CLASS, "Outer", 16, TYPE_NONE, &n, 1,
				    &arg_a, 1);
	const struct pointer_kind *kind = kind_of_field(fields_of(outer)->at);
	uint8_t distance = 99;

	(void)state;
	assert_int_equal(kind->target, base);
	assert_int_equal(kind->n_context, 2);
	assert_true(pointer_kind_is_about(kind, a));
	assert_true(pointer_kind_is_about(kind, b));
	/* The type of a number is nothing that a class is about. */
	assert_false(pointer_kind_is_about(kind, c));
	assert_false(pointer_kind_is_about(kind, base));
	assert_true(pointer_kind_mentions(kind, b, &distance));
	assert_int_equal(distance, 0);
	assert_true(pointer_kind_mentions(kind, a, &distance));
	assert_int_equal(distance, 1);
	pointer_cache_free(&cache);
}

/* libc++: a base of nodes is told of its node by a pointer. */
static void a_node_behind_a_pointer_is_mentioned(void **state)
{
	const struct part value = { "V", number, 0, 0, 0 };
	uint32_t node = add_record(TYPE_STRUCT, "node<long>", 24, TYPE_NONE,
				   NULL, 0, &value, 1);
	uint32_t base = struct_of("base", 8, NULL, 0);
	const struct part arg = { "P", pointer_to(node), 0, 0, 0 };
	const struct part m = { "next", pointer_to(base), 0, 0, 0 };
	uint32_t id = add_record(TYPE_STRUCT, "node_base<node<long> *>", 8,
				 TYPE_NONE, &m, 1, &arg, 1);
	const struct pointer_kind *kind = kind_of_field(fields_of(id)->at);
	uint8_t distance;

	(void)state;
	assert_true(pointer_kind_mentions(kind, node, &distance));
	assert_false(pointer_kind_is_about(kind, node));
	pointer_cache_free(&cache);
}

static void equal_surroundings_make_one_kind(void **state)
{
	uint32_t base = struct_of("base", 8, NULL, 0);
	const struct part arg = { "T", number, 0, 0, 0 };
	const struct part m[] = { { "a", pointer_to(base), 0, 0, 0 },
				  { "b", pointer_to(base), 8, 0, 0 },
				  { "c", pointer_to(number), 16, 0, 0 } };
	uint32_t id = add_record(TYPE_CLASS, "list<long>", 24, TYPE_NONE, m,
				 N(m), &arg, 1);
	uint32_t plain = struct_of("plain", 24, m, N(m));
	const struct pointer_fields *f = fields_of(id), *g = fields_of(plain);

	(void)state;
	assert_int_equal(f->at[0].kind, f->at[1].kind);
	assert_int_not_equal(f->at[0].kind, f->at[2].kind);
	assert_int_not_equal(f->at[0].kind, g->at[0].kind);
	assert_ptr_equal(fields_of(id), f);
	pointer_cache_free(&cache);
}

static void an_element_keeps_what_its_array_is_about(void **state)
{
	uint32_t base = struct_of("base", 8, NULL, 0);
	const struct part arg = { "T", number, 0, 0, 0 };
	const struct part m = { "buckets", pointer_to(pointer_to(base)), 0, 0, 0 };
	uint32_t id = add_record(TYPE_CLASS, "table<long>", 8, TYPE_NONE, &m, 1,
				 &arg, 1);
	uint32_t kind = fields_of(id)->at[0].kind;
	uint32_t of_element = pointer_kind_of_element(&cache, kind, base);

	(void)state;
	assert_int_not_equal(of_element, UINT32_MAX);
	assert_int_equal(pointer_kind_at(&cache, of_element)->target, base);
	assert_true(pointer_kind_is_about(pointer_kind_at(&cache, of_element),
					  number));
	pointer_cache_free(&cache);
}

static void those_in_a_lone_union_stand_apart(void **state)
{
	const struct part u[] = { { "a", pointer_to(number), 0, 0, 0 },
				  { "b", pointer_to(byte), 0, 0, 0 } };
	const struct part m[] = {
		{ "p", pointer_to(number), 0, 0, 0 },
		{ "u", add_record(TYPE_UNION, "u", 8, TYPE_NONE, u, N(u), NULL,
				  0), 8, 0, 0 } };
	const struct pointer_fields *f = fields_of(struct_of("s", 16, m, N(m)));

	(void)state;
	assert_int_equal(f->n, 1);
	assert_int_equal(f->n_union, 2);
	assert_int_equal(f->in_union[0].offset, 8);
	assert_int_equal(f->in_union[1].offset, 8);
	assert_non_null(pointer_field_in(f->in_union, f->n_union, 8));
	pointer_cache_free(&cache);
}

static void alternatives_have_their_conditions(void **state)
{
	const struct part u[] = { { "value", pointer_to(number), 0, 0, 0 },
				  { "none", byte, 0, 0, 0 } };
	const struct part m[] = {
		{ "u", add_record(TYPE_UNION, "u", 8, TYPE_NONE, u, N(u), NULL,
				  0), 0, 0, 0 },
		{ "engaged", boolean, 8, 0, 0 } };
	const struct pointer_fields *f = fields_of(struct_of("s", 16, m, N(m)));

	(void)state;
	assert_int_equal(f->n, 1);
	assert_int_equal(f->n_union, 0);
	assert_non_null(f->at[0].when);
	assert_int_equal(f->at[0].when->n, 1);
	assert_int_equal(f->at[0].when->at[0].offset, 8);
	assert_int_equal(f->at[0].when->at[0].value, 1);
	pointer_cache_free(&cache);
}

/* std::function: { any bytes[16], manager, invoker } */
static void code_knows_the_record_around_it(void **state)
{
	uint32_t code = pointer_to(add(TYPE_FUNCTION, "", 0, TYPE_NONE, 0));
	const struct part inner[] = { { "stored", array_of(byte, 16), 0, 0, 0 },
				      { "manager", code, 16, 0, 0 } };
	const struct part m[] = {
		{ "n", number, 0, 0, 0 },
		{ "f", struct_of("function", 24, inner, N(inner)), 8, 0, 0 } };
	const struct pointer_fields *f = fields_of(struct_of("s", 32, m, N(m)));

	(void)state;
	assert_int_equal(f->n, 0);
	assert_int_equal(f->n_code, 1);
	assert_int_equal(f->code[0].offset, 24);
	assert_int_equal(f->code[0].start, 8);
	assert_int_equal(f->code[0].end, 32);
	pointer_cache_free(&cache);
}

/* An operations table is no handle of a value. */
static void code_in_a_large_record_is_left_out(void **state)
{
	uint32_t code = pointer_to(add(TYPE_FUNCTION, "", 0, TYPE_NONE, 0));
	const struct part m = { "calls", array_of(code, 20), 0, 0, 0 };

	(void)state;
	assert_int_equal(fields_of(struct_of("ops", 160, &m, 1))->n_code, 0);
	pointer_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_come_by_offset_with_their_pointees),
		TEST(void_pointers_and_packed_ones_are_left_out),
		TEST(each_element_of_an_array_has_its_own),
		TEST(they_are_about_the_arguments_of_all_classes_around),
		TEST(a_node_behind_a_pointer_is_mentioned),
		TEST(equal_surroundings_make_one_kind),
		TEST(an_element_keeps_what_its_array_is_about),
		TEST(those_in_a_lone_union_stand_apart),
		TEST(alternatives_have_their_conditions),
		TEST(code_knows_the_record_around_it),
		TEST(code_in_a_large_record_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
