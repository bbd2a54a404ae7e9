/* SPDX-License-Identifier: MIT */
/* A child that hangs is ended; one that does not is waited for. */
#include "dump/crash_watch.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tests/aid_cmocka.h"

/* Nothing but SIGKILL ends it, as one that waits for a file system. */
static void hang(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}

static void the_status_of_the_child_is_told(void **state)
{
	int status;

	(void)state;
	if (crash_watch((uint32_t)getpid(), 60, 60, &status))
		_exit(7);
	assert_int_equal(status, 7);
}

static void a_child_that_died_has_no_status(void **state)
{
	int status;

	(void)state;
	if (crash_watch((uint32_t)getpid(), 60, 60, &status)) {
		raise(SIGKILL);
		_exit(0);
	}
	assert_int_equal(status, -1);
}

static void a_child_that_hangs_is_ended(void **state)
{
	time_t start = time(NULL);
	int status;

	(void)state;
	if (crash_watch((uint32_t)getpid(), 1, 1, &status))
		hang();
	assert_int_equal(status, -1);
	assert_true(time(NULL) - start >= 1);
	assert_true(time(NULL) - start < 30);
}

static void signals_are_as_they_were(void **state)
{
	sigset_t mask;
	int status;

	(void)state;
	if (crash_watch((uint32_t)getpid(), 60, 60, &status)) {
		sigprocmask(SIG_BLOCK, NULL, &mask);
		_exit(sigismember(&mask, SIGCHLD) ? 1 : 0);
	}
	assert_int_equal(status, 0);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGCHLD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_of_the_child_is_told),
		cmocka_unit_test(a_child_that_died_has_no_status),
		cmocka_unit_test(a_child_that_hangs_is_ended),
		cmocka_unit_test(signals_are_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
