/* SPDX-License-Identifier: MIT */
#include "dump/supervise.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"
#include "dump/supervise_body.h"

static void on_child(int sig)
{
	(void)sig;
}

/** Its children interrupt nothing but wait_more(). */
static void listen_to_children(void)
{
	struct sigaction action = {
		.sa_handler = on_child,
		.sa_flags = (int)SA_RESTART,
	};
	sigset_t child;

	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
}

/** An answer to ORDER_NEXT; those that a cancelled capture did not wait for
 * are passed over. False when the guardian is gone. */
static bool get_reply(struct supervisor *s, struct guardian_reply *reply)
{
	int fds[REPLY_FDS];

	do {
		if (!wire_get_reply(guardian_socket(s->guardian), reply, fds))
			return false;
		for (int i = 0; i < REPLY_FDS; i++) {
			if (fds[i] >= 0)
				close(fds[i]);
		}
	} while (reply->kind != ORDER_NEXT);
	return true;
}

static bool ask(struct supervisor *s)
{
	const struct guardian_order order = { .kind = ORDER_NEXT };

	s->asked = wire_send_order(guardian_socket(s->guardian), &order);
	return s->asked;
}

static void lose_guardian(struct supervisor *s)
{
	guardian_end(s->guardian);
	s->guardian = NULL;
}

/** The first reply says whether the program could be traced. */
static void start_guardian(struct supervisor *s, struct err *why)
{
	struct supervise_context ctx = {
		.options = &s->options,
		.pid = s->program.pid,
		.client = (uint32_t)getpid(),
	};
	struct guardian_reply reply = {0};

	if (program_gains_rights(s->options.argv[0])) {
		err_set(why, ERR_UNSUPPORTED, "%s runs with other rights than "
			"ours, which tracing would take away",
			s->options.argv[0]);
		return;
	}
	if (!guardian_start(supervise_body, &ctx, &s->guardian, why))
		return;
	if (!get_reply(s, &reply))
		err_set(why, ERR_IO, "the tracing process ended");
	else if (!reply.ok)
		*why = reply.err;
	else
		return;
	lose_guardian(s);
}

bool supervise_start(const struct supervise_options *options,
		     struct supervisor *ret, struct err *why_untraced,
		     struct err *err)
{
	*ret = (struct supervisor){ .options = *options };
	if (!program_start(options->argv, &options->ignored, &ret->program,
			   err)) {
		program_close(&ret->program);
		return false;
	}
	ret->running = 1;
	start_guardian(ret, why_untraced);
	listen_to_children();
	program_go(&ret->program);
	return true;
}

/** Its end is known before it is reaped: from then on its number may become
 * that of another process. */
static void reap_program(struct supervisor *s)
{
	pid_t got;

	s->running = 0;
	do {
		got = waitpid((pid_t)s->program.pid, &s->status, 0);
	} while (got < 0 && errno == EINTR);
}

/** What became of the program itself; the signal that stopped it, or 0. */
static int look_at_program(struct supervisor *s)
{
	siginfo_t info = {0};

	if (!s->running ||
	    waitid(P_PID, s->program.pid, &info,
		   WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid == 0)
		return 0;
	if (info.si_code != CLD_STOPPED && info.si_code != CLD_CONTINUED) {
		reap_program(s);
		return 0;
	}
	info = (siginfo_t){0};
	if (waitid(P_PID, s->program.pid, &info,
		   WSTOPPED | WCONTINUED | WNOHANG) != 0 || info.si_pid == 0)
		return 0;
	s->stopped = info.si_code == CLD_STOPPED;
	return s->stopped ? info.si_status : 0;
}

/** Has all ended that is waited for? */
static bool is_over(const struct supervisor *s)
{
	return !s->running &&
	       (!s->guardian || s->alone || progress_cancelled());
}

/** Sleep until the guardian speaks or a signal comes; true when it spoke. */
static bool wait_more(const struct supervisor *s)
{
	struct pollfd fd = { .fd = -1, .events = POLLIN };
	sigset_t mask;

	if (s->guardian && !s->alone)
		fd.fd = guardian_socket(s->guardian);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigdelset(&mask, SIGCHLD);
	return ppoll(&fd, 1, NULL, &mask) == 1;
}

/** Take what the guardian said; true when it is for the caller. */
static bool take_reply(struct supervisor *s, struct supervise_event *ret)
{
	struct guardian_reply reply = {0};

	s->asked = false;
	if (!get_reply(s, &reply)) {
		lose_guardian(s);
		return false;
	}
	*ret = (struct supervise_event){
		.kind = (enum supervise_kind)reply.arg[0],
		.pid = reply.pid,
		.tid = (uint32_t)reply.arg[1],
		.signal = (int)reply.arg[2],
	};
	if (ret->kind != SUPERVISE_ENDED)
		return true;
	s->alone = true;
	return false;
}

void supervise_next(struct supervisor *s, struct supervise_event *ret)
{
	int signal;

	for (;;) {
		signal = look_at_program(s);
		if (signal) {
			*ret = (struct supervise_event){
				.kind = SUPERVISE_STOPPED,
				.signal = signal,
			};
			return;
		}
		if (is_over(s))
			break;
		if (s->guardian && !s->alone && !s->asked && !ask(s))
			lose_guardian(s);
		if (wait_more(s) && take_reply(s, ret))
			return;
	}
	*ret = (struct supervise_event){
		.kind = SUPERVISE_ENDED,
		.status = s->status,
	};
}

void supervise_signal(const struct supervisor *s, int signal)
{
	int saved = errno;

	if (s->running)
		(void)kill((pid_t)s->program.pid, signal);
	errno = saved;
}

void supervise_continue(struct supervisor *s)
{
	(void)look_at_program(s);
	if (s->stopped)
		supervise_signal(s, SIGCONT);
	s->stopped = false;
}

void supervise_end(struct supervisor *s)
{
	guardian_end(s->guardian);
	s->guardian = NULL;
	program_close(&s->program);
}
