/* SPDX-License-Identifier: MIT */
/* What libc says of itself, in an image made by hand. */
#include <unistd.h>

#include "tests/aid_cmocka.h"

#include "analyze/alloc_glibc_release.h"
#include "tests/aid_heap.h"

#define RODATA UINT64_C(0x7f0000000000)

enum { SIZE = 0x20000 };

/* Does an image whose @path says @text at @offset tell a release? */
static bool says(const char *path, uint32_t perms, uint64_t offset,
		 const char *text, struct glibc_release *ret)
{
	struct image image;
	bool found;

	made_image(&image);
	made_memory(&image, RODATA, RODATA + SIZE, perms, path);
	made_bytes(&image, RODATA + offset, text, strlen(text));
	found = glibc_release_of(&image, ret);
	image_close(&image);
	return found;
}

#define LIBC "/usr/lib/libc.so.6"
#define BANNER "GNU C Library (some maker 7.1-2) stable release version "

static void the_banner_is_found_at_any_place(void **state)
{
	struct glibc_release r;

	(void)state;
	/* Also across the pieces in which memory is read. */
	for (uint64_t at = 0x4000 - 80; at <= 0x4000 + 1; at++) {
		assert_true(says(LIBC, PERM_READ, at, BANNER "2.36.\n", &r));
		assert_int_equal(r.major, 2);
		assert_int_equal(r.minor, 36);
	}
	assert_true(says("/lib/libc-2.31.so", PERM_READ,
			 SIZE - sizeof(BANNER "2.31.") + 1, BANNER "2.31.",
			 &r));
	assert_int_equal(r.minor, 31);
}

static void other_texts_tell_nothing(void **state)
{
	struct glibc_release r;

	(void)state;
	assert_false(says("/usr/bin/app", PERM_READ, 64, BANNER "2.36.", &r));
	assert_false(says(LIBC, PERM_READ | PERM_WRITE, 64, BANNER "2.36.",
			  &r));
	assert_false(says(LIBC, PERM_READ, 64, "GNU C Library (", &r));
	assert_false(says(LIBC, PERM_READ, 64, BANNER "two", &r));
	assert_false(says(LIBC, PERM_READ, 64, "", &r));
}

static void a_broken_banner_hides_no_whole_one(void **state)
{
	struct glibc_release r;

	(void)state;
	assert_true(says(LIBC, PERM_READ, 64,
			 "GNU C Library (torn GNU C Library (x) stable"
			 " release version 2.40.", &r));
	assert_int_equal(r.minor, 40);
}

/* A core may claim a mapping of any size, with nothing in it. */
static void a_mapping_of_half_the_address_space_takes_no_time(void **state)
{
	struct mapping m = {
		.start = 1 << 20, .end = UINT64_C(1) << 46, .perms = PERM_READ,
		.path = LIBC, .vm_flags = "",
	};
	struct glibc_release r;
	struct image image;

	(void)state;
	made_image(&image);
	assert_true(vec_push(&image.mappings, m));
	alarm(600);
	assert_false(glibc_release_of(&image, &r));
	alarm(0);
	image_close(&image);
}

static void releases_are_compared_as_numbers(void **state)
{
	struct glibc_release a, b;

	(void)state;
	assert_true(glibc_release_parse("2.9", &a));
	assert_true(glibc_release_parse("2.36", &b));
	assert_true(glibc_release_compare(&a, &b) < 0);
	assert_true(glibc_release_compare(&b, &a) > 0);
	assert_int_equal(glibc_release_compare(&a, &a), 0);
	assert_false(glibc_release_parse("2-36", &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_banner_is_found_at_any_place),
		cmocka_unit_test(other_texts_tell_nothing),
		cmocka_unit_test(a_broken_banner_hides_no_whole_one),
		cmocka_unit_test(a_mapping_of_half_the_address_space_takes_no_time),
		cmocka_unit_test(releases_are_compared_as_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
