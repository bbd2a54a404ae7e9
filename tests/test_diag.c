/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"

static void equal_texts_are_counted_together(void **state)
{
	struct diag diag = {0};

	(void)state;
	diag_add(&diag, "segment missing");
	diag_add_at(&diag, 0x1000, 5, "chunk of size %d", 8);
	diag_add(&diag, "segment %s", "missing");
	diag_add_at(&diag, 0x2000, 2, "chunk of size 8");
	diag_add_at(&diag, 0x3000, 0, "not found at all");
	assert_int_equal(diag.len, 2);
	assert_string_equal(diag.at[0].what, "segment missing");
	assert_int_equal(diag.at[0].count, 2);
	assert_true(diag.at[0].first == DIAG_NO_PLACE);
	assert_string_equal(diag.at[1].what, "chunk of size 8");
	assert_int_equal(diag.at[1].count, 7);
	assert_int_equal(diag.at[1].first, 0x1000);
	diag_free(&diag);
	assert_int_equal(diag.len, 0);
}

static void merging_adds_counts_and_keeps_the_first_place(void **state)
{
	struct diag a = {0}, b = {0};

	(void)state;
	diag_add(&a, "x");
	diag_add_at(&a, 10, 1, "y");
	diag_add_at(&b, 20, 4, "y");
	diag_add_at(&b, 30, 2, "x");
	diag_add_at(&b, 40, 1, "z");
	diag_merge(&a, &b);
	assert_int_equal(a.len, 3);
	assert_int_equal(a.at[0].count, 3);
	assert_int_equal(a.at[0].first, 30);
	assert_int_equal(a.at[1].count, 5);
	assert_int_equal(a.at[1].first, 10);
	assert_string_equal(a.at[2].what, "z");
	diag_free(&a);
	diag_free(&b);
}

static void a_count_stops_at_its_largest_value(void **state)
{
	struct diag diag = {0};

	(void)state;
	diag_add_at(&diag, 1, UINT64_MAX - 1, "x");
	diag_add_at(&diag, 1, 7, "x");
	assert_true(diag.at[0].count == UINT64_MAX);
	diag_free(&diag);
}

static void kinds_are_bounded_and_no_finding_is_lost(void **state)
{
	struct diag diag = {0};
	uint64_t sum = 0;

	(void)state;
	for (int i = 0; i < 3000; i++)
		diag_add(&diag, "kind %d", i);
	for (int i = 0; i < 3000; i++)
		diag_add(&diag, "kind %d", i);
	assert_int_equal(diag.len, 1001);
	for (size_t i = 0; i < diag.len; i++)
		sum += diag.at[i].count;
	assert_int_equal(sum, 6000);
	assert_string_equal(diag.at[999].what, "kind 999");
	assert_int_equal(diag.at[999].count, 2);
	assert_int_equal(diag.at[1000].count, 4000);
	diag_free(&diag);
}

static void a_long_text_is_cut(void **state)
{
	struct diag diag = {0};

	(void)state;
	diag_add(&diag, "%100000d", 1);
	assert_true(strlen(diag.at[0].what) < 1000);
	diag_free(&diag);
}

static void *add_many(void *arg)
{
	for (int i = 0; i < 20000; i++)
		diag_add(arg, "kind %d", i % 7);
	return NULL;
}

static void threads_may_count_at_once(void **state)
{
	struct diag diag = {0};
	pthread_t threads[4];
	uint64_t sum = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many,
						&diag), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(diag.len, 7);
	for (size_t i = 0; i < diag.len; i++)
		sum += diag.at[i].count;
	assert_int_equal(sum, 80000);
	diag_free(&diag);
}

struct counting {
	struct diag diag;
	atomic_bool started, stop;
};

/* The last of many kinds is found last: the lock is held nearly always. */
static void *count_until_stopped(void *arg)
{
	struct counting *c = arg;

	for (int i = 0; i < 900; i++)
		diag_add(&c->diag, "kind %d", i);
	atomic_store(&c->started, true);
	while (!atomic_load(&c->stop))
		diag_add(&c->diag, "kind 899");
	return NULL;
}

/* A lock held by another thread at the fork would stay locked for good. */
static void a_child_forked_while_others_count_can_count(void **state)
{
	struct counting c = { .stop = false };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, count_until_stopped,
					&c), 0);
	while (!atomic_load(&c.started))
		sched_yield();
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			struct diag own = {0};

			alarm(300);
			diag_add(&own, "x");
			_exit(own.len != 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	diag_free(&c.diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_counted_together),
		cmocka_unit_test(merging_adds_counts_and_keeps_the_first_place),
		cmocka_unit_test(a_count_stops_at_its_largest_value),
		cmocka_unit_test(kinds_are_bounded_and_no_finding_is_lost),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(threads_may_count_at_once),
		cmocka_unit_test(a_child_forked_while_others_count_can_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
