/* SPDX-License-Identifier: MIT */
#include "dump/copier.h"

#include <unistd.h>

#include "base/progress.h"

/** False when memory gets short because there is a copy. */
static bool has_room(void *ctx, struct err *why)
{
	struct copier *c = ctx;
	struct err low = {0};

	if (!c->forked || !c->watch || !headroom_watch_low(c->watch, &low))
		return true;
	return err_set(why, ERR_LIMIT, "%s", low.message);
}

/** Let the target go. */
static void release(struct copier *c)
{
	struct err err = {0};
	uint64_t ns = 0;

	if (guardian_release(c->guardian, &ns, &c->diag, &err)) {
		c->pause_ns += ns;
		return;
	}
	diag_add(&c->diag, "%s", err.message);
	c->torn_from = 0;
}

/** Hold the target, which ends its copy. When it cannot be held, the copy is
 * left to release(). */
static bool take_back(struct copier *c, struct guardian_view *view,
		      struct err *err)
{
	struct image again = {0};
	bool held = guardian_hold(c->guardian, c->pid, &again, view, err);

	vec_free(&again.threads);
	diag_merge(&c->diag, &again.diag);
	diag_free(&again.diag);
	arena_free(&again.arena);
	c->forked = false;
	return held;
}

/** End the copy, go on with the memory of the target, which is held. */
static bool change_over(struct copier *c, uint64_t at)
{
	struct guardian_view view;
	struct err why = c->err;

	err_clear(&c->err);
	if (!take_back(c, &view, &c->err))
		return err_wrap(&c->err, "%s; for the rest", why.message);
	live_memory_use_target(c->image, view.mem);
	if (c->give_up)
		return err_set(&c->err, ERR_LIMIT, "given up, as asked: %s",
			       why.message);
	c->torn_from = at;
	diag_add_at(&c->diag, at, 1, "the frozen copy was given up and the "
		    "process stopped for the rest of its memory, which is of "
		    "a later moment: %s", why.message);
	return true;
}

/**
 * All is copied; what looks for modules meanwhile may still read. A frozen
 * copy waits for that, but not when memory gets short: then the rest is read
 * from the target as it runs.
 */
static void linger(struct copier *c)
{
	struct guardian_view view;
	struct err low = {0};

	while (c->forked && !piece_queue_drained(c->queue, HEADROOM_POLL_MS)) {
		if (has_room(c, &low))
			continue;
		live_memory_use_running(c->image);
		err_clear(&low);
		if (take_back(c, &view, &low))
			close(view.mem);
		release(c);
	}
}

static void *copy(void *arg)
{
	struct copier *c = arg;
	uint64_t at = 0;

	c->stacks = stack_memory_take(c->image, &c->diag);
	for (;;) {
		c->copied = live_copy_from(c->image, c->plan, &at, c->queue,
					   has_room, c, &c->diag, &c->err);
		if (c->copied || !c->forked || c->err.code != ERR_LIMIT ||
		    !change_over(c, at))
			break;
	}
	/* A copy can wait for its end, the target cannot. */
	if (!c->forked)
		release(c);
	piece_queue_end(c->queue);
	if (c->copied)
		linger(c);
	return NULL;
}

void copier_start(struct copier *copier)
{
	copier->torn_from = UINT64_MAX;
	copier->started = pthread_create(&copier->thread, NULL, copy,
					 copier) == 0;
	if (copier->started)
		return;
	err_nomem(&copier->err, "a thread");
	piece_queue_end(copier->queue);
}

void copier_join(struct copier *copier)
{
	if (copier->started)
		pthread_join(copier->thread, NULL);
	if (copier->forked || !copier->started)
		release(copier);
}
