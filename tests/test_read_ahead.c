/* SPDX-License-Identifier: MIT */
#include "formats/read_ahead.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"
#include "tests/aid_cmocka.h"

enum { BLOCKS = 100 };

/* What was loaded ahead. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	unsigned times[BLOCKS];
} seen = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER,
};

static void load(void *ctx, uint64_t block)
{
	(void)ctx;
	pthread_mutex_lock(&seen.lock);
	seen.times[block]++;
	pthread_cond_broadcast(&seen.more);
	pthread_mutex_unlock(&seen.lock);
}

static void wait_for(uint64_t block)
{
	pthread_mutex_lock(&seen.lock);
	while (seen.times[block] == 0)
		pthread_cond_wait(&seen.more, &seen.lock);
	pthread_mutex_unlock(&seen.lock);
}

static int set_up(void **state)
{
	(void)state;
	pool_set_threads(2);
	for (int i = 0; i < BLOCKS; i++)
		seen.times[i] = 0;
	return 0;
}

static void loads_the_next_few_behind_a_run(void **state)
{
	struct read_ahead ahead;

	(void)state;
	read_ahead_init(&ahead, BLOCKS, load, NULL);
	assert_false(read_ahead_note(&ahead, 10));
	assert_true(read_ahead_note(&ahead, 11));
	wait_for(15);
	read_ahead_stop(&ahead);
	for (int i = 0; i < BLOCKS; i++)
		assert_int_equal(seen.times[i], i >= 12 && i <= 15);
}

/* Two readers in turn, each in order, and one here and there. */
static void follows_runs_that_take_turns(void **state)
{
	struct read_ahead ahead;

	(void)state;
	read_ahead_init(&ahead, BLOCKS, load, NULL);
	assert_false(read_ahead_note(&ahead, 20));
	assert_false(read_ahead_note(&ahead, 60));
	assert_true(read_ahead_note(&ahead, 21));
	assert_false(read_ahead_note(&ahead, 90));
	assert_true(read_ahead_note(&ahead, 61));
	assert_true(read_ahead_note(&ahead, 22));
	wait_for(26);
	assert_true(read_ahead_note(&ahead, 62));
	wait_for(66);
	read_ahead_stop(&ahead);
}

static void leaves_alone_what_is_out_of_order(void **state)
{
	struct read_ahead ahead;

	(void)state;
	read_ahead_init(&ahead, BLOCKS, load, NULL);
	for (uint64_t i = 0; i < BLOCKS; i++)
		assert_false(read_ahead_note(&ahead, i * 37 % BLOCKS));
	for (int i = 0; i < 10; i++)
		assert_false(read_ahead_note(&ahead, 50));
	read_ahead_stop(&ahead);
	for (int i = 0; i < BLOCKS; i++)
		assert_int_equal(seen.times[i], 0);
}

static void ends_with_the_file(void **state)
{
	struct read_ahead ahead;

	(void)state;
	read_ahead_init(&ahead, BLOCKS, load, NULL);
	(void)read_ahead_note(&ahead, BLOCKS - 3);
	assert_true(read_ahead_note(&ahead, BLOCKS - 2));
	wait_for(BLOCKS - 1);
	assert_false(read_ahead_note(&ahead, BLOCKS - 1));
	read_ahead_stop(&ahead);
}

static void a_child_reads_and_ends_without_the_thread(void **state)
{
	struct read_ahead ahead;
	int status;
	pid_t child;

	(void)state;
	read_ahead_init(&ahead, BLOCKS, load, NULL);
	(void)read_ahead_note(&ahead, 1);
	(void)read_ahead_note(&ahead, 2);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)read_ahead_note(&ahead, 3);
		read_ahead_stop(&ahead);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	read_ahead_stop(&ahead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(loads_the_next_few_behind_a_run, set_up),
		cmocka_unit_test_setup(follows_runs_that_take_turns, set_up),
		cmocka_unit_test_setup(leaves_alone_what_is_out_of_order,
				       set_up),
		cmocka_unit_test_setup(ends_with_the_file, set_up),
		cmocka_unit_test_setup(
			a_child_reads_and_ends_without_the_thread, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
