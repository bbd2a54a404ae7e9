/* SPDX-License-Identifier: MIT */
/* What fields were seen to hold: following flows, and the table of it. */
#include "tests/aid_cmocka.h"

#include "formats/slot_flows.h"
#include "formats/types_io.h"

enum { DICT = 7, LIST = 9, OBJECT = 3, FUNCTION = 0x1000, OTHER = 0x2000 };

static const struct flow_end dict = { FLOW_TYPE, DICT, 0 };
static const struct flow_end list = { FLOW_TYPE, LIST, 0 };
static const struct flow_end field = { FLOW_FIELD, OBJECT, 8 };
static const struct flow_end param = { FLOW_PARAM, 1, FUNCTION };
static const struct flow_end result = { FLOW_RESULT, 0, OTHER };

static void pointers_are_followed_through_functions_both_ways(void **state)
{
	struct slot_flows flows = {0};
	struct slots slots = {0};

	(void)state;
	/* f(x = dict) { object->field = x; }  g() { return object->field; } */
	slot_flows_add(&flows, &dict, &param, 2);
	slot_flows_add(&flows, &param, &field, 1);
	slot_flows_add(&flows, &field, &result, 1);
	slot_flows_add(&flows, &result, &list, 3);
	assert_true(slot_flows_resolve(&flows, &slots));
	assert_int_equal(slots.len, 2);
	assert_int_equal(slots.at[0].owner, OBJECT);
	assert_int_equal(slots.at[0].offset, 8);
	assert_int_equal(slots.at[0].target, DICT);
	assert_int_equal(slots.at[0].count, 2);
	assert_int_equal(slots.at[1].target, LIST);
	assert_int_equal(slots.at[1].count, 3);
	vec_free(&slots);
	slot_flows_free(&flows);
}

static void what_one_field_holds_another_need_not(void **state)
{
	const struct flow_end copy = { FLOW_FIELD, OBJECT, 16 };
	struct slot_flows flows = {0};
	struct slots slots = {0};
	size_t n;

	(void)state;
	slot_flows_add(&flows, &dict, &field, 1);
	slot_flows_add(&flows, &field, &copy, 1);
	assert_true(slot_flows_resolve(&flows, &slots));
	assert_non_null(slots_find(&slots, OBJECT, 8, &n));
	assert_int_equal(n, 1);
	assert_null(slots_find(&slots, OBJECT, 16, &n));
	vec_free(&slots);
	slot_flows_free(&flows);
}

static void functions_that_call_each_other_end(void **state)
{
	const struct flow_end a = { FLOW_PARAM, 0, FUNCTION };
	const struct flow_end b = { FLOW_PARAM, 0, OTHER };
	struct slot_flows flows = {0};
	struct slots slots = {0};

	(void)state;
	slot_flows_add(&flows, &a, &b, 1);
	slot_flows_add(&flows, &b, &a, 1);
	slot_flows_add(&flows, &field, &a, 1);
	slot_flows_add(&flows, &b, &dict, 1);
	assert_true(slot_flows_resolve(&flows, &slots));
	assert_int_equal(slots.len, 1);
	vec_free(&slots);
	slot_flows_free(&flows);
}

/* Each of many fields may hold each of many types: a product of two numbers
 * that a file can choose. */
static void a_table_grows_no_larger_than_it_may(void **state)
{
	enum { MANY = 3000 };
	struct slot_flows flows = {0};
	struct slots slots = {0};

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		const struct flow_end type = { FLOW_TYPE, i, 0 };
		const struct flow_end from = { FLOW_FIELD, OBJECT, i * 8 };

		slot_flows_add(&flows, &from, &param, 1);
		slot_flows_add(&flows, &param, &type, 1);
	}
	assert_true(slot_flows_resolve(&flows, &slots));
	assert_true(slots.len >= MANY);
	assert_true(slots.len <= SLOTS_MAX + MANY);
	vec_free(&slots);
	slot_flows_free(&flows);
}

/* Some of them would mislead: another type may be the only one that is told. */
static void without_memory_nothing_is_told(void **state)
{
	struct slot_flows flows = {0}, all = {0};
	struct slots slots = {0};

	(void)state;
	slot_flows_add(&all, &list, &field, 1);
	slot_flows_add(&flows, &dict, &field, 1);
	slot_flows_drop(&flows);
	slot_flows_add(&flows, &dict, &field, 1);
	assert_false(slot_flows_resolve(&flows, &slots));
	assert_int_equal(slots.len, 0);
	slot_flows_join(&all, &flows, NULL, 0);
	assert_false(slot_flows_resolve(&all, &slots));
	assert_int_equal(slots.len, 0);
	slot_flows_free(&flows);
	slot_flows_free(&all);
}

struct kept {
	uint8_t bytes[256];
	size_t n;
};

static bool keep(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct kept *k = ctx;

	(void)err;
	assert_true(n <= sizeof(k->bytes) - k->n);
	memcpy(k->bytes + k->n, bytes, n);
	k->n += n;
	return true;
}

static void a_table_comes_back_as_it_was_or_not_at_all(void **state)
{
	const struct mined_slot some[] = {
		{ 5, 8, 2, 1 }, { 3, 8, 4, 9 }, { 5, 8, 2, 6 }, { 3, 0, 1, 1 },
	};
	struct slots slots = {0}, back = {0};
	struct kept kept = { .n = 0 };
	struct types_sink sink = { keep, &kept };
	struct err err = {0};
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(vec_push(&slots, some[i]));
	slots_tidy(&slots);
	assert_int_equal(slots.len, 3);
	assert_int_equal(slots.at[2].count, 7);
	assert_true(slots_write(&slots, &sink, &err));
	b = bytes_of(kept.bytes, kept.n);
	assert_true(slots_read(&b, 6, &back, &err));
	assert_int_equal(back.len, slots.len);
	assert_memory_equal(back.at, slots.at, 3 * sizeof(*back.at));
	for (size_t cut = 0; cut < kept.n; cut++) {
		err_clear(&err);
		b = bytes_of(kept.bytes, cut);
		assert_false(slots_read(&b, 6, &back, &err));
	}
	err_clear(&err);
	b = bytes_of(kept.bytes, kept.n);
	assert_false(slots_read(&b, 5, &back, &err));
	vec_free(&slots);
	vec_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_are_followed_through_functions_both_ways),
		cmocka_unit_test(what_one_field_holds_another_need_not),
		cmocka_unit_test(functions_that_call_each_other_end),
		cmocka_unit_test(a_table_grows_no_larger_than_it_may),
		cmocka_unit_test(without_memory_nothing_is_told),
		cmocka_unit_test(a_table_comes_back_as_it_was_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
