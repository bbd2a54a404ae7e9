/* SPDX-License-Identifier: MIT */
/* When a disk has too little room for a snapshot. */
#include "tests/aid_cmocka.h"

#include <unistd.h>

#include "dump/free_space.h"

enum { GIB = 1 << 30 };

static struct diag diag;

static bool judge(uint64_t bytes, uint64_t left, struct err *err)
{
	diag_free(&diag);
	return free_space_judge("/x/y", bytes, left, &diag, err);
}

static void a_twentieth_of_the_memory_is_the_least(void **state)
{
	struct err err = {0};

	(void)state;
	assert_true(judge(GIB, GIB / 2, &err));
	assert_int_equal(diag.len, 0);
	assert_true(judge(GIB, GIB / 2 - 1, &err));
	assert_int_equal(diag.len, 1);
	assert_true(judge(GIB, GIB / 20, &err));
	assert_false(judge(GIB, GIB / 20 - 1, &err));
	assert_string_equal(err.message, "/x/y: only 51.2 MiB are free there, "
			    "and 1.0 GiB of memory are to be captured: give "
			    "-o with a folder on another disk, or -o - to "
			    "send the snapshot elsewhere");
	assert_true(judge(0, 0, &(struct err){0}));
	assert_false(judge(UINT64_MAX, GIB, &(struct err){0}));
	diag_free(&diag);
}

static void pipes_and_devices_always_have_room(void **state)
{
	struct err err = {0};

	(void)state;
	assert_true(free_space_suffices("-", UINT64_MAX, &diag, &err));
	assert_true(free_space_suffices("/dev/null", UINT64_MAX, &diag, &err));
	assert_true(free_space_suffices("/no/such/folder/x", UINT64_MAX, &diag,
					&err));
	assert_int_equal(diag.len, 0);
	assert_false(free_space_suffices("x", UINT64_MAX, &diag, &err));
	err_clear(&err);
	assert_false(free_space_suffices("/tmp/x", UINT64_MAX, &diag, &err));
	assert_int_equal(diag.len, 0);
}

/* We have some memory, and 64 MiB more when we wrote to them. */
static void what_a_process_has_is_counted(void **state)
{
	const size_t size = 64 << 20;
	uint64_t before = free_space_needed((uint32_t)getpid()), after;
	char *more = malloc(size);

	(void)state;
	assert_non_null(more);
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)more)[i] = 1;
	after = free_space_needed((uint32_t)getpid());
	free(more);
	assert_true(before > 0);
	assert_in_range(after - before, 60 << 20, 70 << 20);
	assert_int_equal(free_space_needed(UINT32_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_twentieth_of_the_memory_is_the_least),
		cmocka_unit_test(pipes_and_devices_always_have_room),
		cmocka_unit_test(what_a_process_has_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
