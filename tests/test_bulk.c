/* SPDX-License-Identifier: MIT */
#include "base/bulk.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/aid_cmocka.h"

enum { MIB = 1 << 20 };

static uint64_t sixteen_mib(void)
{
	return 16 * MIB;
}

static uint64_t no_memory(void)
{
	return 1;
}

/* What /proc/self/maps says that @at is mapped from; "" when from nothing. */
static void mapped_from(const void *at, char ret[256])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	bool found = false;

	assert_non_null(maps);
	ret[0] = '\0';
	while (fgets(line, sizeof(line), maps)) {
		uintptr_t start, end;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) != 2 ||
		    (uintptr_t)at < start || (uintptr_t)at >= end)
			continue;
		found = true;
		sscanf(line, "%*s %*s %*s %*s %*s %255[^\n]", ret);
	}
	fclose(maps);
	assert_true(found);
}

static bool is_all(const uint8_t *at, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] != value)
			return false;
	}
	return true;
}

static void begins_with_zeros(void **state)
{
	static const size_t sizes[] = { 0, 1, 4096, 3 * MIB, 5 * MIB + 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *table = bulk_alloc(sizes[i], 1);

		assert_non_null(table);
		assert_true(is_all(table, sizes[i], 0));
		memset(table, 7, sizes[i]);
		bulk_free(table);
	}
	bulk_free(NULL);
}

/* From malloc() to a mapping, to a larger one, and back to a smaller. */
static void keeps_what_it_holds_when_it_is_resized(void **state)
{
	uint8_t *table = bulk_resize(NULL, 1000, 1);

	(void)state;
	assert_non_null(table);
	memset(table, 1, 1000);
	table = bulk_resize(table, 6 * MIB, 1);
	assert_non_null(table);
	assert_true(is_all(table, 1000, 1));
	memset(table, 2, 6 * MIB);
	table = bulk_resize(table, 40 * MIB, 1);
	assert_non_null(table);
	assert_true(is_all(table, 6 * MIB, 2));
	assert_true(is_all(table + 6 * MIB, 34 * MIB, 0));
	table = bulk_resize(table, 100, 1);
	assert_non_null(table);
	assert_true(is_all(table, 100, 2));
	table = bulk_resize(table, 0, 1);
	assert_non_null(table);
	bulk_free(table);
}

static void releases_what_malloc_gave(void **state)
{
	(void)state;
	bulk_free(malloc(10));
	bulk_free(malloc(10 * MIB));
}

static void refuses_sizes_that_wrap(void **state)
{
	(void)state;
	assert_null(bulk_alloc(SIZE_MAX, 2));
	assert_null(bulk_alloc(SIZE_MAX, 1));
	assert_null(bulk_resize(NULL, SIZE_MAX / 2, 4));
}

static void goes_to_a_file_when_half_the_memory_is_taken(void **state)
{
	char first[256], second[256], grown[256];
	uint8_t *a, *b;

	(void)state;
	setenv("TMPDIR", ".", 1);
	bulk_limit_by(sixteen_mib);
	a = bulk_alloc(5 * MIB, 1);
	b = bulk_alloc(5 * MIB, 1);
	assert_non_null(a);
	assert_non_null(b);
	mapped_from(a, first);
	mapped_from(b, second);
	memset(a, 1, 5 * MIB);
	memset(b, 2, 5 * MIB);
	a = bulk_resize(a, 7 * MIB, 1);
	b = bulk_resize(b, 9 * MIB, 1);
	assert_non_null(a);
	assert_non_null(b);
	mapped_from(a, grown);
	assert_true(is_all(a, 5 * MIB, 1));
	assert_true(is_all(b, 5 * MIB, 2));
	assert_true(is_all(b + 5 * MIB, 4 * MIB, 0));
	bulk_free(a);
	bulk_free(b);
	bulk_limit_by(NULL);
	assert_string_equal(first, "");
	assert_non_null(strstr(second, "(deleted)"));
	assert_non_null(strstr(grown, "(deleted)"));
}

/* A limit of the size of files stands in for a full disk. */
static void stays_in_memory_when_the_disk_has_no_room(void **state)
{
	struct rlimit old, limit;
	char from[256], grown[256];
	uint8_t *a, *b;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 6 * MIB;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	setenv("TMPDIR", ".", 1);
	bulk_limit_by(no_memory);
	a = bulk_alloc(7 * MIB, 1);
	b = bulk_alloc(5 * MIB, 1);
	assert_non_null(a);
	assert_non_null(b);
	mapped_from(a, grown);
	mapped_from(b, from);
	memset(b, 3, 5 * MIB);
	b = bulk_resize(b, 9 * MIB, 1);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	bulk_limit_by(NULL);
	assert_string_equal(grown, "");
	assert_non_null(strstr(from, "(deleted)"));
	assert_non_null(b);
	mapped_from(b, grown);
	assert_string_equal(grown, "");
	assert_true(is_all(b, 5 * MIB, 3));
	assert_true(is_all(b + 5 * MIB, 4 * MIB, 0));
	bulk_free(a);
	bulk_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_zeros),
		cmocka_unit_test(keeps_what_it_holds_when_it_is_resized),
		cmocka_unit_test(releases_what_malloc_gave),
		cmocka_unit_test(refuses_sizes_that_wrap),
		cmocka_unit_test(goes_to_a_file_when_half_the_memory_is_taken),
		cmocka_unit_test(stays_in_memory_when_the_disk_has_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
