/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include "base/bytes.h"

static const uint8_t data[] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
};

static void integers_are_little_endian(void **state)
{
	struct bytes b = bytes_of(data, sizeof(data));

	(void)state;
	assert_int_equal(bytes_u8(&b), 0x01);
	assert_int_equal(bytes_u16(&b), 0x4523);
	assert_int_equal(bytes_u32(&b), 0xcdab8967);
	assert_true(bytes_u64(&b) == UINT64_C(0x32547698badcfeef));
	assert_int_equal(bytes_left(&b), 1);
	assert_int_equal(bytes_u8(&b), 0x10);
	assert_int_equal(bytes_left(&b), 0);
}

static void a_read_past_the_end_breaks_the_cursor_where_it_is(void **state)
{
	struct bytes b = bytes_of(data, 6);
	struct err err = {0};

	(void)state;
	assert_int_equal(bytes_u32(&b), 0x67452301);
	assert_true(bytes_ok(&b, "thing", &err));
	assert_int_equal(bytes_u32(&b), 0);
	assert_int_equal(b.pos, 4);
	assert_int_equal(bytes_left(&b), 0);
	/* Two bytes are there, but a broken cursor yields nothing more. */
	assert_int_equal(bytes_u16(&b), 0);
	assert_null(bytes_take(&b, 0));
	assert_false(bytes_ok(&b, "thing", &err));
	assert_int_equal(err.code, ERR_FORMAT);
	assert_int_equal(err.offset, 4);
	assert_string_equal(err.message, "truncated thing");
}

static void huge_lengths_do_not_wrap_around(void **state)
{
	static const uint64_t lengths[] = {
		17, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX,
		UINT64_MAX - 3, UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct bytes b = bytes_of(data, sizeof(data)), sub;

		(void)bytes_u32(&b);
		sub = bytes_sub(&b, lengths[i]);
		assert_true(b.broken && sub.broken);
		assert_int_equal(sub.size, 0);
		assert_int_equal(b.pos, 4);
	}
}

static void an_empty_cursor_is_valid(void **state)
{
	struct bytes b = bytes_of(NULL, 0), sub;

	(void)state;
	(void)bytes_take(&b, 0);
	bytes_align(&b, 8);
	sub = bytes_sub(&b, 0);
	assert_false(b.broken || sub.broken);
	assert_int_equal(bytes_u8(&b), 0);
	assert_true(b.broken);
}

static void alignment_stops_at_the_end(void **state)
{
	struct bytes b = bytes_of(data, 7);

	(void)state;
	bytes_align(&b, 4);
	assert_int_equal(b.pos, 0);
	(void)bytes_u8(&b);
	bytes_align(&b, 4);
	assert_int_equal(b.pos, 4);
	(void)bytes_u8(&b);
	bytes_align(&b, 4);
	assert_int_equal(b.pos, 7);
	assert_false(b.broken);
}

static void a_part_cannot_read_beyond_itself(void **state)
{
	struct bytes b = bytes_of(data, sizeof(data));
	struct bytes sub = bytes_sub(&b, 3);

	(void)state;
	assert_int_equal(b.pos, 3);
	assert_int_equal(bytes_u16(&sub), 0x2301);
	assert_int_equal(bytes_u16(&sub), 0);
	assert_true(sub.broken);
	assert_false(b.broken);
	assert_int_equal(bytes_u8(&b), 0x67);
}

/* Beside a plain position that refuses what does not fit. */
static void random_reads_stay_inside(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t size = rng_below(&seed, sizeof(data) + 1), at = 0;
		struct bytes b = bytes_of(data, size);
		bool broken = false;

		for (int step = 0; step < 8; step++) {
			uint64_t n = rng_below(&seed, 7);
			const uint8_t *got = bytes_take(&b, n);

			broken |= at + n > size;
			if (broken) {
				assert_null(got);
			} else {
				assert_ptr_equal(got, data + at);
				at += n;
			}
			assert_int_equal(b.broken, broken);
			assert_int_equal(b.pos, at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_little_endian),
		cmocka_unit_test(
			a_read_past_the_end_breaks_the_cursor_where_it_is),
		cmocka_unit_test(huge_lengths_do_not_wrap_around),
		cmocka_unit_test(an_empty_cursor_is_valid),
		cmocka_unit_test(alignment_stops_at_the_end),
		cmocka_unit_test(a_part_cannot_read_beyond_itself),
		cmocka_unit_test(random_reads_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
