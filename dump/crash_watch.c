/* SPDX-License-Identifier: MIT */
#include "dump/crash_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dump/proc_file.h"

/* SIGKILL ends the child, unless a driver holds it for ever. */
enum { REAP_SECONDS = 5 };

static uint64_t now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* Wait until @child ends or @until; SIGCHLD is blocked. */
static bool ends_before(pid_t child, uint64_t until, int *status)
{
	const struct timespec second = { .tv_sec = 1 };
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		if (waitpid(child, status, WNOHANG) == child)
			return true;
		if (now_seconds() >= until)
			return false;
		(void)sigtimedwait(&chld, NULL, &second);
	}
}

static bool ends_in_time(pid_t child, uint32_t tid, uint64_t held,
			 uint64_t rest, int *status)
{
	uint64_t limit = now_seconds() + held;

	if (ends_before(child, limit, status))
		return true;
	/* The process has been let go: what is left are types and frames. */
	return proc_status_number(tid, "CoreDumping", 0) != 1 &&
	       ends_before(child, limit + rest, status);
}

bool crash_watch(uint32_t tid, uint64_t held, uint64_t rest, int *status)
{
	int null, wait_status = 0;
	sigset_t chld, old;
	pid_t child;

	*status = -1;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	child = fork();
	if (child <= 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		if (child == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		return true;
	}
	/* The kernel lets the process go when nobody reads its core. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
	if (ends_in_time(child, tid, held, rest, &wait_status)) {
		*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) :
						   -1;
	} else {
		kill(child, SIGKILL);
		(void)ends_before(child, now_seconds() + REAP_SECONDS,
				  &wait_status);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return false;
}
