/* SPDX-License-Identifier: MIT */
/* Asking the client of debuginfod: scripts play it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/debuginfod.h"
#include "tests/aid_cmocka.h"

static char folder[256];
static const struct module module = {
	.path = "/bin/made", .build_id = { 0x01, 0xab, 0xff },
	.build_id_size = 3, .hint = "", .debug_path = "",
};

/* What `debuginfod-find debuginfo 01abff` does; NULL: there is none. */
static void play(const char *script)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/debuginfod-find", folder);
	unlink(path);
	if (!script)
		return;
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
	const char *dir = getenv("TEST_DIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/debuginfod-%d",
		 dir ? dir : "/tmp", (int)getpid());
	return mkdir(folder, 0700) != 0 || setenv("PATH", folder, 1) != 0 ||
	       setenv("DEBUGINFOD_URLS", "http://localhost:1/", 1) != 0;
}

static int teardown(void **state)
{
	(void)state;
	play(NULL);
	return rmdir(folder);
}

static void gives_the_path_for_a_build_id(void **state)
{
	struct debuginfod d = {0};
	struct diag diag = {0};
	char path[64];

	(void)state;
	play("[ \"$1 $2 $#\" = 'debuginfo 01abff 2' ] && echo /cache/it");
	assert_true(debuginfod_find(&d, &module, &diag, path, sizeof(path)));
	assert_string_equal(path, "/cache/it");
	assert_int_equal(diag.len, 0);
}

static void takes_nothing_for_an_answer(void **state)
{
	static const char *const scripts[] = {
		"exit 1", "echo /cache/it; exit 1", "echo relative", "",
		"kill -9 $$", "echo",
	};
	struct debuginfod d = {0};
	struct diag diag = {0};
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		play(scripts[i]);
		if (debuginfod_find(&d, &module, &diag, path, sizeof(path)))
			fail_msg("%s: %s", scripts[i], path);
	}
	/* That a server has nothing is no reason to stop asking. */
	assert_null(d.given_up);
	assert_int_equal(diag.len, 0);
}

static void cuts_a_path_that_is_too_long(void **state)
{
	struct debuginfod d = {0};
	struct diag diag = {0};
	char path[8];

	(void)state;
	play("i=0; while [ $i -lt 20000 ]; do echo /0123456789; "
	     "i=$((i + 1)); done");
	assert_true(debuginfod_find(&d, &module, &diag, path, sizeof(path)));
	assert_string_equal(path, "/012345");
}

static void waits_for_no_server_twice(void **state)
{
	struct debuginfod d = { .ms = 50 };
	struct diag diag = {0};
	struct timespec start, end;
	char path[64];

	(void)state;
	play("exec /bin/sleep 1000");
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 100; i++)
		assert_false(debuginfod_find(&d, &module, &diag, path,
					     sizeof(path)));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 100);
	assert_int_equal(diag.len, 1);
	assert_int_equal(diag.at[0].count, 1);
	assert_non_null(strstr(diag.at[0].what, "did not answer in time"));
	diag_free(&diag);
}

static void says_once_what_is_missing(void **state)
{
	struct debuginfod d = {0};
	struct diag diag = {0};
	char path[64];

	(void)state;
	play(NULL);
	for (int i = 0; i < 3; i++)
		assert_false(debuginfod_find(&d, &module, &diag, path,
					     sizeof(path)));
	assert_int_equal(diag.len, 1);
	assert_int_equal(diag.at[0].count, 1);
	assert_non_null(strstr(diag.at[0].what, "package debuginfod"));
	diag_free(&diag);
}

static void asks_nobody_without_a_build_id(void **state)
{
	struct module nameless = { .path = "/bin/made" };
	struct debuginfod d = {0};
	struct diag diag = {0};
	char path[64];

	(void)state;
	play("echo /cache/it");
	assert_false(debuginfod_find(&d, &nameless, &diag, path,
				     sizeof(path)));
	assert_int_equal(diag.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_path_for_a_build_id),
		cmocka_unit_test(takes_nothing_for_an_answer),
		cmocka_unit_test(cuts_a_path_that_is_too_long),
		cmocka_unit_test(waits_for_no_server_twice),
		cmocka_unit_test(says_once_what_is_missing),
		cmocka_unit_test(asks_nobody_without_a_build_id),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
