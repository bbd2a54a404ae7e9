/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <pthread.h>
#include <stdatomic.h>
#include <signal.h>
#include <stdbool.h>

#include "base/progress.h"

struct heard {
	unsigned calls;
	const char *phase;
	uint64_t done, total;
};

static void hear(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
	struct heard *heard = ctx;

	heard->calls++;
	heard->phase = phase;
	heard->done = done;
	heard->total = total;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nobody_needs_to_listen(void **state)
{
	(void)state;
	progress_listen(NULL, NULL);
	progress_begin("reading", 10);
	progress_add(10);
	progress_end();
}

static void the_beginning_and_the_end_are_always_told(void **state)
{
	struct heard heard = {0};

	(void)state;
	progress_listen(hear, &heard);
	progress_begin("reading", 10);
	assert_int_equal(heard.calls, 1);
	assert_string_equal(heard.phase, "reading");
	assert_int_equal(heard.done, 0);
	assert_int_equal(heard.total, 10);
	progress_add(4);
	progress_add(6);
	progress_end();
	assert_null(heard.phase);
	assert_int_equal(heard.done, 10);
	progress_begin("sorting", 0);
	assert_string_equal(heard.phase, "sorting");
	assert_int_equal(heard.done, 0);
	assert_int_equal(heard.total, 0);
	progress_end();
	progress_listen(NULL, NULL);
}

/* Without a tick of 100 ms passing, nothing more than the first is told. */
static void the_listener_is_called_ten_times_a_second_at_most(void **state)
{
	struct heard heard = {0};
	int64_t start, end;

	(void)state;
	progress_listen(hear, &heard);
	start = now_ms();
	progress_begin("reading", 0);
	while (heard.calls < 4)
		progress_add(1);
	end = now_ms();
	/* Three ticks; the coarse clock may be off by up to 10 ms. */
	assert_true(end - start >= 280);
	assert_true(heard.done > 0);
	progress_end();
	progress_listen(NULL, NULL);
}

static void *add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100000; i++)
		progress_add(3);
	return NULL;
}

static void nothing_that_threads_add_is_lost(void **state)
{
	struct heard heard = {0};
	pthread_t threads[4];

	(void)state;
	progress_listen(hear, &heard);
	progress_begin("reading", 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many,
						NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	progress_end();
	assert_int_equal(heard.done, 1200000);
	progress_listen(NULL, NULL);
}

static void on_signal(int sig)
{
	(void)sig;
	progress_cancel();
}

static void a_signal_handler_may_ask_to_stop(void **state)
{
	(void)state;
	assert_false(progress_cancelled());
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	assert_true(progress_cancelled());
	progress_begin("next", 0);
	assert_true(progress_cancelled());
	progress_end();
	progress_rearm();
	assert_false(progress_cancelled());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_needs_to_listen),
		cmocka_unit_test(the_beginning_and_the_end_are_always_told),
		cmocka_unit_test(
			the_listener_is_called_ten_times_a_second_at_most),
		cmocka_unit_test(nothing_that_threads_add_is_lost),
		cmocka_unit_test(a_signal_handler_may_ask_to_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
