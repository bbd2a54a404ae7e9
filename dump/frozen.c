/* SPDX-License-Identifier: MIT */
#include "dump/frozen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dump/inject.h"
#include "dump/proc_file.h"

/* How often all threads are tried for one that can collect the copy: they are
 * let go in between, since where they stand may be the reason; but only after
 * some patience with those that do not stop, since only then they can be. */
enum { COLLECT_TRIES = 50, COLLECT_NAP_NS = 10000000, STOP_TRIES = 4 };

/** Memory gets short: the kernel is to end the copy, not the process. */
static void offer_to_oom(uint32_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/oom_score_adj", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	/* Without effect it is as likely to be ended as the process. */
	if (write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

/** From its first stop on it can only be looked at. */
static bool pin_down(uint32_t pid, struct err *why)
{
	struct arch_regs regs;
	int status;

	if (!stop_wait(pid, UINT64_MAX, &status) || !WIFSTOPPED(status))
		return err_set(why, ERR_IO, "the copy was killed at once");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL) != 0 ||
	    !arch_regs_get(pid, &regs))
		return err_errno(why, "the copy");
	arch_regs_for_nothing(&regs);
	if (!arch_regs_set(pid, &regs))
		return err_errno(why, "registers of the copy");
	offer_to_oom(pid);
	return true;
}

static bool none_is_stuck(const struct stopped *stopped, struct err *why)
{
	for (size_t i = 0; i < stopped->threads.len; i++) {
		if (stopped->threads.at[i].hold == HOLD_STUCK)
			return err_set(why, ERR_UNSUPPORTED, "thread %u "
				       "waits in the kernel and does not "
				       "stop, as the parent of a vfork does",
				       stopped->threads.at[i].tid);
	}
	return true;
}

bool frozen_make(struct stopped *stopped, struct frozen *ret, struct err *why)
{
	const uint64_t args[4] = { CLONE_FILES | CLONE_FS };
	struct borrowed b;
	int64_t result = 0;
	uint32_t child = 0;
	bool ok;

	*ret = (struct frozen){0};
	if (!none_is_stuck(stopped, why) ||
	    !inject_borrow(stopped, &b, why))
		return false;
	ok = inject_call(&b, SYS_clone, args, &result, &child, why);
	inject_return(&b);
	if (ok && result < 0)
		ok = err_set(why, ERR_IO, "the kernel refused to fork it: %s",
			     strerror((int)-result));
	if (child == 0)
		return ok && err_set(why, ERR_IO, "the copy was not traced");
	*ret = (struct frozen){ .pid = child, .parent = stopped->pid,
				.pid_there = (uint32_t)result };
	if (ok && pin_down(child, why))
		return true;
	frozen_end(ret, stopped, NULL);
	return false;
}

void frozen_kill(const struct frozen *frozen)
{
	uint32_t pid = frozen->pid;
	int status;

	/* Its number may be that of another process. */
	if (frozen->is_dead)
		return;
	/* A tracer may do it where kill(2) is forbidden to its user. */
	if (kill((pid_t)pid, SIGKILL) != 0)
		(void)ptrace(PTRACE_KILL, pid, NULL, NULL);
	do {
		(void)stop_wait(pid, UINT64_MAX, &status);
	} while (WIFSTOPPED(status));
}

bool frozen_is_left(const struct frozen *frozen)
{
	struct proc_stat stat;

	return proc_stat_read(frozen->pid, &stat) &&
	       stat.ppid == frozen->parent && stat.state == 'Z';
}

static bool collect_by(struct stopped *stopped, const struct frozen *frozen,
		       struct err *why)
{
	const uint64_t args[4] = { frozen->pid_there, 0, __WALL | WNOHANG };
	struct borrowed b;
	int64_t result;
	bool ok;

	/* 0 would be any child. */
	if (frozen->pid_there == 0)
		return err_set(why, ERR_IO, "its number there is unknown");
	if (!inject_borrow(stopped, &b, why))
		return false;
	ok = inject_call(&b, SYS_wait4, args, &result, NULL, why);
	inject_return(&b);
	return ok && (result > 0 ||
		      err_set(why, ERR_IO, "wait4 in the process: %s",
			      strerror((int)-result)));
}

bool frozen_collect(const struct frozen *frozen, struct stopped *some,
		    struct err *why)
{
	struct dirent *entry;
	bool done = false;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", frozen->parent);
	dir = opendir(path);
	if (!dir)
		return err_errno(why, "%s", path);
	while (!done && (entry = readdir(dir))) {
		unsigned long tid = strtoul(entry->d_name, NULL, 10);

		if (tid == 0 || tid > INT32_MAX)
			continue;
		err_clear(why);
		done = stop_thread(some, (uint32_t)tid, why) &&
		       collect_by(some, frozen, why);
	}
	closedir(dir);
	if (!done)
		err_set(why, ERR_IO, "none of its threads stops");
	return done;
}

/** The target runs: make it collect the copy, trying for a while. */
static bool collect_running(const struct frozen *frozen, struct err *why)
{
	const struct timespec nap = { .tv_nsec = COLLECT_NAP_NS };
	bool done = false;

	for (int i = 0; !done && i < COLLECT_TRIES && frozen_is_left(frozen);
	     i++) {
		struct stopped some = { .pid = frozen->parent, .watch = -1 };

		if (i > 0)
			nanosleep(&nap, NULL);
		for (int k = 0; !done && k < STOP_TRIES; k++)
			done = frozen_collect(frozen, &some, why);
		stop_resume(&some);
	}
	return done || !frozen_is_left(frozen);
}

void frozen_forget(struct frozen *frozen, const struct err *why,
		   struct diag *diag)
{
	if (diag && frozen_is_left(frozen))
		diag_add(diag, "the dead copy (process %u) is left to the "
			 "process, which could not be made to collect it: %s",
			 frozen->pid, why->message);
	*frozen = (struct frozen){0};
}

void frozen_end(struct frozen *frozen, struct stopped *stopped,
		struct diag *diag)
{
	struct err why = {0};

	if (frozen->pid == 0)
		return;
	frozen_kill(frozen);
	if (stopped)
		(void)collect_by(stopped, frozen, &why);
	else
		(void)collect_running(frozen, &why);
	frozen_forget(frozen, &why, diag);
}
