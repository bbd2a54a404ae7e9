/* SPDX-License-Identifier: MIT */
/* What says which of several things that share their bytes is there. */
#include "tests/aid_types.h"

#include "analyze/variants.h"

static void expect_condition(const struct condition *c, uint64_t offset,
			     uint8_t size, uint64_t value)
{
	assert_int_equal(c->offset, offset);
	assert_int_equal(c->size, size);
	assert_int_equal(c->value, value);
	assert_int_equal(c->test, CONDITION_IS);
}

/* union { empty nothing; T value; } beside bool engaged, 8 bytes into it */
static uint32_t make_optional(uint32_t value, uint32_t flag)
{
	uint32_t empty = struct_of("empty", 1, NULL, 0);
	const struct part u[] = { { "nothing", empty, 0, 0, 0 },
				  { "value", value, 0, 0, 0 } };
	const struct part m[] = {
		{ "payload", add_record(TYPE_UNION, "u", 8, TYPE_NONE, u, N(u),
					NULL, 0), 0, 0, 0 },
		{ "engaged", flag, 8, 0, 0 },
	};

	return struct_of("optional", 16, m, N(m));
}

static void an_optional_is_there_when_its_flag_is_one(void **state)
{
	uint32_t inner = make_optional(pointer_to(number), boolean);
	const struct part m[] = { { "x", number, 0, 0, 0 },
				  { "o", inner, 8, 0, 0 } };
	struct found_leaf f;
	struct conditions c;

	(void)state;
	leaf_at(struct_of("outer", 24, m, N(m)), 8, &f);
	assert_int_equal(f.leaf.type, pointer_to(number));
	assert_true(conditions_of(&types, &f.leaf, &c));
	assert_int_equal(c.n, 1);
	expect_condition(&c.at[0], 16, 1, 1);
	assert_true(condition_holds(&types, &c.at[0], 1));
	assert_false(condition_holds(&types, &c.at[0], 0));
}

/* { union { T0; union { T1; union { T2; } } }, unsigned char @name } */
static uint32_t make_variant(const char *name)
{
	uint32_t rest = TYPE_NONE;

	for (int i = 2; i >= 0; i--) {
		const struct part u[] = {
			{ "first", pointer_to(number), 0, 0, 0 },
			{ "rest", rest, 0, 0, 0 },
		};
		char called[8] = { 'v', (char)('0' + i) };

		rest = add_record(TYPE_UNION, called, 8, TYPE_NONE, u,
				  rest == TYPE_NONE ? 1 : 2, NULL, 0);
	}
	const struct part m[] = { { "u", rest, 0, 0, 0 },
				  { name, byte, 8, 0, 0 } };

	return struct_of("variant", 16, m, N(m));
}

struct leaves {
	struct conditions at[8];
	bool known[8];
	int n;
};

static bool note_conditions(void *ctx, const struct leaf *leaf)
{
	struct leaves *l = ctx;

	if (leaf->offset == 0 && l->n < 8) {
		l->known[l->n] = conditions_of(&types, leaf, &l->at[l->n]);
		l->n++;
	}
	return true;
}

static void the_index_of_a_variant_counts_unions(void **state)
{
	struct leaves l = {0};

	(void)state;
	types_leaves(&types, make_variant("_M_index"), 100, note_conditions,
		     &l);
	assert_int_equal(l.n, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(l.known[i]);
		assert_int_equal(l.at[i].n, 1);
		expect_condition(&l.at[i].at[0], 8, 1, (uint64_t)i);
	}
}

static void a_number_that_is_no_index_says_nothing(void **state)
{
	struct leaves l = {0};

	(void)state;
	types_leaves(&types, make_variant("length"), 100, note_conditions, &l);
	assert_int_equal(l.n, 3);
	for (int i = 0; i < 3; i++)
		assert_false(l.known[i]);
}

static void a_lone_union_is_a_matter_of_opinion(void **state)
{
	const struct part u[] = { { "a", pointer_to(number), 0, 0, 0 },
				  { "b", number, 0, 0, 0 } };
	struct leaves l = {0};

	(void)state;
	types_leaves(&types, add_record(TYPE_UNION, "u", 8, TYPE_NONE, u, N(u),
					NULL, 0), 100, note_conditions, &l);
	assert_int_equal(l.n, 2);
	assert_false(l.known[0]);
	assert_false(l.known[1]);
}

/* union { struct {} nothing; T value; }: who has it knows. */
static void a_union_with_nothing_puts_its_value_off(void **state)
{
	uint32_t nothing = add_record(TYPE_STRUCT, "nothing", 1, TYPE_NONE,
				      NULL, 0, NULL, 0);
	const struct part u[] = { { "nothing", nothing, 0, 0, 0 },
				  { "value", pointer_to(number), 0, 0, 0 } };
	struct leaves l = {0};

	(void)state;
	types_leaves(&types, add_record(TYPE_UNION, "late", 8, TYPE_NONE, u,
					N(u), NULL, 0), 100, note_conditions,
		     &l);
	assert_int_equal(l.n, 2);
	assert_true(l.known[1]);
	assert_int_equal(l.at[1].n, 0);
}

static void what_is_in_no_union_is_always_there(void **state)
{
	const struct part m = { "p", pointer_to(number), 0, 0, 0 };
	struct leaves l = {0};

	(void)state;
	types_leaves(&types, struct_of("plain", 8, &m, 1), 100,
		     note_conditions, &l);
	assert_int_equal(l.n, 1);
	assert_true(l.known[0]);
	assert_int_equal(l.at[0].n, 0);
}

/* enum { A = 3 (pointer at 8), B = otherwise (pointer at 8) }, u64 at 0 */
static uint32_t make_enum(bool with_discriminant)
{
	const struct part payload = { "__0", pointer_to(number), 8, 0, 0 };
	uint32_t a = struct_of("A", 16, &payload, 1);
	uint32_t b = struct_of("B", 16, &payload, 1);
	const struct part m[] = {
		{ "A", a, 0, MEMBER_VARIANT, 0 },
		{ "B", b, 0, MEMBER_VARIANT, VARIANT_OTHERWISE },
		{ "", number, 0, MEMBER_DISCRIMINANT, 0 },
	};
	const struct part value = { "", number, 3, 1, 0 };

	return add_record(TYPE_STRUCT, "Enum", 16, TYPE_NONE,
			  with_discriminant ? m : m + 1,
			  with_discriminant ? 3 : 1, &value, 1);
}

static bool note_at_eight(void *ctx, const struct leaf *leaf)
{
	struct leaves *l = ctx;

	if (leaf->offset == 8 && l->n < 8) {
		l->known[l->n] = conditions_of(&types, leaf, &l->at[l->n]);
		l->n++;
	}
	return true;
}

static void a_rust_variant_has_its_discriminant(void **state)
{
	struct leaves l = {0};
	const struct condition *other;

	(void)state;
	types_leaves(&types, make_enum(true), 100, note_at_eight, &l);
	assert_int_equal(l.n, 2);
	assert_true(l.known[0] && l.known[1]);
	expect_condition(&l.at[0].at[0], 0, 8, 3);
	other = &l.at[1].at[0];
	assert_int_equal(other->test, CONDITION_OTHERWISE);
	assert_int_equal(other->offset, 0);
	assert_false(condition_holds(&types, other, 3));
	assert_true(condition_holds(&types, other, 4));
	assert_true(condition_holds(&types, other, 0));
}

static void the_only_variant_needs_no_discriminant(void **state)
{
	struct leaves l = {0};

	(void)state;
	types_leaves(&types, make_enum(false), 100, note_at_eight, &l);
	assert_int_equal(l.n, 1);
	assert_true(l.known[0]);
	assert_int_equal(l.at[0].n, 0);
}

static void too_many_conditions_are_not_known(void **state)
{
	uint32_t type = pointer_to(number);
	struct leaves l = {0};
	char name[] = "o0";

	(void)state;
	for (int i = 0; i <= MAX_CONDITIONS; i++, name[1]++) {
		const struct part u = { "value", type, 0, 0, 0 };
		const struct part m[] = {
			{ "u", add_record(TYPE_UNION, name, 8, TYPE_NONE, &u,
					  1, NULL, 0), 0, 0, 0 },
			{ "engaged", boolean, 8 + (uint64_t)i, 0, 0 },
		};

		type = struct_of(name, 32, m, N(m));
	}
	types_leaves(&types, type, 100, note_conditions, &l);
	assert_int_equal(l.n, 1);
	assert_false(l.known[0]);
}

/* An array of @n MaybeUninit<pointer>. */
static uint32_t make_room(uint64_t n)
{
	const struct part m = { "value", pointer_to(number), 0, 0, 0 };

	return array_of(struct_of("core::mem::maybe_uninit::MaybeUninit<&i64>",
				  8, &m, 1), n);
}

static void expect_above(uint32_t type, uint64_t leaf, uint64_t offset,
			 uint64_t value)
{
	struct found_leaf f;
	struct conditions c;

	leaf_at(type, leaf, &f);
	assert_true(conditions_of(&types, &f.leaf, &c));
	assert_int_equal(c.n, 1);
	assert_int_equal(c.at[0].test, CONDITION_ABOVE);
	assert_int_equal(c.at[0].offset, offset);
	assert_int_equal(c.at[0].value, value);
	assert_false(condition_holds(&types, &c.at[0], value));
	assert_true(condition_holds(&types, &c.at[0], value + 1));
}

static void elements_from_len_on_are_dead(void **state)
{
	const struct part m[] = { { "keys", make_room(3), 0, 0, 0 },
				  { "len", number, 24, 0, 0 } };
	const struct part n[] = { { "x", number, 0, 0, 0 },
				  { "v", struct_of("app::ArrayVec", 32, m, N(m)),
				    8, 0, 0 } };

	(void)state;
	expect_above(struct_of("app::Outer", 40, n, N(n)), 24, 32, 2);
}

static void an_inner_node_has_one_edge_more_than_keys(void **state)
{
	const struct part m[] = { { "keys", make_room(2), 0, 0, 0 },
				  { "len", number, 16, 0, 0 } };
	const struct part n[] = {
		{ "data", struct_of("alloc::collections::btree::node::LeafNode",
				    24, m, N(m)), 0, 0, 0 },
		{ "edges", make_room(3), 24, 0, 0 } };
	uint32_t node = struct_of("alloc::collections::btree::node::"
				  "InternalNode", 48, n, N(n));
	struct found_leaf f;
	struct conditions c;

	(void)state;
	expect_above(node, 40, 16, 1);
	leaf_at(node, 24, &f);
	assert_true(conditions_of(&types, &f.leaf, &c));
	assert_int_equal(c.n, 0);
}

static void what_nobody_owns_is_dropped(void **state)
{
	const struct part m[] = { { "strong", number, 0, 0, 0 },
				  { "weak", number, 8, 0, 0 },
				  { "data", pointer_to(number), 16, 0, 0 } };

	(void)state;
	expect_above(struct_of("alloc::sync::ArcInner<&i64>", 24, m, N(m)), 16,
		     0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_optional_is_there_when_its_flag_is_one),
		TEST(the_index_of_a_variant_counts_unions),
		TEST(a_number_that_is_no_index_says_nothing),
		TEST(a_lone_union_is_a_matter_of_opinion),
		TEST(a_union_with_nothing_puts_its_value_off),
		TEST(what_is_in_no_union_is_always_there),
		TEST(a_rust_variant_has_its_discriminant),
		TEST(the_only_variant_needs_no_discriminant),
		TEST(too_many_conditions_are_not_known),
		TEST(elements_from_len_on_are_dead),
		TEST(an_inner_node_has_one_edge_more_than_keys),
		TEST(what_nobody_owns_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
