/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "base/pool.h"
#include "base/progress.h"

static const unsigned thread_counts[] = { 1, 2, 3, 8 };
#define N_COUNTS (sizeof(thread_counts) / sizeof(thread_counts[0]))

struct cover {
	uint64_t n, chunk;
	atomic_uchar *seen;		/* [n] */
	atomic_bool worker_busy[64];
	uint64_t *sums;			/* [chunks] */
};

static bool cover_body(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct cover *c = ctx;

	if (begin != chunk * c->chunk || end > c->n || begin >= end ||
	    (end - begin != c->chunk && end != c->n))
		return err_set(err, ERR_LIMIT, "bad bounds");
	if (worker >= pool_threads() ||
	    atomic_exchange(&c->worker_busy[worker], true))
		return err_set(err, ERR_LIMIT, "worker %u twice", worker);
	for (uint64_t i = begin; i < end; i++) {
		atomic_fetch_add(&c->seen[i], 1);
		c->sums[chunk] = hash_u64(c->sums[chunk] + i);
	}
	atomic_store(&c->worker_busy[worker], false);
	return true;
}

static void check_cover(uint64_t n, uint64_t chunk, uint64_t *sums)
{
	struct cover c = { .n = n, .chunk = chunk, .sums = sums };
	struct err err = {0};

	c.seen = calloc(n + 1, sizeof(*c.seen));
	assert_non_null(c.seen);
	assert_true(pool_run(n, chunk, cover_body, &c, &err));
	assert_int_equal(err.code, ERR_NONE);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(atomic_load(&c.seen[i]), 1);
	free(c.seen);
}

static void every_item_is_done_once_whatever_the_thread_count(void **state)
{
	static const uint64_t ns[] = { 1, 2, 7, 64, 1000, 10007 };
	static const uint64_t chunks[] = { 1, 3, 64, 1000, UINT64_MAX };
	static uint64_t first[10007], sums[10007];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 5; k++) {
			for (size_t t = 0; t < N_COUNTS; t++) {
				memset(sums, 0, sizeof(sums));
				pool_set_threads(thread_counts[t]);
				assert_int_equal(pool_threads(),
						 thread_counts[t]);
				check_cover(ns[i], chunks[k], sums);
				if (t == 0)
					memcpy(first, sums, sizeof(sums));
				assert_memory_equal(first, sums, sizeof(sums));
			}
		}
	}
}

static bool never(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		  unsigned worker, struct err *err)
{
	(void)ctx, (void)chunk, (void)begin, (void)end, (void)worker;
	return err_set(err, ERR_LIMIT, "called");
}

static void a_loop_over_nothing_calls_nothing(void **state)
{
	struct err err = {0};

	(void)state;
	for (size_t t = 0; t < N_COUNTS; t++) {
		pool_set_threads(thread_counts[t]);
		assert_true(pool_run(0, 16, never, NULL, &err));
		assert_int_equal(err.code, ERR_NONE);
	}
}

struct failing {
	const bool *fails;	/* [n] */
	atomic_size_t calls;
};

static bool failing_body(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			 unsigned worker, struct err *err)
{
	struct failing *f = ctx;

	(void)begin, (void)end, (void)worker;
	atomic_fetch_add(&f->calls, 1);
	/* Low chunks take longer, so that high ones fail first. */
	for (volatile int i = 0; chunk < 200 && i < 5000; i++)
		;
	if (f->fails[chunk])
		return err_at(err, ERR_FORMAT, chunk, "chunk %zu", chunk);
	return true;
}

static void the_error_of_the_lowest_failed_chunk_wins(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 200; round++) {
		bool fails[400] = {0};
		struct failing f = { .fails = fails };
		struct err err = {0};
		size_t lowest = 400;

		for (int i = 0; i < 20; i++) {
			size_t at = rng_below(&seed, 400);

			fails[at] = true;
			lowest = at < lowest ? at : lowest;
		}
		pool_set_threads(thread_counts[round % (int)N_COUNTS]);
		assert_false(pool_run(400, 1, failing_body, &f, &err));
		assert_int_equal(err.code, ERR_FORMAT);
		assert_int_equal(err.offset, lowest);
		if (pool_threads() == 1)
			assert_int_equal(atomic_load(&f.calls), lowest + 1);
	}
}

struct pair {
	size_t first;		/* the chunk that fails first */
	atomic_bool failed;
};

/* Both chunks are under way before either fails; the other fails much later. */
static bool pair_body(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		      unsigned worker, struct err *err)
{
	struct pair *pair = ctx;

	(void)begin, (void)end, (void)worker;
	if (chunk == pair->first) {
		atomic_store(&pair->failed, true);
	} else {
		while (!atomic_load(&pair->failed))
			sched_yield();
		for (int i = 0; i < 1000; i++)
			sched_yield();
	}
	return err_at(err, ERR_FORMAT, chunk, "chunk %zu", chunk);
}

static void the_order_in_which_chunks_fail_does_not_matter(void **state)
{
	(void)state;
	pool_set_threads(2);
	for (int round = 0; round < 20; round++) {
		struct pair pair = { .first = 0 };
		struct err err = {0};

		assert_false(pool_run(2, 1, pair_body, &pair, &err));
		assert_int_equal(err.offset, 0);
	}
}

static bool cancelling_body(void *ctx, size_t chunk, uint64_t begin,
			    uint64_t end, unsigned worker, struct err *err)
{
	atomic_size_t *calls = ctx;

	(void)begin, (void)end, (void)worker, (void)err;
	atomic_fetch_add(calls, 1);
	if (chunk == 10)
		progress_cancel();
	return true;
}

static void a_request_to_stop_ends_the_loop(void **state)
{
	(void)state;
	for (size_t t = 0; t < N_COUNTS; t++) {
		atomic_size_t calls = 0;
		struct err err = {0};

		pool_set_threads(thread_counts[t]);
		assert_false(pool_run(1000000, 1, cancelling_body, &calls,
				      &err));
		assert_int_equal(err.code, ERR_CANCELLED);
		assert_true(atomic_load(&calls) < 1000000);
		assert_false(pool_run(5, 1, cancelling_body, &calls, &err));
		progress_rearm();
		err_clear(&err);
		assert_true(pool_run(5, 1, cancelling_body, &calls, &err));
	}
}

static bool empty_body(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	atomic_uint_fast64_t *sum = ctx;

	(void)chunk, (void)worker, (void)err;
	atomic_fetch_add(sum, end - begin);
	return true;
}

static void run_many(unsigned loops)
{
	atomic_uint_fast64_t sum = 0;
	struct err err = {0};

	for (unsigned i = 0; i < loops; i++)
		assert_true(pool_run(64, 1, empty_body, &sum, &err));
	assert_int_equal(atomic_load(&sum), loops * 64);
}

static void many_short_loops_end(void **state)
{
	struct timespec a, b;

	(void)state;
	pool_set_threads(4);
	clock_gettime(CLOCK_MONOTONIC, &a);
	run_many(5000);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.1f us a loop\n",
	       ((double)(b.tv_sec - a.tv_sec) * 1e9 +
		(double)(b.tv_nsec - a.tv_nsec)) / 5000 / 1e3);
}

static void *run_many_thread(void *arg)
{
	(void)arg;
	run_many(500);
	return NULL;
}

static void threads_that_run_loops_take_turns(void **state)
{
	pthread_t threads[4];

	(void)state;
	pool_set_threads(3);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						run_many_thread, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* Two chunks that wait for each other: ends only when two threads run. */
static bool meeting_body(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			 unsigned worker, struct err *err)
{
	atomic_uint *here = ctx;

	(void)chunk, (void)begin, (void)end, (void)worker, (void)err;
	atomic_fetch_add(here, 1);
	while (atomic_load(here) < 2)
		sched_yield();
	return true;
}

static bool meet(void)
{
	atomic_uint here = 0;
	struct err err = {0};

	return pool_run(2, 1, meeting_body, &here, &err);
}

/* The helpers of the parent do not exist in the child, which needs its own. */
static void a_forked_child_runs_loops(void **state)
{
	(void)state;
	pool_set_threads(4);
	run_many(10);
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(300);
			run_many(10);
			_exit(!meet());
		}
		assert_true(pid > 0);
		run_many(10);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* The variable is read once: each value in a process of its own. */
static void the_environment_sets_the_number_of_threads(void **state)
{
	static const struct { const char *text; unsigned n; } cases[] = {
		{ "1", 1 }, { "7", 7 }, { "999999999", 1024 },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			setenv("HOLDFAST_THREADS", cases[i].text, 1);
			pool_set_threads(0);
			_exit(pool_threads() != cases[i].n);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	unsetenv("HOLDFAST_THREADS");
	pool_set_threads(0);
	assert_true(pool_threads() >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_item_is_done_once_whatever_the_thread_count),
		cmocka_unit_test(a_loop_over_nothing_calls_nothing),
		cmocka_unit_test(the_error_of_the_lowest_failed_chunk_wins),
		cmocka_unit_test(
			the_order_in_which_chunks_fail_does_not_matter),
		cmocka_unit_test(a_request_to_stop_ends_the_loop),
		cmocka_unit_test(many_short_loops_end),
		cmocka_unit_test(threads_that_run_loops_take_turns),
		cmocka_unit_test(a_forked_child_runs_loops),
		cmocka_unit_test(the_environment_sets_the_number_of_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
