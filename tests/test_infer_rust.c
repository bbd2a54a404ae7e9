/* SPDX-License-Identifier: MIT */
/* Which types blocks get from the owners of Rust's std, and what is dead. */
#include "tests/aid_infer.h"

static uint32_t byte;	/* u8 */

static uint32_t with_args(const char *name, uint64_t size,
			  const struct made_member *members, uint32_t n,
			  const struct template_arg *arg)
{
	uint32_t plain = record(name, size, members, n);
	struct type t = image.types.types.at[plain];
	struct member m[8];

	memcpy(m, image.types.members.at + t.first_member,
	       n * sizeof(*m));
	t.n_args = 1;
	return types_add(&image.types, &t, m, arg);
}

/* A type argument called @name. */
static struct template_arg arg_of(const char *name, uint32_t type)
{
	return (struct template_arg){
		.name = types_string(&image.types, name), .type = type };
}

static int set_up_rust(void **state)
{
	set_up(state);
	byte = made_scalar(&image, TYPE_INT, "u8", 1);
	return 0;
}

/* RawVec<@element> { cap, ptr } */
static uint32_t raw_vec(uint32_t element)
{
	const struct made_member m[] = {
		{ "cap", number, 0, 0 },
		{ "ptr", made_pointer(&image, byte), 8, 0 } };
	struct template_arg arg = arg_of("T", element);

	return with_args("alloc::raw_vec::RawVec<node>", 16, m, 2, &arg);
}

/* VecDeque { buf: { cap, ptr }, head, len } at a variable. */
static void deque(uint64_t block, uint64_t cap, uint64_t head, uint64_t len)
{
	const struct made_member m[] = { { "buf", raw_vec(node), 0, 0 },
					 { "head", number, 16, 0 },
					 { "len", number, 24, 0 } };
	uint64_t at = variable(record("alloc::collections::vec_deque::"
				      "VecDeque<node>", 32, m, 3), cap);

	made_word(&image, at + 8, block);
	made_word(&image, at + 16, head);
	made_word(&image, at + 24, len);
}

static void what_lies_outside_of_a_deque_is_dead(void **state)
{
	uint64_t ring = place(4 * 24), live = place(24), dead = place(24);

	(void)state;
	deque(ring, 4, 3, 2);		/* elements 3 and 0 */
	made_word(&image, ring, live);
	made_word(&image, ring + 24, dead);
	infer();
	expect(0, node, 4, EVIDENCE_ELEMENT);
	expect(1, node, 1, EVIDENCE_FIELD);
	expect_untyped(2);
}

static void a_capacity_that_the_block_has_no_room_for_is_none(void **state)
{
	uint64_t ring = place(4 * 24);

	(void)state;
	deque(ring, 6, 0, 2);
	infer();
	expect_untyped(0);
}

/* RawTable<node> { ctrl, bucket_mask } of 4 buckets, the second one full. */
static void empty_slots_of_a_table_are_dead(void **state)
{
	const struct made_member m[] = {
		{ "ctrl", made_pointer(&image, byte), 0, 0 },
		{ "bucket_mask", number, 8, 0 } };
	const struct made_member t = {
		"table", record("hashbrown::raw::RawTableInner", 16, m, 2), 0, 0 };
	struct template_arg arg = arg_of("T", node);
	uint32_t type = with_args("hashbrown::raw::RawTable<node>", 16, &t, 1,
				  &arg);
	uint64_t table = place(4 * 24 + 20), live = place(24), dead = place(24);
	uint64_t at = variable(type, table + 4 * 24);

	(void)state;
	made_word(&image, at + 8, 3);
	made_word(&image, table + 2 * 24, live);	/* bucket 1 */
	made_word(&image, table + 3 * 24, dead);	/* bucket 0 */
	made_word(&image, table + 4 * 24, 0xffffffffffff23ff);
	infer();
	expect(0, node, 4, EVIDENCE_ELEMENT);
	expect(1, node, 1, EVIDENCE_FIELD);
	expect_untyped(2);
}

/* A variable { data_ptr: @target *, length } */
static void slice(uint32_t target, uint64_t block, uint64_t length)
{
	const struct made_member m[] = {
		{ "data_ptr", made_pointer(&image, target), 0, 0 },
		{ "length", number, 8, 0 } };
	uint64_t at = variable(record("alloc::boxed::Box<[T]>", 16, m, 2),
			       block);

	made_word(&image, at + 8, length);
}

static void a_slice_has_as_many_elements_as_it_says(void **state)
{
	uint64_t a = place(3 * 24), b = place(3 * 24), text = place(70);

	(void)state;
	slice(node, a, 3);
	slice(node, b, 1);	/* of a vector, say */
	slice(byte, text, 70);
	infer();
	expect(0, node, 3, EVIDENCE_ELEMENT);
	expect_untyped(1);
	expect(2, byte, 70, EVIDENCE_ELEMENT);
}

static void elements_behind_a_count_are_followed(void **state)
{
	const struct made_member m[] = { { "strong", number, 0, 0 },
					 { "weak", number, 8, 0 },
					 { "value", node, 16, 0 } };
	uint32_t inner = record("alloc::rc::RcInner<[node]>", 16, m, 3);
	uint64_t a = place(16 + 2 * 24), b = place(24);

	(void)state;
	slice(inner, a, 2);
	made_word(&image, a, 1);
	made_word(&image, a + 16 + 24, b);
	infer();
	expect(0, inner, 1, EVIDENCE_ELEMENT);
	expect(1, node, 1, EVIDENCE_FIELD);
}

static void an_io_error_owns_what_lies_one_byte_before(void **state)
{
	const struct made_member n[] = { { "kind", number, 0, 0 },
					 { "error", number, 8, 0 } };
	uint32_t custom = record("std::io::error::Custom", 16, n, 2);
	uint32_t unit = made_scalar(&image, TYPE_INT, "()", 0);
	const struct made_member m = { "__0", made_pointer(&image, unit), 0, 0 };
	uint32_t repr = record("std::io::error::repr_bitpacked::Repr", 8, &m, 1);

	(void)state;
	variable(repr, place(16) + 1);
	variable(repr, place(16) + 2);
	infer();
	expect(0, custom, 1, EVIDENCE_ROOT);
	expect_untyped(1);
}

/* A vtable of type @of at @at, with two methods; unnamed without @of. */
static void vtable_at(uint64_t at, uint32_t of, uint64_t drop, uint64_t method)
{
	const struct made_member m[] = {
		{ "drop_in_place", number, 0, 0 }, { "size", number, 8, 0 },
		{ "align", number, 16, 0 }, { "__method3", number, 24, 0 },
		{ "__method4", number, 32, 0 } };
	struct template_arg arg = arg_of(ARG_SELF, of);
	const uint64_t words[] = { drop, 24, 8, method, method + 16 };

	for (size_t i = 0; i < 5; i++)
		made_word(&image, at + i * 8, words[i]);
	if (of != TYPE_NONE) {
		struct variable v = {
			.name = "<T as Trait>::{vtable}", .addr = at,
			.size = 40, .type = with_args("{vtable_type}", 40, m, 5,
						      &arg) };

		assert_true(vec_push(&image.vars, v));
	}
}

static void box_of_trait(uint64_t block, uint64_t vtable)
{
	uint32_t dynamic = record("(dyn Trait + core::marker::Send)", 0, NULL,
				  0);
	const struct made_member m[] = {
		{ "pointer", made_pointer(&image, dynamic), 0, 0 },
		{ "vtable", made_pointer(&image, number), 8, 0 } };
	uint64_t at = variable(record("Box<dyn Trait>", 16, m, 2), block);

	made_word(&image, at + 8, vtable);
}

static void a_vtable_knows_what_is_boxed(void **state)
{
	uint64_t named = RODATA + 0x100, twin = RODATA + 0x200;
	uint64_t other = RODATA + 0x300;

	(void)state;
	vtable_at(named, node, CODE + 0x10, CODE + 0x100);
	vtable_at(twin, TYPE_NONE, CODE + 0x20, CODE + 0x100);
	vtable_at(other, TYPE_NONE, CODE + 0x10, CODE + 0x200);
	box_of_trait(place(24), named);
	box_of_trait(place(24), twin);
	box_of_trait(place(24), other);
	box_of_trait(place(64), named);	/* of another size */
	infer();
	expect(0, node, 1, EVIDENCE_VTABLE);
	assert_in_range(heap.confidence[0], 95, 100);
	expect(1, node, 1, EVIDENCE_VTABLE);
	assert_in_range(heap.confidence[1], 50, 89);
	expect_untyped(2);
	expect_untyped(3);
}

/* In C a holder may be meant that begins with it. */
static void a_box_is_of_what_it_says(void **state)
{
	const struct made_member m[] = { { "value", node, 0, 0 },
					 { "extra", number, 24, 0 } };

	(void)state;
	record("Holder", 32, m, 2);
	image.types.types.at[node].language = 0x1c;
	pointer_var(node, place(40));
	infer();
	expect(0, node, 1, EVIDENCE_ROOT);
}

/* Lost { Vec<node>, long }: nothing else has a capacity that fits. */
static void a_lost_owner_is_known_by_what_it_owns(void **state)
{
	const struct made_member v[] = { { "buf", raw_vec(node), 0, 0 },
					 { "len", number, 16, 0 } };
	const struct made_member m[] = {
		{ "items", record("alloc::vec::Vec<node>", 24, v, 2), 0, 0 },
		{ "id", number, 24, 0 } };
	const struct made_member n[] = {
		{ "a", number, 0, 0 }, { "next", made_pointer(&image, node), 8, 0 },
		{ "b", number, 16, 0 }, { "c", number, 24, 0 } };
	uint32_t list = record("List", 32, m, 2);
	uint32_t other = record("Other", 32, n, 4);

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t a = place(32), items = place((i + 2) * 24);

		made_word(&image, a, i + 2);
		made_word(&image, a + 8, items);
		made_word(&image, a + 16, 1);
	}
	image.types.types.at[list].popularity = 1;
	image.types.types.at[list].module = 0;
	image.types.types.at[other].popularity = 1;
	image.types.types.at[other].module = 0;
	infer();
	for (uint32_t i = 0; i < 4; i++) {
		expect(i * 2, list, 1, EVIDENCE_SHAPE);
		expect(i * 2 + 1, node, 1, EVIDENCE_ELEMENT);
	}
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_rust, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lies_outside_of_a_deque_is_dead),
		TEST(a_capacity_that_the_block_has_no_room_for_is_none),
		TEST(empty_slots_of_a_table_are_dead),
		TEST(a_slice_has_as_many_elements_as_it_says),
		TEST(elements_behind_a_count_are_followed),
		TEST(an_io_error_owns_what_lies_one_byte_before),
		TEST(a_vtable_knows_what_is_boxed),
		TEST(a_box_is_of_what_it_says),
		TEST(a_lost_owner_is_known_by_what_it_owns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
