/* SPDX-License-Identifier: MIT */
/* What the classes of Rust's std tell about their pointers to bytes. */
#include "tests/aid_types.h"

#include "analyze/rust_pointers.h"

/* { pointer to bytes }, 8 bytes */
static uint32_t make_pointer(void)
{
	const struct part m = { "pointer", pointer_to(byte), 0, 0, 0 };

	return struct_of("core::ptr::non_null::NonNull<u8>", 8, &m, 1);
}

static uint32_t make_item(void)
{
	const struct part m[] = { { "a", number, 0, 0, 0 },
				  { "b", number, 8, 0, 0 },
				  { "c", number, 16, 0, 0 } };

	return struct_of("app::Item", 24, m, N(m));
}

/* RawVec<T, A> { inner: { cap, ptr } }, the pointer at 8 */
static uint32_t make_raw_vec(uint32_t item)
{
	uint32_t global = struct_of("alloc::alloc::Global", 0, NULL, 0);
	const struct part inner_members[] = { { "cap", number, 0, 0, 0 },
					      { "ptr", make_pointer(), 8, 0, 0 } };
	uint32_t inner = struct_of("alloc::raw_vec::RawVecInner<Global>", 16,
				   inner_members, N(inner_members));
	const struct part m = { "inner", inner, 0, 0, 0 };
	const struct part args[] = { { "A", global, 0, 0, 0 },
				     { "T", item, 0, 0, 0 } };

	return add_record(TYPE_STRUCT, "alloc::raw_vec::RawVec<app::Item>", 16,
			  TYPE_NONE, &m, 1, args, N(args));
}

static uint32_t make_vec(uint32_t item)
{
	const struct part m[] = { { "buf", make_raw_vec(item), 0, 0, 0 },
				  { "len", number, 16, 0, 0 } };

	return struct_of("alloc::vec::Vec<app::Item>", 24, m, N(m));
}

static void ask(uint32_t type, uint64_t offset, struct rust_pointer *ret)
{
	struct found_leaf f;

	leaf_at(type, offset, &f);
	rust_pointer_of(&types, &f.leaf, ret);
}

static void a_vec_knows_its_elements_and_its_length(void **state)
{
	uint32_t item = make_item();
	const struct part m[] = { { "id", number, 0, 0, 0 },
				  { "items", make_vec(item), 8, 0, 0 } };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("app::Holder", 32, m, N(m)), 16, &p);
	assert_int_equal(p.what, RUST_VEC);
	assert_int_equal(p.element, item);
	assert_int_equal(p.number_at, 24);
	assert_int_equal(p.capacity_at, 8);
}

static void a_deque_knows_where_it_begins(void **state)
{
	uint32_t item = make_item();
	const struct part m[] = { { "buf", make_raw_vec(item), 0, 0, 0 },
				  { "head", number, 16, 0, 0 },
				  { "len", number, 24, 0, 0 } };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("alloc::collections::vec_deque::VecDeque<app::Item>", 32,
		      m, N(m)), 8, &p);
	assert_int_equal(p.what, RUST_RING);
	assert_int_equal(p.element, item);
	assert_int_equal(p.number_at, 24);
	assert_int_equal(p.head_at, 16);
	assert_int_equal(p.capacity_at, 0);
}

static void a_raw_vec_of_others_is_room_alone(void **state)
{
	uint32_t item = make_item();
	const struct part m[] = { { "buf", make_raw_vec(item), 0, 0, 0 },
				  { "len", number, 16, 0, 0 } };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("app::Stack<app::Item>", 24, m, N(m)), 8, &p);
	assert_int_equal(p.what, RUST_ROOM);
	assert_int_equal(p.element, item);
}

static uint32_t make_table(uint32_t item, const char *mask)
{
	const struct part inner_members[] = { { mask, number, 0, 0, 0 },
					      { "ctrl", make_pointer(), 8, 0, 0 } };
	const struct part m = {
		"table", struct_of("hashbrown::raw::RawTableInner", 16,
				   inner_members, N(inner_members)), 0, 0, 0 };
	const struct part arg = { "T", item, 0, 0, 0 };

	return add_record(TYPE_STRUCT, "hashbrown::raw::RawTable<app::Item>",
			  16, TYPE_NONE, &m, 1, &arg, 1);
}

static void a_table_lies_before_its_control_bytes(void **state)
{
	uint32_t item = make_item();
	const struct part m[] = {
		{ "hasher", array_of(number, 2), 0, 0, 0 },
		{ "base", make_table(item, "bucket_mask"), 16, 0, 0 } };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("std::collections::hash::map::HashMap", 32, m, N(m)), 24,
	    &p);
	assert_int_equal(p.element, item);
	assert_int_equal(p.what, RUST_TABLE);
	assert_int_equal(p.number_at, 16);
}

static void a_table_of_unknown_size_is_none(void **state)
{
	struct rust_pointer p;

	(void)state;
	ask(make_table(make_item(), "renamed"), 8, &p);
	assert_int_equal(p.element, TYPE_NONE);
	assert_int_equal(p.what, RUST_DECLARED);
}

static void a_box_of_something_dynamic_has_a_vtable(void **state)
{
	uint32_t dynamic = struct_of("dyn app::Shape", 0, NULL, 0);
	const struct part m[] = {
		{ "pointer", pointer_to(dynamic), 0, 0, 0 },
		{ "vtable", pointer_to(array_of(number, 4)), 8, 0, 0 } };
	uint32_t box = struct_of("alloc::boxed::Box<dyn app::Shape>", 16, m,
				 N(m));
	const struct part n[] = { { "x", number, 0, 0, 0 },
				  { "shape", box, 8, 0, 0 } };
	uint32_t holder = struct_of("app::Holder", 24, n, N(n));
	struct rust_pointer p;

	(void)state;
	ask(holder, 8, &p);
	assert_int_equal(p.what, RUST_DYNAMIC);
	assert_int_equal(p.number_at, 16);
	assert_int_equal(p.element, TYPE_NONE);
	/* The vtable's own pointer is no such thing. */
	ask(holder, 16, &p);
	assert_int_equal(p.what, RUST_DECLARED);
}

static void a_slice_has_a_length_beside_it(void **state)
{
	const struct part m[] = {
		{ "data_ptr", pointer_to(make_item()), 0, 0, 0 },
		{ "length", number, 8, 0, 0 } };
	uint32_t slice = struct_of("&[app::Item]", 16, m, N(m));
	const struct part n[] = { { "x", number, 0, 0, 0 },
				  { "items", slice, 8, 0, 0 } };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("app::Holder", 24, n, N(n)), 8, &p);
	assert_int_equal(p.what, RUST_SLICE);
	assert_int_equal(p.number_at, 16);
	assert_int_equal(p.element, TYPE_NONE);
}

/* The low bits of an io::Error are a tag. */
static void an_io_error_is_one_byte_behind_what_it_owns(void **state)
{
	const struct part n[] = { { "kind", number, 0, 0, 0 },
				  { "error", number, 8, 0, 0 } };
	uint32_t custom = struct_of("std::io::error::Custom", 16, n, N(n));
	uint32_t unit = add(TYPE_INT, "()", 0, TYPE_NONE, 0);
	const struct part m = { "__0", pointer_to(unit), 0, 0, 0 };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("std::io::error::repr_bitpacked::Repr", 8, &m, 1), 0, &p);
	assert_int_equal(p.what, RUST_TAGGED);
	assert_int_equal(p.element, custom);
	ask(struct_of("app::Repr", 8, &m, 1), 0, &p);
	assert_int_equal(p.what, RUST_DECLARED);
}

static void pointers_to_bytes_of_others_are_as_declared(void **state)
{
	const struct part m[] = { { "pointer", pointer_to(byte), 0, 0, 0 },
				  { "len", number, 8, 0, 0 } };
	struct rust_pointer p;

	(void)state;
	ask(struct_of("app::Bytes", 16, m, N(m)), 0, &p);
	assert_int_equal(p.element, TYPE_NONE);
	assert_int_equal(p.what, RUST_DECLARED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vec_knows_its_elements_and_its_length),
		TEST(a_deque_knows_where_it_begins),
		TEST(a_raw_vec_of_others_is_room_alone),
		TEST(a_table_lies_before_its_control_bytes),
		TEST(a_table_of_unknown_size_is_none),
		TEST(a_box_of_something_dynamic_has_a_vtable),
		TEST(a_slice_has_a_length_beside_it),
		TEST(an_io_error_is_one_byte_behind_what_it_owns),
		TEST(pointers_to_bytes_of_others_are_as_declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
