/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Whether a process has room for a copy of itself, before and while there is
 * one.
 *
 * A forked copy counts as a process of the target's user and of its cgroups,
 * and what it costs in memory is charged to them: its page tables at once,
 * and a page for each one that the target writes to while the copy exists.
 * Too much of either, and the kernel refuses the target's next fork or kills
 * something. So nothing is forked that would leave less than HEADROOM_PERCENT
 * of any limit, and the copy is given up when it comes to that later.
 *
 * The cost is estimated as VmPTE (the page tables that the target has) plus
 * an eighth of RssAnon. The eighth is a guess: a program that writes to more
 * of its memory than that while the copy is read is what the watch is for.
 *
 * Limits: setrlimit(2) (RLIMIT_NPROC), pids.max and memory.max, memory.high
 * of cgroup v2 and memory.limit_in_bytes, memory.memsw.limit_in_bytes of v1,
 * of the cgroup and all its parents that can be seen (admin-guide/cgroup-v2,
 * admin-guide/cgroup-v1 of the kernel), vm.overcommit_memory = 2 (CommitLimit
 * of /proc/meminfo) and MemAvailable. File pages that the kernel can drop do
 * not count as used: all of memory.stat's inactive_file, half of active_file
 * (about as in si_mem_available(), mm/show_mem.c).
 */
#ifndef DUMP_HEADROOM_H
#define DUMP_HEADROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { HEADROOM_PERCENT = 5, HEADROOM_LEVELS_MAX = 16, HEADROOM_POLL_MS = 5 };

/* What is left must last for so long, as it was used in the last moments. */
enum { HEADROOM_HORIZON_MS = 100, HEADROOM_WINDOW_MS = 25 };

/* Of a large memory less than HEADROOM_PERCENT is enough. */
#define HEADROOM_BYTES (UINT64_C(1) << 30)

/**
 * True when the process @pid may be forked. Else @why tells which limit is in
 * the way, with figures, as a reason to copy the stopped process instead.
 * Takes about a millisecond; nothing needs to be stopped. A walk through all
 * of /proc is made only where the machine has more threads than RLIMIT_NPROC.
 */
bool headroom_allows_fork(uint32_t pid, struct err *why);

/** What of @limit processes or threads is to be left. */
static inline uint64_t headroom_reserve(uint64_t limit)
{
	return limit / 100 * HEADROOM_PERCENT +
	       limit % 100 * HEADROOM_PERCENT / 100;
}

/**
 * True when @cost bytes more would leave too little of @limit, of which @left
 * are left; @why says so of @what.
 */
bool headroom_is_short(const char *what, uint64_t cost, uint64_t left,
		       uint64_t limit, struct err *why);

/* One limit on memory, and where its use can be read again. */
struct headroom_level {
	char name[128];		/* "memory.max of /sys/fs/cgroup/app" */
	int usage, stat;	/* owned descriptors; @stat may be -1 */
	uint64_t limit;		/* bytes */
	uint64_t left_before;	/* what was left when the window began */
};

struct headroom_watch {
	struct headroom_level levels[HEADROOM_LEVELS_MAX];
	size_t n_levels;
	int meminfo;		/* owned, or -1 */
	uint64_t next_ns;	/* monotonic: not looked at before */
	uint64_t window_ns;	/* monotonic: the window began; 0 is none */
};

/**
 * Begin to watch the limits on the memory of @pid, before it is forked: what
 * is open can be read whatever becomes of the process. What cannot be opened
 * is not watched. Release with headroom_watch_close().
 */
void headroom_watch_open(struct headroom_watch *ret, uint32_t pid);

/**
 * True when less than HEADROOM_PERCENT of a limit is left, or what is left
 * goes too fast to last for HEADROOM_HORIZON_MS; @why tells which.
 * Meant to be called for each piece that is copied: looks every
 * HEADROOM_POLL_MS only, and is false in between.
 */
bool headroom_watch_low(struct headroom_watch *watch, struct err *why);

/** The same at once, with @cost bytes added to what is used. */
bool headroom_watch_short(const struct headroom_watch *watch, uint64_t cost,
			  struct err *why);

/** For a watch that was opened, once. */
void headroom_watch_close(struct headroom_watch *watch);

/**
 * Bytes that holdfast itself may use for buffers: an eighth of what its own
 * cgroup, which may be the target's, and the machine have left.
 */
uint64_t headroom_for_buffers(void);

/* The same below another root folder than "/" ("" is that), for tests. */
bool headroom_allows_fork_below(const char *root, uint32_t pid,
				struct err *why);
void headroom_watch_open_below(struct headroom_watch *ret, const char *root,
			       uint32_t pid);

#endif
