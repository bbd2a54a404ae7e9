/* SPDX-License-Identifier: MIT */
#include "dump/supervise_body.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dump/proc_file.h"

enum { RSS_POLL_MS = 100, NS_PER_MS = 1000000 };

uint64_t supervise_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool reply(struct supervision *s, const struct supervise_event *event)
{
	const int none[REPLY_FDS] = { -1, -1 };
	const struct guardian_reply r = {
		.kind = ORDER_NEXT,
		.ok = true,
		.pid = event->pid,
		.arg = { (uint64_t)event->kind, event->tid,
			 (uint64_t)event->signal },
	};

	s->asked = false;
	return wire_send_reply(s->keeper.socket, &r, none);
}

/* Of all that this process traces: what keeper.stop_again() has to know. */
static uintptr_t options_of_all;

/** Whatever is made of its threads, they stay traced, with our options. */
static bool stop(uint32_t pid, struct stopped *ret, struct diag *diag,
		 struct err *err)
{
	bool ok = stop_traced(pid, ret, diag, err);

	ret->options = options_of_all;
	return ok;
}

static void attend(void *ctx)
{
	trace_events(ctx);
}

static bool hold(struct supervision *s, uint32_t pid)
{
	struct diag nobody = {0};
	struct err why = {0};
	bool ok;

	ok = stop(pid, &s->keeper.stopped, &nobody, &why);
	diag_free(&nobody);
	s->keeper.since_ns = supervise_now_ns();
	s->keeper.lapsed = false;
	if (!ok)
		stop_continue(&s->keeper.stopped);
	return ok;
}

/** Tell of a process that stands; false when the client is gone. */
static bool tell(struct supervision *s, const struct supervise_event *event)
{
	/* When it is gone meanwhile there is nothing to tell. */
	return !hold(s, event->pid) || reply(s, event);
}

static bool tell_last(struct supervision *s)
{
	s->has_last = false;
	return tell(s, &s->last);
}

/** What is due of @traced; false when nothing is. */
static bool take_wish(struct supervision *s, struct traced *traced,
		      struct supervise_event *ret)
{
	*ret = (struct supervise_event){
		.pid = traced->pid,
		.tid = traced->pid,
	};
	if (traced->wants_signal) {
		traced->wants_signal = false;
		ret->kind = SUPERVISE_SIGNAL;
		ret->signal = s->options->on_signal;
		ret->tid = traced->signal_tid;
	} else if (traced->wants_rss) {
		traced->wants_rss = false;
		ret->kind = SUPERVISE_RSS;
	} else if (traced->wants_time) {
		traced->wants_time = false;
		ret->kind = SUPERVISE_TIME;
	} else {
		return false;
	}
	return true;
}

static bool tell_wishes(struct supervision *s)
{
	struct supervise_event event;
	bool ok = true;

	for (size_t i = 0; ok && s->asked && i < s->traced.len; i++) {
		if (!s->traced.at[i].doomed &&
		    take_wish(s, &s->traced.at[i], &event))
			ok = reply(s, &event);
	}
	return ok;
}

/** Answer ORDER_NEXT if there is an answer; false when the client is gone. */
static bool answer(struct supervision *s)
{
	const struct supervise_event ended = { .kind = SUPERVISE_ENDED };

	if (s->asked && s->has_last && !tell_last(s))
		return false;
	if (s->asked && !tell_wishes(s))
		return false;
	return !s->asked || s->traced.len > 0 || reply(s, &ended);
}

/* --- timers --- */

static void look_at_rss(struct traced *traced)
{
	uint64_t rss = proc_status_number(traced->pid, "VmRSS", 0) * 1024;

	if (rss <= traced->rss_limit)
		return;
	traced->wants_rss = true;
	traced->rss_limit = rss + rss / 2;
}

static void look_at_time(const struct supervision *s, struct traced *traced)
{
	uint64_t now = supervise_now_ns();

	if (now < traced->due_ns)
		return;
	traced->wants_time = true;
	traced->due_ns = now + s->options->every_ns;
}

/** What is not asked for now is not looked for: it would be old. */
static void look_at_timers(struct supervision *s)
{
	for (size_t i = 0; s->asked && i < s->traced.len; i++) {
		if (s->options->rss_above)
			look_at_rss(&s->traced.at[i]);
		if (s->options->every_ns)
			look_at_time(s, &s->traced.at[i]);
	}
}

/** Milliseconds until something else than an event has to be looked at. */
static int patience_ms(const struct supervision *s)
{
	uint64_t now = supervise_now_ns(), next = UINT64_MAX;

	if (keeper_holds(&s->keeper))
		return GUARDIAN_PATIENCE_MS;
	if (!s->asked)
		return -1;
	for (size_t i = 0; s->options->every_ns && i < s->traced.len; i++) {
		uint64_t due = s->traced.at[i].due_ns;

		due = due > now ? (due - now) / NS_PER_MS + 1 : 0;
		next = due < next ? due : next;
	}
	if (s->options->rss_above && next > RSS_POLL_MS)
		next = RSS_POLL_MS;
	return next > INT32_MAX ? -1 : (int)next;
}

/* --- orders --- */

static bool obey(struct supervision *s)
{
	struct guardian_order order;

	if (!wire_get_order(s->keeper.socket, &order))
		return false;
	if (order.kind == ORDER_NEXT) {
		s->asked = true;
		if (keeper_holds(&s->keeper))
			s->keeper.let_go(&s->keeper.stopped);
		return true;
	}
	return keeper_obey(&s->keeper, &order);
}

static bool is_doomed(const struct supervision *s, uint32_t pid)
{
	for (size_t i = 0; i < s->traced.len; i++) {
		if (s->traced.at[i].pid == pid)
			return s->traced.at[i].doomed;
	}
	return false;
}

/** One round: events, an answer, then sleep. False when all is over. */
static bool turn(struct supervision *s, int children)
{
	struct pollfd fds[] = {
		{ .fd = s->keeper.socket, .events = POLLIN },
		{ .fd = children, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	int ready;

	/* What stands is the client's: its events come afterwards. */
	if (!keeper_holds(&s->keeper)) {
		trace_events(s);
		if (!answer(s))
			return false;
	}
	ready = poll(fds, 2, patience_ms(s));
	if (ready < 0)
		return errno == EINTR;
	if (ready == 0 && keeper_holds(&s->keeper)) {
		/* Who is about to die can wait for a client that sleeps. */
		if (!is_doomed(s, s->keeper.stopped.pid))
			keeper_lapse(&s->keeper);
	} else if (ready == 0) {
		look_at_timers(s);
	}
	if (fds[1].revents &&
	    read(children, &info, sizeof(info)) < 0 && errno != EAGAIN)
		return false;
	return !fds[0].revents || obey(s);
}

static bool seize(struct supervision *s, uint32_t pid)
{
	const int none[REPLY_FDS] = { -1, -1 };
	struct guardian_reply r = { .kind = ORDER_NEXT, .ok = true };

	if (ptrace(PTRACE_SEIZE, pid, NULL, options_of_all) != 0)
		r.ok = err_errno(&r.err, "tracing is refused");
	else if (!trace_add(s, pid))
		r.ok = err_nomem(&r.err, "a process");
	return wire_send_reply(s->keeper.socket, &r, none) && r.ok;
}

void supervise_body(int socket, void *arg)
{
	const struct supervise_context *ctx = arg;
	struct supervision s = {
		.options = ctx->options,
		.keeper = {
			.socket = socket,
			.let_go = stop_continue,
			.stop_again = stop,
			.attend = attend,
			.ctx = &s,
		},
		.program = ctx->pid,
		.client = ctx->client,
	};
	sigset_t mask;
	int children;

	guardian_hide_arguments();
	options_of_all = trace_options(ctx->options);
	s.keeper.options = options_of_all;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	children = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (children >= 0 && seize(&s, ctx->pid)) {
		while (turn(&s, children))
			continue;
	}
	/* The kernel lets go of all that is traced when this process ends. */
	keeper_undo(&s.keeper);
}
