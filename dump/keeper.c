/* SPDX-License-Identifier: MIT */
#include "dump/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "dump/registers.h"

/* How long threads are tried again and again to collect a copy, and the time
 * in between. */
enum { COLLECT_MS = 5000, COLLECT_NAP_NS = 2000000 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool answer(struct keeper *k, struct guardian_reply *reply, int first,
		   int second)
{
	const int fds[REPLY_FDS] = { first, second };
	bool sent;

	reply->lapsed = k->lapsed;
	sent = wire_send_reply(k->socket, reply, fds);
	if (first >= 0)
		close(first);
	if (second >= 0)
		close(second);
	return sent;
}

static bool open_mem(uint32_t pid, int *ret, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret >= 0 || err_errno(err, "%s", path);
}

/** Let go of what is held; how long it stood. */
static uint64_t let_go(struct keeper *k)
{
	if (!keeper_holds(k))
		return 0;
	k->let_go(&k->stopped);
	return now_ns() - k->since_ns;
}

static bool hold(struct keeper *k, uint32_t pid)
{
	struct guardian_reply reply = { .kind = ORDER_HOLD };
	struct image image = {0};
	int mem = -1, state = -1;
	bool found = k->stopped.pid == pid;

	k->lapsed = false;
	reply.ok = found;
	if (!found) {
		let_go(k);
		k->since_ns = now_ns();
		reply.ok = k->stop_again ?
			   k->stop_again(pid, &k->stopped, &image.diag,
					 &reply.err) :
			   stop_process(pid, k->socket, &k->stopped,
					&image.diag, &reply.err);
	}
	/* Only now: a copy that dies gives its memory back over time, and if
	 * that runs out meanwhile, only the process is left to be killed. */
	if (reply.ok)
		frozen_end(&k->frozen, &k->stopped, &image.diag);
	reply.ok = reply.ok &&
		   registers_read(&k->stopped, &image, &reply.err);
	reply.pid = stop_memory_pid(&k->stopped);
	reply.ok = reply.ok && open_mem(reply.pid, &mem, &reply.err);
	if (reply.ok)
		state = wire_put_state(&image);
	if (reply.ok && state < 0)
		reply.ok = err_nomem(&reply.err, "registers");
	/* An image without memory has no operations to close it with. */
	vec_free(&image.threads);
	diag_free(&image.diag);
	arena_free(&image.arena);
	/* What a body of its own holds is its own to let go. */
	if (!reply.ok && !found)
		let_go(k);
	return answer(k, &reply, mem, state);
}

static bool make_copy(struct keeper *k)
{
	struct guardian_reply reply = { .kind = ORDER_FORK };
	int mem = -1;

	if (keeper_holds(k))
		reply.ok = frozen_make(&k->stopped, &k->frozen, &reply.err) &&
			   open_mem(k->frozen.pid, &mem, &reply.err);
	else
		err_set(&reply.err, ERR_IO, "it is not held any more");
	if (reply.ok)
		reply.pause_ns = let_go(k);
	else
		frozen_end(&k->frozen, &k->stopped, NULL);
	reply.pid = k->frozen.pid;
	return answer(k, &reply, mem, -1);
}

/** Have a thread that is traced while it runs collect the dead copy. */
static bool collect_once(struct keeper *k, struct err *why)
{
	struct stopped some = {
		.pid = k->frozen.parent, .options = k->options, .watch = -1,
		.traced = true,
	};
	bool ok;

	err_clear(why);
	if (!frozen_is_left(&k->frozen))
		return true;
	ok = frozen_collect(&k->frozen, &some, why);
	k->let_go(&some);
	return ok;
}

/** End the copy while the process runs. Which of its threads can collect it
 * changes from one moment to the next. */
static void end_copy(struct keeper *k, struct diag *diag)
{
	const struct timespec nap = { .tv_nsec = COLLECT_NAP_NS };
	uint64_t end = now_ns() + COLLECT_MS * UINT64_C(1000000);
	struct err why = {0};

	if (!k->stop_again) {
		frozen_end(&k->frozen, NULL, diag);
		return;
	}
	if (k->frozen.pid == 0)
		return;
	frozen_kill(&k->frozen);
	while (!collect_once(k, &why) && now_ns() < end) {
		k->attend(k->ctx);
		nanosleep(&nap, NULL);
	}
	frozen_forget(&k->frozen, &why, diag);
}

static bool release(struct keeper *k)
{
	struct guardian_reply reply = { .kind = ORDER_RELEASE, .ok = true };
	struct image image = {0};
	int state = -1;

	reply.pause_ns = let_go(k);
	end_copy(k, &image.diag);
	if (image.diag.len > 0)
		state = wire_put_state(&image);
	diag_free(&image.diag);
	return answer(k, &reply, -1, state);
}

bool keeper_obey(struct keeper *keeper, const struct guardian_order *order)
{
	switch (order->kind) {
	case ORDER_HOLD:    return hold(keeper, order->pid);
	case ORDER_FORK:    return make_copy(keeper);
	case ORDER_RELEASE: return release(keeper);
	default:            return true;
	}
}

void keeper_lapse(struct keeper *keeper)
{
	keeper->lapsed = keeper_holds(keeper);
	let_go(keeper);
}

void keeper_undo(struct keeper *keeper)
{
	struct diag ignored = {0};

	let_go(keeper);
	end_copy(keeper, &ignored);
	diag_free(&ignored);
}
