/* SPDX-License-Identifier: MIT */
#include "dump/process_end.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#include "dump/proc_file.h"

/* Whoever ends the others is in its system call, or about to stop in it. */
enum { TRIES = 2000, NAP_NS = 1000000 };

/** The system call that a thread is in; -1 when it is in none, or runs. */
static long call_of(uint32_t pid, uint32_t tid)
{
	struct proc_text text;
	struct err ignored = {0};
	char name[64], *end;
	long number;

	snprintf(name, sizeof(name), "task/%u/syscall", tid);
	if (!proc_read(pid, name, &text, &ignored))
		return -1;
	number = strtol(text.at, &end, 10);
	if (end == text.at)
		number = -1;
	proc_text_free(&text);
	return number;
}

static bool is_exec(long call)
{
	return call == SYS_execve || call == SYS_execveat;
}

/** The call that ends the threads of @pid: exit_group, execve, or -1. */
static long ending_call(uint32_t pid)
{
	struct dirent *entry;
	char path[64];
	long found = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (dir && found < 0 && (entry = readdir(dir))) {
		unsigned long tid = strtoul(entry->d_name, NULL, 10);
		long call = tid ? call_of(pid, (uint32_t)tid) : -1;

		if (call == SYS_exit_group || is_exec(call))
			found = call;
	}
	if (dir)
		closedir(dir);
	return found;
}

/** A thread that another one ended; with status 0 it may be for execve. */
static bool ended_by_exit_group(uint32_t pid)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	long call;

	for (int i = 0; i < TRIES; i++) {
		call = ending_call(pid);
		if (call >= 0)
			return call == SYS_exit_group;
		nanosleep(&nap, NULL);
	}
	return false;
}

bool process_ends(uint32_t pid, uint32_t tid)
{
	unsigned long status = 0;
	long call;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &status) != 0 ||
	    (status & 0x7f) != 0)
		return false;
	call = call_of(pid, tid);
	if (call == SYS_exit_group)
		return true;
	if (call == SYS_exit)
		return proc_status_number(pid, "Threads", 1) <= 1;
	return status != 0 || ended_by_exit_group(pid);
}
