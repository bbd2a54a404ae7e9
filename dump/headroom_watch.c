/* SPDX-License-Identifier: MIT */
#include "dump/headroom.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/human.h"
#include "dump/cgroup.h"

/* Files that set a limit, and where its use stands. */
static const struct limit_file {
	int version;
	const char *limit, *usage;
} limit_files[] = {
	{ 2, "memory.max", "memory.current" },
	{ 2, "memory.high", "memory.current" },
	{ 1, "memory.limit_in_bytes", "memory.usage_in_bytes" },
	{ 1, "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes" },
};

enum { TEXT_MAX = 16384 };	/* meminfo and memory.stat take 1 to 5 KiB */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool headroom_is_short(const char *what, uint64_t cost, uint64_t left,
		       uint64_t limit, struct err *why)
{
	uint64_t reserve = min_u64(headroom_reserve(limit), HEADROOM_BYTES);
	char text[3][HUMAN_MAX];

	if (left >= reserve && left - reserve >= cost)
		return false;
	human_size(left, false, text[0]);
	human_size(limit, false, text[1]);
	human_size(cost, false, text[2]);
	if (cost == 0)
		err_set(why, ERR_LIMIT, "only %s of %s are left of %s",
			text[0], text[1], what);
	else
		err_set(why, ERR_LIMIT, "a forked copy may take %s, and %s of "
			"%s are left of %s", text[2], text[0], text[1], what);
	return true;
}

/** Read an open file again from its beginning; @buf ends in NUL. */
static bool reread(int fd, char buf[TEXT_MAX], struct proc_text *ret)
{
	ssize_t got = fd < 0 ? -1 : pread(fd, buf, TEXT_MAX - 1, 0);

	if (got <= 0)
		return false;
	buf[got] = '\0';
	*ret = (struct proc_text){ buf, (size_t)got };
	return true;
}

/** The number behind "KEY " in memory.stat, or 0. */
static uint64_t stat_number(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = strstr(text, key); at; at = strstr(at + n, key)) {
		if ((at == text || at[-1] == '\n') && at[n] == ' ')
			return strtoull(at + n, NULL, 10);
	}
	return 0;
}

/** Version 1 has the sums over all children apart, as "total_...". */
static uint64_t droppable(const struct headroom_level *level)
{
	char buf[TEXT_MAX];
	struct proc_text text;

	if (!reread(level->stat, buf, &text))
		return 0;
	if (strstr(text.at, "total_inactive_file "))
		return stat_number(text.at, "total_inactive_file") +
		       stat_number(text.at, "total_active_file") / 2;
	return stat_number(text.at, "inactive_file") +
	       stat_number(text.at, "active_file") / 2;
}

/** Bytes left of the limit; memory.stat is read only when it matters. */
static bool left_of(const struct headroom_level *level, uint64_t enough,
		    uint64_t *ret)
{
	char buf[TEXT_MAX];
	struct proc_text text;
	uint64_t used;

	if (!reread(level->usage, buf, &text) ||
	    !isdigit((unsigned char)text.at[0]))
		return false;
	used = strtoull(text.at, NULL, 10);
	*ret = used < level->limit ? level->limit - used : 0;
	if (*ret < enough) {
		used -= min_u64(used, droppable(level));
		*ret = used < level->limit ? level->limit - used : 0;
	}
	return true;
}

static bool machine_is_short(const struct headroom_watch *watch, uint64_t cost,
			     struct err *why)
{
	char buf[TEXT_MAX];
	struct proc_text text;
	uint64_t total, left;

	if (!reread(watch->meminfo, buf, &text))
		return false;
	total = proc_text_number(&text, "MemTotal", 0) * 1024;
	left = proc_text_number(&text, "MemAvailable", total / 1024) * 1024;
	return headroom_is_short("the memory of this machine (MemAvailable)",
				 cost, left, total, why);
}

bool headroom_watch_short(const struct headroom_watch *watch, uint64_t cost,
			  struct err *why)
{
	for (size_t i = 0; i < watch->n_levels; i++) {
		const struct headroom_level *level = &watch->levels[i];
		uint64_t enough = headroom_reserve(level->limit) + cost, left;

		if (left_of(level, enough, &left) &&
		    headroom_is_short(level->name, cost, left, level->limit,
				      why))
			return true;
	}
	return machine_is_short(watch, cost, why);
}

/**
 * True when @left of a level will not last, as it shrank in the last @ns.
 * Little use says nothing: the kernel counts in batches.
 */
static bool runs_out(const struct headroom_level *level, uint64_t left,
		     uint64_t ns, struct err *why)
{
	const double horizon = HEADROOM_HORIZON_MS * 1e6;
	uint64_t used = level->left_before - min_u64(left, level->left_before);
	char text[2][HUMAN_MAX];

	if (used <= headroom_reserve(level->limit) / 4 ||
	    (double)used * horizon < (double)left * (double)ns)
		return false;
	human_size(left, false, text[0]);
	human_size(level->limit, false, text[1]);
	return !err_set(why, ERR_LIMIT, "%s of %s are left of %s, and they "
			"go too fast", text[0], text[1], level->name);
}

static bool a_level_runs_out(struct headroom_watch *watch, uint64_t now,
			     struct err *why)
{
	uint64_t ns = now - watch->window_ns;
	bool begins = watch->window_ns == 0 ||
		      ns >= HEADROOM_WINDOW_MS * UINT64_C(1000000);

	for (size_t i = 0; i < watch->n_levels; i++) {
		struct headroom_level *level = &watch->levels[i];
		uint64_t left;

		if (!left_of(level, level->limit / 2, &left))
			continue;
		if (watch->window_ns && runs_out(level, left, ns, why))
			return true;
		if (begins)
			level->left_before = left;
	}
	if (begins)
		watch->window_ns = now;
	return false;
}

bool headroom_watch_low(struct headroom_watch *watch, struct err *why)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (now < watch->next_ns)
		return false;
	watch->next_ns = now + HEADROOM_POLL_MS * UINT64_C(1000000);
	return headroom_watch_short(watch, 0, why) ||
	       a_level_runs_out(watch, now, why);
}

static int open_in(const char *folder, const char *name)
{
	char path[CGROUP_PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/** The limit in a file of a cgroup; false for none. */
static bool read_limit(const char *folder, const char *name, uint64_t *ret)
{
	char buf[TEXT_MAX];
	struct proc_text text;
	int fd = open_in(folder, name);
	bool ok = reread(fd, buf, &text) &&
		  isdigit((unsigned char)text.at[0]);

	if (ok)
		*ret = strtoull(text.at, NULL, 10);
	if (fd >= 0)
		close(fd);
	/* Version 1 has LONG_MAX, cut to pages, for no limit. */
	return ok && *ret < INT64_MAX / 4096 * 4096;
}

static void add_level(struct headroom_watch *watch, const char *folder,
		      const char *seen_as, const struct limit_file *file)
{
	struct headroom_level *level = &watch->levels[watch->n_levels];
	int n;

	if (watch->n_levels == HEADROOM_LEVELS_MAX ||
	    !read_limit(folder, file->limit, &level->limit))
		return;
	n = snprintf(level->name, sizeof(level->name), "%s of %s", file->limit,
		     seen_as);
	if (n >= (int)sizeof(level->name))
		memcpy(level->name + sizeof(level->name) - 4, "...", 4);
	level->usage = open_in(folder, file->usage);
	level->stat = open_in(folder, "memory.stat");
	watch->n_levels++;
}

static void add_levels(struct headroom_watch *watch, const char *root,
		       uint32_t pid)
{
	const size_t n = sizeof(limit_files) / sizeof(limit_files[0]);
	struct cgroup cgroup;

	if (!cgroup_locate(root, pid, "memory", &cgroup) || !cgroup.folder[0])
		return;
	do {
		for (size_t i = 0; i < n; i++) {
			if (limit_files[i].version == cgroup.version)
				add_level(watch, cgroup.folder,
					  cgroup.folder + strlen(root),
					  &limit_files[i]);
		}
	} while (cgroup_to_parent(&cgroup));
}

void headroom_watch_open_below(struct headroom_watch *ret, const char *root,
			       uint32_t pid)
{
	char path[CGROUP_PATH_MAX];

	*ret = (struct headroom_watch){0};
	snprintf(path, sizeof(path), "%s/proc", root);
	ret->meminfo = open_in(path, "meminfo");
	add_levels(ret, root, pid);
}

void headroom_watch_open(struct headroom_watch *ret, uint32_t pid)
{
	headroom_watch_open_below(ret, "", pid);
}

void headroom_watch_close(struct headroom_watch *watch)
{
	for (size_t i = 0; i < watch->n_levels; i++) {
		if (watch->levels[i].usage >= 0)
			close(watch->levels[i].usage);
		if (watch->levels[i].stat >= 0)
			close(watch->levels[i].stat);
	}
	if (watch->meminfo >= 0)
		close(watch->meminfo);
	*watch = (struct headroom_watch){ .meminfo = -1 };
}

uint64_t headroom_for_buffers(void)
{
	struct headroom_watch watch;
	char buf[TEXT_MAX];
	struct proc_text text;
	uint64_t least = UINT64_MAX, left;

	headroom_watch_open(&watch, (uint32_t)getpid());
	for (size_t i = 0; i < watch.n_levels; i++) {
		if (left_of(&watch.levels[i], UINT64_MAX, &left))
			least = min_u64(least, left);
	}
	if (reread(watch.meminfo, buf, &text))
		least = min_u64(least, proc_text_number(&text, "MemAvailable",
							0) * 1024);
	headroom_watch_close(&watch);
	return least / 8;
}
