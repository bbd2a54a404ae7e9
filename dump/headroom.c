/* SPDX-License-Identifier: MIT */
#include "dump/headroom.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/cgroup.h"

#define NO_LIMIT CGROUP_NO_LIMIT

enum { CAP_SYS_ADMIN_BIT = 21, CAP_SYS_RESOURCE_BIT = 24 };

/* The first user namespace (PROC_USER_INIT_INO of the kernel): only rights in
 * there lift RLIMIT_NPROC (kernel/fork.c, copy_process()). */
#define FIRST_USER_NS "user:[4026531837]"

/* The process that is asked about. */
struct asked {
	const char *root;
	uint32_t pid;
	struct proc_text status;	/* of /proc/PID */
};

/** Read ROOT/proc/NAME, or ROOT/proc/PID/NAME for a @pid. */
static bool read_proc(const char *root, uint32_t pid, const char *name,
		      struct proc_text *ret)
{
	char path[CGROUP_PATH_MAX];
	struct err err = {0};

	if (pid)
		snprintf(path, sizeof(path), "%s/proc/%u/%s", root, pid, name);
	else
		snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	return proc_read_path(path, ret, &err);
}

/* --- processes --- */

/** The soft limit in the text of /proc/PID/limits. */
static uint64_t limit_of_processes(const struct asked *a)
{
	struct proc_text text;
	uint64_t limit = NO_LIMIT;
	const char *at;

	if (!read_proc(a->root, a->pid, "limits", &text))
		return limit;
	at = strstr(text.at, "Max processes");
	if (at) {
		at += strlen("Max processes");
		at += strspn(at, " ");
		if (isdigit((unsigned char)*at))
			limit = strtoull(at, NULL, 10);
	}
	proc_text_free(&text);
	return limit;
}

static bool has_capability(const struct proc_text *status, int bit)
{
	const char *at = strstr(status->at, "\nCapEff:");

	return at && (strtoull(at + 8, NULL, 16) >> bit & 1);
}

/** True when RLIMIT_NPROC does not apply. */
static bool is_exempt(const struct asked *a)
{
	char path[CGROUP_PATH_MAX], ns[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/proc/%u/ns/user", a->root, a->pid);
	n = readlink(path, ns, sizeof(ns) - 1);
	if (n < 0)
		return false;
	ns[n] = '\0';
	return strcmp(ns, FIRST_USER_NS) == 0 &&
	       (proc_text_number(&a->status, "Uid", 1) == 0 ||
		has_capability(&a->status, CAP_SYS_ADMIN_BIT) ||
		has_capability(&a->status, CAP_SYS_RESOURCE_BIT));
}

/** All threads of the machine: the second number in "0.1 0.2 0.3 1/123 456". */
static uint64_t count_all_threads(const char *root)
{
	struct proc_text text;
	uint64_t n = NO_LIMIT;
	const char *slash;

	if (!read_proc(root, 0, "loadavg", &text))
		return n;
	slash = strchr(text.at, '/');
	if (slash)
		n = strtoull(slash + 1, NULL, 10);
	proc_text_free(&text);
	return n;
}

/** Threads of the processes of @uid that can be seen. */
static uint64_t count_threads_of(const char *root, uint64_t uid)
{
	char path[CGROUP_PATH_MAX];
	uint64_t n = 0;
	struct dirent *entry;
	DIR *proc;

	snprintf(path, sizeof(path), "%s/proc", root);
	proc = opendir(path);
	if (!proc)
		return 0;
	while ((entry = readdir(proc))) {
		struct proc_text status;
		unsigned long pid = strtoul(entry->d_name, NULL, 10);

		if (pid == 0 || pid > INT32_MAX ||
		    !read_proc(root, (uint32_t)pid, "status", &status))
			continue;
		if (proc_text_number(&status, "Uid", UINT64_MAX) == uid)
			n += proc_text_number(&status, "Threads", 0);
		proc_text_free(&status);
	}
	closedir(proc);
	return n;
}

static bool user_has_room(const struct asked *a, struct err *why)
{
	uint64_t limit = limit_of_processes(a), uid, n;

	if (limit == NO_LIMIT || is_exempt(a))
		return true;
	n = count_all_threads(a->root);
	if (n < limit && n + 1 + headroom_reserve(limit) <= limit)
		return true;
	uid = proc_text_number(&a->status, "Uid", 0);
	n = count_threads_of(a->root, uid);
	if (n < limit && n + 1 + headroom_reserve(limit) <= limit)
		return true;
	return err_set(why, ERR_LIMIT, "user %" PRIu64 " has %" PRIu64 " of "
		       "%" PRIu64 " threads that RLIMIT_NPROC allows (ulimit "
		       "-u)", uid, n, limit);
}

static bool pids_have_room(const struct asked *a, struct err *why)
{
	struct cgroup cgroup;

	if (!cgroup_locate(a->root, a->pid, "pids", &cgroup) ||
	    !cgroup.folder[0])
		return true;
	do {
		uint64_t max = cgroup_number(cgroup.folder, "pids.max");
		uint64_t n = cgroup_number(cgroup.folder, "pids.current");

		if (max == NO_LIMIT || n == NO_LIMIT ||
		    (n < max && n + 1 + headroom_reserve(max) <= max))
			continue;
		return err_set(why, ERR_LIMIT, "its cgroup has %" PRIu64 " of "
			       "%" PRIu64 " threads that pids.max allows (%s)",
			       n, max, cgroup.folder + strlen(a->root));
	} while (cgroup_to_parent(&cgroup));
	return true;
}

/* --- memory --- */

/**
 * What a copy may cost: page tables now, and pages that the process writes to
 * while the copy is there.
 */
static uint64_t cost_of_copy(const struct proc_text *status)
{
	uint64_t rss = proc_text_number(status, "VmRSS", 0);
	uint64_t anon = proc_text_number(status, "RssAnon", rss);
	uint64_t tables = proc_text_number(status, "VmPTE", rss / 512);

	return (tables + anon / 8) * 1024;
}

static bool commit_has_room(const struct asked *a, struct err *why)
{
	struct proc_text text;
	uint64_t limit, used, cost, left;
	bool ok = true;

	if (!read_proc(a->root, 0, "sys/vm/overcommit_memory", &text))
		return true;
	ok = text.at[0] != '2';
	proc_text_free(&text);
	if (ok || !read_proc(a->root, 0, "meminfo", &text))
		return true;
	limit = proc_text_number(&text, "CommitLimit", 0) * 1024;
	used = proc_text_number(&text, "Committed_AS", 0) * 1024;
	proc_text_free(&text);
	/* All that may be written to is promised to the copy as well. */
	cost = (proc_text_number(&a->status, "VmData", 0) +
		proc_text_number(&a->status, "VmStk", 0)) * 1024;
	left = limit > used ? limit - used : 0;
	return !headroom_is_short("CommitLimit (vm.overcommit_memory is 2)",
				  cost, left, limit, why);
}

static bool levels_have_room(const struct asked *a, struct err *why)
{
	uint64_t cost = cost_of_copy(&a->status);
	struct headroom_watch watch;
	bool ok;

	headroom_watch_open_below(&watch, a->root, a->pid);
	ok = !headroom_watch_short(&watch, cost, why);
	headroom_watch_close(&watch);
	return ok;
}

/** A limit that cannot be seen may be any. */
static bool limits_are_visible(const struct asked *a, struct err *why)
{
	struct cgroup cgroup;

	if (!cgroup_locate(a->root, a->pid, "memory", &cgroup) ||
	    cgroup.folder[0] || strcmp(cgroup.path, "/") == 0)
		return true;
	return err_set(why, ERR_LIMIT, "the limits of its memory cgroup %s "
		       "cannot be seen from here", cgroup.path);
}

bool headroom_allows_fork_below(const char *root, uint32_t pid,
				struct err *why)
{
	struct asked a = { .root = root, .pid = pid };
	bool ok;

	if (!read_proc(root, pid, "status", &a.status))
		return err_set(why, ERR_IO, "its /proc/%u/status cannot be "
			       "read", pid);
	ok = user_has_room(&a, why) && pids_have_room(&a, why) &&
	     commit_has_room(&a, why) && limits_are_visible(&a, why) &&
	     levels_have_room(&a, why);
	proc_text_free(&a.status);
	return ok;
}

bool headroom_allows_fork(uint32_t pid, struct err *why)
{
	return headroom_allows_fork_below("", pid, why);
}
