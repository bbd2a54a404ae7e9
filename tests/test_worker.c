/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"
#include "formats/worker.h"

static const struct worker_limits plenty = { .ms = 60000, .gib = 4 };
static const struct worker_limits hasty = { .ms = 30, .gib = 4 };

static bool say(void *ctx, struct worker *worker)
{
	const char *text = ctx;

	for (size_t i = 0; text[i]; i++) {
		if (!worker_answer(worker, text + i, 1))
			return false;
	}
	return true;
}

static bool crash(void *ctx, struct worker *worker)
{
	(void)ctx;
	(void)worker;
	return raise(SIGSEGV) == 0;
}

static bool give_up(void *ctx, struct worker *worker)
{
	(void)ctx;
	return worker_answer(worker, "half", 4) && false;
}

static bool hang(void *ctx, struct worker *worker)
{
	(void)ctx;
	(void)worker;
	for (;;)
		pause();
	return true;
}

/* Waits until somebody closes the other end of the pipe @ctx. */
static bool wait_for_pipe(void *ctx, struct worker *worker)
{
	const int *ends = ctx;
	char c;

	close(ends[1]);
	return read(ends[0], &c, 1) == 0 && worker_answer(worker, "late", 4);
}

static void assert_text(struct bytes answer, const char *text)
{
	assert_int_equal(answer.size, strlen(text));
	assert_memory_equal(answer.start, text, strlen(text));
}

static void assert_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void the_answer_is_what_the_worker_said(void **state)
{
	char text[] = "a few words";
	struct bytes answer;
	struct err err = {0};

	(void)state;
	assert_true(worker_run(say, text, &plenty, &answer, &err));
	assert_text(answer, text);
	worker_free(&answer);
	assert_no_children();
}

static void a_worker_that_dies_is_an_error_and_nothing_more(void **state)
{
	struct bytes answer;
	struct err err = {0};

	(void)state;
	assert_false(worker_run(crash, NULL, &plenty, &answer, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	assert_non_null(strstr(err.message, "crashed"));
	assert_null(answer.start);
	err_clear(&err);
	assert_false(worker_run(give_up, NULL, &plenty, &answer, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_null(answer.start);
	assert_no_children();
}

static void a_worker_that_hangs_is_killed_in_time(void **state)
{
	int64_t start = worker_now();
	struct bytes answer;
	struct err err = {0};

	(void)state;
	assert_false(worker_run(hang, NULL, &hasty, &answer, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.message, "took too long");
	assert_true(worker_now() - start >= hasty.ms);
	assert_no_children();
}

static void several_run_at_once_and_end_in_any_order(void **state)
{
	struct worker_process late, early;
	const struct worker_process *both[] = { &late, &early };
	struct bytes answer;
	struct err err = {0};
	char text[] = "early";
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(worker_start(wait_for_pipe, ends, &plenty, &late, &err));
	assert_true(worker_start(say, text, &plenty, &early, &err));
	while (!worker_is_over(&early))
		worker_wait(both, 2);
	assert_false(worker_is_over(&late));
	assert_true(worker_collect(&early, &answer, &err));
	assert_text(answer, "early");
	worker_free(&answer);
	close(ends[0]);
	close(ends[1]);
	assert_true(worker_collect(&late, &answer, &err));
	assert_text(answer, "late");
	worker_free(&answer);
	assert_no_children();
}

static void a_worker_that_is_not_wanted_any_more_ends(void **state)
{
	struct worker_process process;
	struct err err = {0};

	(void)state;
	assert_true(worker_start(hang, NULL, &plenty, &process, &err));
	assert_false(worker_is_over(&process));
	worker_kill(&process);
	assert_no_children();
	worker_kill(&process);
}

static void cancelling_ends_workers(void **state)
{
	struct worker_process process;
	struct bytes answer;
	struct err err = {0};

	(void)state;
	assert_true(worker_start(hang, NULL, &plenty, &process, &err));
	progress_cancel();
	assert_true(worker_is_over(&process));
	assert_false(worker_collect(&process, &answer, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	progress_rearm();
	assert_no_children();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_is_what_the_worker_said),
		cmocka_unit_test(a_worker_that_dies_is_an_error_and_nothing_more),
		cmocka_unit_test(a_worker_that_hangs_is_killed_in_time),
		cmocka_unit_test(several_run_at_once_and_end_in_any_order),
		cmocka_unit_test(a_worker_that_is_not_wanted_any_more_ends),
		cmocka_unit_test(cancelling_ends_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
