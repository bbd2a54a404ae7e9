/* SPDX-License-Identifier: MIT */
#include "formats/worker_retry.h"

#include <sys/mman.h>

struct attempt {
	retry_body *body;
	void *ctx;
	struct retry *retry;
};

bool retry_is_broken(const struct retry *retry, uint32_t item)
{
	for (uint32_t i = 0; i < retry->n_broken && i < RETRY_MAX_BROKEN; i++) {
		if (retry->broken[i] == item)
			return true;
	}
	return false;
}

static bool work(void *ctx, struct worker *worker)
{
	const struct attempt *a = ctx;

	return a->body(a->ctx, worker, a->retry);
}

/* @ours is the list as we know it: a worker may have written to the other. */
static bool try_once(struct attempt *a, const struct retry *ours,
		     const struct worker_limits *limits, struct bytes *ret,
		     struct err *err)
{
	*a->retry = *ours;
	a->retry->busy_with = RETRY_NONE;
	return worker_run(work, a, limits, ret, err);
}

static bool run(struct attempt *a, retry_report *report, uint32_t n_items,
		const struct worker_limits *limits, struct bytes *ret,
		struct err *err)
{
	int64_t end = worker_now() + limits->ms;
	struct retry ours = { .n_broken = 0 };

	for (;;) {
		int64_t left = end - worker_now();
		struct worker_limits part = *limits;
		struct err why = {0};
		uint32_t item;

		if (left <= 0)
			return err_set(err, ERR_LIMIT, "took too long");
		part.ms = (uint32_t)(left / 2 + 1);
		if (try_once(a, &ours, &part, ret, &why))
			return true;
		item = a->retry->busy_with;
		if (why.code == ERR_CANCELLED || item >= n_items ||
		    retry_is_broken(&ours, item) ||
		    ours.n_broken == RETRY_MAX_BROKEN)
			return err_set(err, why.code, "%s", why.message);
		ours.broken[ours.n_broken++] = item;
		report(a->ctx, item, &why);
	}
}

bool worker_run_retry(retry_body *body, retry_report *report, void *ctx,
		      uint32_t n_items, const struct worker_limits *limits,
		      struct bytes *ret, struct err *err)
{
	struct attempt a = { .body = body, .ctx = ctx };
	bool ok;

	*ret = bytes_of(NULL, 0);
	a.retry = mmap(NULL, sizeof(*a.retry), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (a.retry == MAP_FAILED)
		return err_errno(err, "a worker");
	ok = run(&a, report, n_items, limits, ret, err);
	munmap(a.retry, sizeof(*a.retry));
	return ok;
}
