/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump/interrupted.h"
#include "dump/proc_file.h"
#include "dump/process_end.h"
#include "dump/signal_fate.h"
#include "dump/supervise_body.h"

uintptr_t trace_options(const struct supervise_options *options)
{
	uintptr_t ret = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

	if (options->follow_forks)
		ret |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	if (options->at_exit)
		ret |= PTRACE_O_TRACEEXIT;
	return ret;
}

bool trace_add(struct supervision *s, uint32_t pid)
{
	struct traced traced = { .pid = pid, .rss_limit = s->options->rss_above };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	traced.status = open(path, O_RDONLY | O_CLOEXEC);
	if (s->options->every_ns)
		traced.due_ns = supervise_now_ns() + s->options->every_ns;
	if (vec_push(&s->traced, traced))
		return true;
	if (traced.status >= 0)
		close(traced.status);
	return false;
}

static void forget(struct supervision *s, struct traced *traced)
{
	if (traced->status >= 0)
		close(traced->status);
	*traced = s->traced.at[--s->traced.len];
}

static struct traced *find_process(struct supervision *s, uint32_t pid)
{
	for (size_t i = 0; i < s->traced.len; i++) {
		if (s->traced.at[i].pid == pid)
			return &s->traced.at[i];
	}
	return NULL;
}

static struct traced *find_thread(struct supervision *s, uint32_t tid)
{
	for (size_t i = 0; i < s->traced.len; i++) {
		if (syscall(SYS_tgkill, s->traced.at[i].pid, tid, 0) == 0 ||
		    errno == EPERM)
			return &s->traced.at[i];
	}
	return NULL;
}

static void go_on(uint32_t tid, int signal)
{
	(void)ptrace(PTRACE_CONT, tid, NULL, signal);
}

/** The process of @tid is about to die, and stays where it is. */
static void tell_last(struct supervision *s, struct traced *traced,
		      enum supervise_kind kind, uint32_t tid, int signal)
{
	traced->doomed = true;
	s->has_last = true;
	s->last = (struct supervise_event){
		.kind = kind,
		.pid = traced->pid,
		.tid = tid,
		.signal = signal,
	};
}

/* The thread runs no instruction before it stands again: the signal is gone,
 * registers and memory are those of the moment it came. */
static void swallow(uint32_t tid)
{
	(void)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	go_on(tid, 0);
}

/** The thread would not have woken for it: so its call does not end. */
static void ignore(uint32_t tid, int signal)
{
	struct arch_regs regs;

	if (arch_regs_get(tid, &regs) && interrupted_restart(&regs))
		(void)arch_regs_set(tid, &regs);
	go_on(tid, signal);
}

static void on_signal(struct supervision *s, uint32_t tid, int signal)
{
	struct traced *traced = find_thread(s, tid);
	enum signal_fate fate = FATE_HANDLED;

	if (traced)
		fate = signal_fate(traced->status, signal);
	if (!traced || traced->doomed) {
		go_on(tid, signal);
	} else if (signal == s->options->on_signal) {
		traced->wants_signal = true;
		traced->signal_tid = tid;
		swallow(tid);
	} else if (fate == FATE_CRASHED) {
		tell_last(s, traced, SUPERVISE_FATAL, tid, signal);
	} else if (fate == FATE_IGNORED) {
		ignore(tid, signal);
	} else {
		go_on(tid, signal);
	}
}

/**
 * A thread that was stopped by job control, is new, or goes on after a stop.
 * Those that stay stopped must stay so, and hear of SIGCONT.
 */
static void on_stop(struct supervision *s, uint32_t tid, int signal)
{
	struct traced *traced = find_thread(s, tid);

	if (signal != SIGTRAP) {
		if (traced && traced->pid == s->program)
			s->program_stopped = true;
		(void)ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		return;
	}
	if (!traced && !s->options->follow_forks) {
		(void)ptrace(PTRACE_DETACH, tid, NULL, 0);
		return;
	}
	if (!traced)
		(void)trace_add(s, (uint32_t)proc_status_number(tid, "Tgid",
								tid));
	/* We stopped when the program did, and somebody woke it alone. */
	if (traced && traced->pid == s->program && s->program_stopped) {
		s->program_stopped = false;
		(void)kill((pid_t)s->client, SIGCONT);
	}
	go_on(tid, 0);
}

static void on_exit_event(struct supervision *s, uint32_t tid)
{
	struct traced *traced = find_thread(s, tid);

	if (traced && !traced->doomed && process_ends(traced->pid, tid))
		tell_last(s, traced, SUPERVISE_EXIT, tid, 0);
	else
		go_on(tid, 0);
}

static bool is_traced(uint32_t pid)
{
	siginfo_t info;

	return waitid(P_PID, pid, &info, WSTOPPED | WEXITED | WNOHANG |
		      WNOWAIT | __WALL) == 0;
}

/** The child is known before its parent can end, so that one of them is; it
 * may have come and gone before. */
static void on_fork(struct supervision *s, uint32_t tid)
{
	unsigned long child;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &child) == 0 &&
	    !find_process(s, (uint32_t)child) && is_traced((uint32_t)child))
		(void)trace_add(s, (uint32_t)child);
	go_on(tid, 0);
}

/* A thread other than the first has become the first by execve(). Until its
 * stop is taken from the kernel that takes it for a mistake to name it
 * (looks_like_a_spurious_pid() in kernel/ptrace.c). */
static void on_exec(uint32_t tid)
{
	siginfo_t info;

	(void)waitid(P_PID, tid, &info, WSTOPPED | WNOHANG | __WALL);
	go_on(tid, 0);
}

static void on_ended(struct supervision *s, uint32_t tid)
{
	struct traced *traced = find_process(s, tid);
	siginfo_t info;

	if (traced)
		forget(s, traced);
	if (tid == s->keeper.frozen.pid)
		s->keeper.frozen.is_dead = true;
	(void)waitid(P_PID, tid, &info, WEXITED | WNOHANG | __WALL);
}

static void on_trap(struct supervision *s, uint32_t tid, int status)
{
	switch (status >> 8) {
	case 0:
		on_signal(s, tid, status);
		break;
	case PTRACE_EVENT_STOP:
		on_stop(s, tid, status & 0xff);
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		on_fork(s, tid);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(tid);
		break;
	case PTRACE_EVENT_EXIT:
		on_exit_event(s, tid);
		break;
	default:
		go_on(tid, 0);
		break;
	}
}

void trace_events(struct supervision *s)
{
	while (!s->has_last) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WNOHANG |
			   WNOWAIT | __WALL) != 0 || info.si_pid == 0)
			return;
		if (info.si_code == CLD_TRAPPED)
			on_trap(s, (uint32_t)info.si_pid, info.si_status);
		else
			on_ended(s, (uint32_t)info.si_pid);
	}
}
