/* SPDX-License-Identifier: MIT */
/* Which records repeat the members of another one at their beginning. */
#include "tests/aid_types.h"

#include <stdlib.h>

#include "analyze/type_prefix.h"

static uint32_t *prefix;

static void build(void)
{
	struct err err = {0};

	assert_true(type_prefixes(&types, &prefix, &err));
}

/* header { header *next; unsigned char tag; }, to which something points */
static uint32_t make_header(uint32_t next)
{
	const struct part m[] = { { "next", next, 0, 0, 0 },
				  { "tag", byte, 8, 0, 0 } };
	uint32_t header = struct_of("header", 16, m, N(m));

	types.types.at[header].popularity = 1;
	return header;
}

static uint32_t make_text(const char *name, uint32_t next, const char *tag,
			  uint64_t tag_at)
{
	const struct part m[] = { { "next", next, 0, 0, 0 },
				  { tag, byte, tag_at, 0, 0 },
				  { "length", number, 16, 0, 0 } };

	return struct_of(name, 24, m, N(m));
}

static void who_repeats_all_members_begins_with_the_header(void **state)
{
	uint32_t next = pointer_to(number), header = make_header(next);
	uint32_t text = make_text("text", next, "tag", 8);
	uint32_t named = make_text("named", next, "kind", 8);
	uint32_t moved = make_text("moved", next, "tag", 9);
	uint32_t other = make_text("other", pointer_to(byte), "tag", 8);

	(void)state;
	build();
	assert_int_equal(prefix[text], header);
	assert_int_equal(prefix[header], TYPE_NONE);
	assert_int_equal(prefix[named], TYPE_NONE);
	assert_int_equal(prefix[moved], TYPE_NONE);
	assert_int_equal(prefix[other], TYPE_NONE);
	free(prefix);
}

static void the_longest_header_counts(void **state)
{
	uint32_t next = pointer_to(number), header = make_header(next);
	uint32_t text = make_text("text", next, "tag", 8);
	const struct part m[] = { { "next", next, 0, 0, 0 },
				  { "tag", byte, 8, 0, 0 },
				  { "length", number, 16, 0, 0 },
				  { "more", number, 24, 0, 0 } };
	uint32_t longer = struct_of("longer", 32, m, N(m));

	(void)state;
	types.types.at[text].popularity = 1;
	build();
	assert_int_equal(prefix[longer], text);
	assert_int_equal(prefix[text], header);
	free(prefix);
}

static void points_of_two_and_three_coordinates_are_no_relatives(void **state)
{
	const struct part m[] = { { "x", number, 0, 0, 0 },
				  { "y", number, 8, 0, 0 },
				  { "z", number, 16, 0, 0 } };
	uint32_t flat = struct_of("flat", 16, m, 2);
	uint32_t solid = struct_of("solid", 24, m, 3);

	(void)state;
	types.types.at[flat].popularity = 1;
	build();
	assert_int_equal(prefix[solid], TYPE_NONE);
	free(prefix);
}

static void what_nothing_points_at_is_no_header(void **state)
{
	uint32_t next = pointer_to(number), header = make_header(next);
	uint32_t text = make_text("text", next, "tag", 8);

	(void)state;
	types.types.at[header].popularity = 0;
	build();
	assert_int_equal(prefix[text], TYPE_NONE);
	free(prefix);
}

static void a_derived_class_repeats_nothing(void **state)
{
	uint32_t next = pointer_to(number);
	uint32_t base = make_header(next);
	const struct part m[] = { { "", base, 0, MEMBER_BASE, 0 },
				  { "p", next, 16, 0, 0 },
				  { "q", next, 24, 0, 0 } };
	uint32_t middle = struct_of("middle", 24, m, 2);
	uint32_t derived = struct_of("derived", 32, m, 3);

	(void)state;
	types.types.at[middle].popularity = 1;
	build();
	assert_int_equal(prefix[derived], TYPE_NONE);
	free(prefix);
}

/* named { key name; } is what a hash table in C knows of its entries, where
 * key is another name of char *. Elsewhere a struct of one pointer is a handle. */
static void one_member_is_a_header_in_c(void **state)
{
	uint32_t text = pointer_to(byte);
	uint32_t key = add(TYPE_TYPEDEF, "key", 8, text, 0);
	const struct part m[] = { { "name", key, 0, 0, 0 } };
	const struct part n[] = { { "name", text, 0, 0, 0 },
				  { "length", number, 8, 0, 0 } };
	uint32_t named = struct_of("named", 8, m, N(m));
	uint32_t element = struct_of("element", 16, n, N(n));

	(void)state;
	types.types.at[named].popularity = 1;
	build();
	assert_int_equal(prefix[element], TYPE_NONE);
	free(prefix);
	types.types.at[named].language = 0x0c;
	types.types.at[element].language = 0x0c;
	build();
	assert_int_equal(prefix[element], named);
	free(prefix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_repeats_all_members_begins_with_the_header),
		TEST(the_longest_header_counts),
		TEST(points_of_two_and_three_coordinates_are_no_relatives),
		TEST(what_nothing_points_at_is_no_header),
		TEST(a_derived_class_repeats_nothing),
		TEST(one_member_is_a_header_in_c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
