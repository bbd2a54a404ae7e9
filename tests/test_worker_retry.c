/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"

#include <signal.h>
#include <unistd.h>

#include "formats/worker_retry.h"

enum { ITEMS = 40 };

static const struct worker_limits plenty = { .ms = 60000, .gib = 4 };

/* What each item does to its worker: ' ' nothing, 'c' crash, 'h' hang. */
struct plan {
	char items[ITEMS + 1];
	uint32_t reported[ITEMS];
	size_t n_reported;
};

static void do_item(char what)
{
	if (what == 'c')
		raise(SIGSEGV);
	while (what == 'h')
		pause();
}

/* Answers with the number of each item that it has done. */
static bool do_all(void *ctx, struct worker *worker, struct retry *retry)
{
	const struct plan *p = ctx;

	for (uint32_t i = 0; i < ITEMS; i++) {
		uint8_t number = (uint8_t)i;

		if (retry_is_broken(retry, i))
			continue;
		retry->busy_with = i;
		do_item(p->items[i]);
		retry->busy_with = RETRY_NONE;
		if (!worker_answer(worker, &number, 1))
			return false;
	}
	return true;
}

static bool blame_others(void *ctx, struct worker *worker,
			 struct retry *retry)
{
	(void)ctx;
	(void)worker;
	retry->busy_with = ITEMS + 3;
	retry->n_broken = UINT32_MAX;
	raise(SIGSEGV);
	return true;
}

static bool crash_without_item(void *ctx, struct worker *worker,
			       struct retry *retry)
{
	(void)ctx;
	(void)worker;
	(void)retry;
	raise(SIGSEGV);
	return true;
}

static void report(void *ctx, uint32_t item, const struct err *why)
{
	struct plan *p = ctx;

	assert_true(why->message[0] != '\0');
	assert_true(p->n_reported < ITEMS);
	p->reported[p->n_reported++] = item;
}

static void plan_of(struct plan *p, const char *bad, char what)
{
	*p = (struct plan){ .n_reported = 0 };
	memset(p->items, ' ', ITEMS);
	for (; *bad; bad++)
		p->items[*bad - 'A'] = what;
}

static void items_that_crash_are_left_out(void **state)
{
	struct bytes answer;
	struct err err = {0};
	struct plan p;

	(void)state;
	plan_of(&p, "CK", 'c');
	assert_true(worker_run_retry(do_all, report, &p, ITEMS, &plenty,
				     &answer, &err));
	assert_int_equal(answer.size, ITEMS - 2);
	assert_null(memchr(answer.start, 2, answer.size));
	assert_null(memchr(answer.start, 10, answer.size));
	assert_int_equal(p.n_reported, 2);
	assert_int_equal(p.reported[0], 2);
	assert_int_equal(p.reported[1], 10);
	worker_free(&answer);
}

static void an_item_that_hangs_costs_half_of_the_time(void **state)
{
	const struct worker_limits hasty = { .ms = 2000, .gib = 4 };
	int64_t start = worker_now();
	struct bytes answer;
	struct err err = {0};
	struct plan p;

	(void)state;
	plan_of(&p, "B", 'h');
	assert_true(worker_run_retry(do_all, report, &p, ITEMS, &hasty,
				     &answer, &err));
	assert_int_equal(answer.size, ITEMS - 1);
	assert_true(worker_now() - start >= 1000);
	assert_int_equal(p.reported[0], 1);
	worker_free(&answer);
}

static void too_many_bad_items_are_an_error(void **state)
{
	struct bytes answer;
	struct err err = {0};
	struct plan p;

	(void)state;
	plan_of(&p, "ABCDEFGHIJKLMNOPQRST", 'c');
	assert_false(worker_run_retry(do_all, report, &p, ITEMS, &plenty,
				      &answer, &err));
	assert_int_equal(p.n_reported, RETRY_MAX_BROKEN);
	assert_null(answer.start);
	assert_int_equal(err.code, ERR_FORMAT);
}

static void who_blames_nobody_or_others_is_not_tried_again(void **state)
{
	struct bytes answer;
	struct err err = {0};
	struct plan p;

	(void)state;
	plan_of(&p, "", ' ');
	assert_false(worker_run_retry(crash_without_item, report, &p, ITEMS,
				      &plenty, &answer, &err));
	err_clear(&err);
	assert_false(worker_run_retry(blame_others, report, &p, ITEMS,
				      &plenty, &answer, &err));
	assert_int_equal(p.n_reported, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_that_crash_are_left_out),
		cmocka_unit_test(an_item_that_hangs_costs_half_of_the_time),
		cmocka_unit_test(too_many_bad_items_are_an_error),
		cmocka_unit_test(who_blames_nobody_or_others_is_not_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
