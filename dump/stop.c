/* SPDX-License-Identifier: MIT */
#include "dump/stop.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "dump/inject_arch.h"
#include "dump/interrupted.h"
#include "dump/proc_file.h"
#include "dump/target.h"

/* Stops take microseconds; the wait backs off from spinning to 2 ms naps. */
enum { SPINS = 200, NAP_NS = 50000, NAP_MAX_NS = 2000000 };
static const uint64_t patience_ns = 2000000000, one_thread_ns = 500000000;
/* For threads that would run, and stop, if they had a processor. */
static const uint64_t busy_ns = 20000000000;

/* How long threads may still take. */
struct patience {
	uint64_t left, busy;	/* @busy once nothing is left */
	uint64_t last;		/* when somebody asked */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct patience patience_of(uint64_t ns)
{
	return (struct patience){ .left = ns, .busy = busy_ns,
				  .last = now_ns() };
}

static uint64_t without(uint64_t from, uint64_t ns)
{
	return from > ns ? from - ns : 0;
}

/* A nap that took much longer than it should says that the machine was held
 * up: nobody had the time to stop that has passed. */
static bool is_over(struct patience *p, uint32_t tid)
{
	uint64_t now = now_ns(), passed = now - p->last;
	struct proc_stat stat;

	p->last = now;
	if (passed > 2 * NAP_MAX_NS)
		passed = 2 * NAP_MAX_NS;
	if (p->left > 0) {
		p->left = without(p->left, passed);
		return false;
	}
	if (!proc_stat_read(tid, &stat) || !strchr("RtT", stat.state))
		return true;
	p->busy = without(p->busy, passed);
	return p->busy == 0;
}

static bool has_exited(uint32_t tid)
{
	struct proc_stat stat;

	return !proc_stat_read(tid, &stat) || stat.state == 'Z' ||
	       stat.state == 'X';
}

/** Seize @tid if it is new; *@added counts the new ones. */
static bool seize(struct stopped *s, uint32_t tid, size_t *added,
		  struct err *err)
{
	struct held_thread thread = { .tid = tid, .hold = HOLD_RUNNING };

	if (map_find(&s->known, tid))
		return true;
	if (s->traced) {
		(*added)++;
	} else if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
		if (errno != ESRCH && !has_exited(tid))
			return target_refused(s->pid, errno, err);
		thread.hold = HOLD_GONE;
	} else {
		(*added)++;
	}
	if (!vec_push(&s->threads, thread) ||
	    !map_set(&s->known, tid, s->threads.len))
		return err_nomem(err, "threads");
	if (thread.hold == HOLD_RUNNING)
		(void)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return true;
}

static bool seize_new(struct stopped *s, size_t *added, struct err *err)
{
	char path[64];
	struct dirent *entry;
	bool ok = true;
	DIR *dir;

	*added = 0;
	snprintf(path, sizeof(path), "/proc/%u/task", s->pid);
	dir = opendir(path);
	if (!dir)
		return err_set(err, ERR_IO,
			       "process %u exited while it was being stopped",
			       s->pid);
	while (ok && (entry = readdir(dir))) {
		unsigned long tid = strtoul(entry->d_name, NULL, 10);

		if (tid > 0 && tid <= INT32_MAX)
			ok = seize(s, (uint32_t)tid, added, err);
	}
	closedir(dir);
	return ok;
}

/** Note how @t stopped or ended; false while it still runs. */
static bool look(struct held_thread *t, bool traced)
{
	siginfo_t info = {0};

	if (waitid(P_PID, t->tid, &info,
		   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) != 0) {
		if (errno == ECHILD)
			t->hold = HOLD_GONE;
		return errno == ECHILD;
	}
	if (info.si_pid == 0)
		return false;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
		/* A traced thread stays a zombie until its tracer reaps it. */
		if (!traced)
			waitid(P_PID, t->tid, &info,
			       WEXITED | WNOHANG | __WALL);
		t->hold = HOLD_GONE;
		return true;
	}
	t->hold = HOLD_STOPPED;
	if (info.si_status >> 8 == 0)
		t->signal = info.si_status;
	else if (info.si_status >> 8 != PTRACE_EVENT_STOP)
		t->at_event = true;
	else if ((info.si_status & 0xff) != SIGTRAP)
		t->group_stop = info.si_status & 0xff;
	return true;
}

/** Wait a little; true when the other end of @watch has closed. */
static bool nap(unsigned round, int watch)
{
	struct timespec t = { .tv_nsec = NAP_NS };
	struct pollfd fd = { .fd = watch };

	if (round < SPINS) {
		sched_yield();
		return false;
	}
	t.tv_nsec = NAP_NS * (long)(round - SPINS + 1);
	if (t.tv_nsec > NAP_MAX_NS)
		t.tv_nsec = NAP_MAX_NS;
	return ppoll(&fd, 1, &t, NULL) > 0;
}

static void give_up(struct held_thread *t, struct diag *diag)
{
	struct proc_stat stat;

	t->hold = HOLD_STUCK;
	if (!proc_stat_read(t->tid, &stat) || stat.state == 'Z')
		t->hold = HOLD_GONE;
	else
		diag_add_at(diag, t->tid, 1, "thread did not stop within 2 s "
			    "(state %c: it waits in the kernel, as the parent "
			    "of a vfork does): most of its registers are "
			    "unknown", stat.state);
}

static bool wait_for(struct held_thread *t, const struct stopped *s,
		     struct patience *p, struct diag *diag, struct err *err)
{
	for (unsigned round = 0;
	     t->hold == HOLD_RUNNING && !look(t, s->traced); round++) {
		/* A main thread that exits before the others sends no event. */
		if (round == SPINS && has_exited(t->tid))
			t->hold = HOLD_GONE;
		else if (is_over(p, t->tid))
			give_up(t, diag);
		else if (nap(round, s->watch))
			return err_set(err, ERR_CANCELLED, "cancelled");
	}
	return true;
}

static bool stop_all(struct stopped *ret, struct diag *diag, struct err *err)
{
	struct patience p = patience_of(patience_ns);
	size_t added;

	/* A thread may start others until it stops: look until none is new. */
	do {
		if (!seize_new(ret, &added, err))
			return false;
		for (size_t i = 0; i < ret->threads.len; i++) {
			if (!wait_for(&ret->threads.at[i], ret, &p, diag, err))
				return false;
		}
	} while (added > 0);
	if (stop_memory_pid(ret) == 0)
		return err_set(err, ERR_IO,
			       "process %u exited while it was being stopped",
			       ret->pid);
	return true;
}

bool stop_process(uint32_t pid, int watch, struct stopped *ret,
		  struct diag *diag, struct err *err)
{
	*ret = (struct stopped){ .pid = pid, .watch = watch };
	return stop_all(ret, diag, err);
}

bool stop_traced(uint32_t pid, struct stopped *ret, struct diag *diag,
		 struct err *err)
{
	*ret = (struct stopped){ .pid = pid, .watch = -1, .traced = true };
	return stop_all(ret, diag, err);
}

bool stop_thread(struct stopped *stopped, uint32_t tid, struct err *err)
{
	struct patience p = patience_of(one_thread_ns);
	struct diag ignored = {0};
	struct held_thread *t;
	size_t added = 0;
	bool ok;

	if (!seize(stopped, tid, &added, err))
		return false;
	t = &stopped->threads.at[map_get(&stopped->known, tid, 1) - 1];
	if (t->hold == HOLD_STUCK)
		t->hold = HOLD_RUNNING;
	ok = wait_for(t, stopped, &p, &ignored, err);
	diag_free(&ignored);
	return ok && t->hold == HOLD_STOPPED;
}

/** True when waitpid() told of @tid, or never will. */
static bool poll_status(uint32_t tid, int *status)
{
	pid_t got = waitpid((pid_t)tid, status, WNOHANG | __WALL);

	if (got < 0)
		*status = SIGKILL;
	return got != 0;
}

bool stop_wait(uint32_t tid, uint64_t ns, int *status)
{
	struct patience p = patience_of(ns);

	for (unsigned round = 0; !poll_status(tid, status); round++) {
		/* The end of a main thread is told when all others have been
		 * reaped, and so perhaps not before we are through. */
		if (round >= SPINS && has_exited(tid)) {
			if (!poll_status(tid, status))
				*status = SIGKILL;
			return true;
		}
		if (is_over(&p, tid))
			return false;
		nap(round, -1);
	}
	return true;
}

/** Have the kernel begin again what it ended for our sake only. */
static void restart_call(const struct held_thread *t)
{
	struct arch_regs regs;

	if (t->signal == 0 && t->group_stop == 0 &&
	    arch_regs_get(t->tid, &regs) && interrupted_restart(&regs))
		(void)arch_regs_set(t->tid, &regs);
}

static void stopped_free(struct stopped *stopped)
{
	vec_free(&stopped->threads);
	map_free(&stopped->known);
	*stopped = (struct stopped){0};
}

void stop_resume(struct stopped *stopped)
{
	for (size_t i = 0; i < stopped->threads.len; i++) {
		struct held_thread *t = &stopped->threads.at[i];

		/* One that stopped late has yet to be seen. */
		if (t->hold == HOLD_STUCK || t->hold == HOLD_RUNNING)
			(void)look(t, false);
		if (t->hold != HOLD_STOPPED)
			continue;
		restart_call(t);
		(void)ptrace(PTRACE_DETACH, t->tid, NULL, t->signal);
	}
	stopped_free(stopped);
}

static void continue_thread(const struct held_thread *t)
{
	siginfo_t info = {0};

	if (waitid(P_PID, t->tid, &info,
		   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) != 0)
		return;
	if (info.si_pid != 0 &&
	    (info.si_code != CLD_TRAPPED ||
	     info.si_status != (SIGTRAP | PTRACE_EVENT_STOP << 8)))
		return;
	restart_call(t);
	(void)ptrace(PTRACE_CONT, t->tid, NULL, info.si_pid ? 0 : t->signal);
}

void stop_continue(struct stopped *stopped)
{
	for (size_t i = 0; i < stopped->threads.len; i++) {
		if (stopped->threads.at[i].hold == HOLD_STOPPED)
			continue_thread(&stopped->threads.at[i]);
	}
	stopped_free(stopped);
}

uint32_t stop_memory_pid(const struct stopped *stopped)
{
	for (size_t i = 0; i < stopped->threads.len; i++) {
		enum thread_hold hold = stopped->threads.at[i].hold;

		if (hold == HOLD_STOPPED || hold == HOLD_STUCK)
			return stopped->threads.at[i].tid;
	}
	return 0;
}
