/* SPDX-License-Identifier: MIT */
/* Limits in made-up trees of /proc and /sys/fs/cgroup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "dump/headroom.h"

enum { TARGET = 70, MIB = 1024 };	/* kB */

static char root[256];

/* Write a file below the root, with the folders that it needs. */
static void put(const char *path, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void put(const char *path, const char *fmt, ...)
{
	char full[1024];
	va_list args;
	FILE *out;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *c = full + strlen(root) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(full, 0700);
		*c = '/';
	}
	out = fopen(full, "w");
	assert_non_null(out);
	va_start(args, fmt);
	vfprintf(out, fmt, args);
	va_end(args);
	assert_int_equal(fclose(out), 0);
}

/* A process with 400 MiB of memory and 1 MiB of page tables: a copy costs
 * 51 MiB. */
static void put_process(unsigned uid, const char *capabilities)
{
	put("/proc/70/status", "Name:\tx\nUid:\t%u\t0\t0\t0\nVmPTE:\t%d kB\n"
	    "VmRSS:\t%d kB\nRssAnon:\t%d kB\nVmData:\t%d kB\n"
	    "VmStk:\t132 kB\nThreads:\t4\nCapEff:\t%s\n", uid, MIB, 500 * MIB,
	    400 * MIB, 600 * MIB, capabilities);
}

static void put_machine(int available_mib)
{
	put("/proc/meminfo", "MemTotal: %d kB\nMemFree: 1 kB\n"
	    "MemAvailable: %d kB\nCommitLimit: %d kB\nCommitted_AS: %d kB\n",
	    4000 * MIB, available_mib * MIB, 4000 * MIB, 3000 * MIB);
}

static int make_tree(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "%s/headroom.XXXXXX",
		 getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp");
	if (!mkdtemp(root))
		return -1;
	put_process(1000, "0000000000000000");
	put_machine(2000);
	put("/proc/loadavg", "0.1 0.2 0.3 1/100 999\n");
	put("/proc/sys/vm/overcommit_memory", "0\n");
	put("/proc/70/limits", "Limit   Soft Limit  Hard Limit  Units\n"
	    "Max processes    1000     2000     processes\n");
	put("/proc/self/mountinfo", "30 23 0:27 / /cg rw - cgroup2 cg rw\n"
	    "31 23 0:28 / /cg1/pids rw - cgroup cg rw,pids\n"
	    "32 23 0:29 / /cg1/memory rw - cgroup cg rw,memory\n");
	put("/proc/70/cgroup", "0::/pod/app\n");
	put("/cg/pod/app/memory.max", "max\n");
	return 0;
}

static int remove_tree(void **state)
{
	char command[512];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

/* The reason against a fork, or "" where there is none. */
static const char *reason(void)
{
	static struct err why;

	why = (struct err){0};
	return headroom_allows_fork_below(root, TARGET, &why) ? "" :
	       why.message;
}

static void assert_reason_has(const char *text)
{
	if (!strstr(reason(), text))
		fail_msg("\"%s\" has no \"%s\"", reason(), text);
}

static void a_process_without_limits_may_be_forked(void **state)
{
	(void)state;
	assert_string_equal(reason(), "");
}

/* 51 MiB and a reserve of 5 MiB of 100: 56 must be left, and are at 44. */
static void memory_of_a_cgroup_must_suffice_for_the_copy(void **state)
{
	(void)state;
	put("/cg/pod/app/memory.max", "%d\n", 100 << 20);
	put("/cg/pod/app/memory.current", "%d\n", 44 << 20);
	assert_string_equal(reason(), "");
	put("/cg/pod/app/memory.current", "%d\n", (44 << 20) + 1);
	assert_string_equal(reason(), "a forked copy may take 51.0 MiB, and "
			    "56.0 MiB of 100.0 MiB are left of memory.max of "
			    "/cg/pod/app");
}

static void limits_of_parents_count(void **state)
{
	(void)state;
	put("/cg/pod/memory.max", "%d\n", 600 << 20);
	put("/cg/pod/memory.current", "%d\n", 590 << 20);
	assert_reason_has("memory.max of /cg/pod");
}

static void memory_high_counts_as_a_limit(void **state)
{
	(void)state;
	put("/cg/pod/app/memory.high", "%d\n", 600 << 20);
	put("/cg/pod/app/memory.current", "%d\n", 590 << 20);
	assert_reason_has("memory.high of /cg/pod/app");
}

/* 590 - 30 - 60 / 2 = 530 of 600: 70 left, 51 + 30 needed; then 40 more. */
static void file_pages_that_can_be_dropped_are_free(void **state)
{
	(void)state;
	put("/cg/pod/app/memory.max", "%d\n", 600 << 20);
	put("/cg/pod/app/memory.current", "%d\n", 590 << 20);
	put("/cg/pod/app/memory.stat", "anon 1\ninactive_file %d\n"
	    "active_file %d\nworkingset_active_file 1\n", 30 << 20, 60 << 20);
	assert_reason_has("70.0 MiB of 600.0 MiB are left");
	put("/cg/pod/app/memory.stat", "anon 1\ninactive_file %d\n"
	    "active_file %d\n", 70 << 20, 60 << 20);
	assert_string_equal(reason(), "");
}

static void version_1_is_understood(void **state)
{
	(void)state;
	put("/proc/70/cgroup", "4:memory:/app\n3:pids:/app\n0::/\n");
	put("/cg1/memory/app/memory.limit_in_bytes", "9223372036854771712\n");
	put("/cg1/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/cg1/memory/app/memory.usage_in_bytes", "%d\n", 590 << 20);
	assert_string_equal(reason(), "");
	put("/cg1/memory/app/memory.limit_in_bytes", "%d\n", 600 << 20);
	put("/cg1/memory/app/memory.stat", "inactive_file 9\n"
	    "total_inactive_file %d\ntotal_active_file 0\n", 40 << 20);
	assert_reason_has("50.0 MiB of 600.0 MiB are left of "
			  "memory.limit_in_bytes of /cg1/memory/app");
	put("/cg1/memory/app/memory.usage_in_bytes", "%d\n", 10 << 20);
	put("/cg1/memory/app/memory.memsw.limit_in_bytes", "%d\n", 600 << 20);
	put("/cg1/memory/app/memory.memsw.usage_in_bytes", "%d\n", 599 << 20);
	assert_reason_has("memory.memsw.limit_in_bytes");
}

/* A child and 5 of 100 must fit. */
static void pids_max_counts_at_every_level(void **state)
{
	(void)state;
	put("/cg/pod/pids.max", "100\n");
	put("/cg/pod/pids.current", "94\n");
	assert_string_equal(reason(), "");
	put("/cg/pod/pids.current", "95\n");
	assert_string_equal(reason(), "its cgroup has 95 of 100 threads that "
			    "pids.max allows (/cg/pod)");
	put("/proc/70/cgroup", "4:memory:/app\n3:pids:/app\n0::/pod/app\n");
	put("/cg1/memory/app/memory.limit_in_bytes", "9223372036854771712\n");
	put("/cg1/pids/app/pids.max", "max\n");
	put("/cg1/pids/app/pids.current", "1000000\n");
	assert_string_equal(reason(), "");
	put("/cg1/pids/app/pids.max", "1000001\n");
	assert_reason_has("1000000 of 1000001");
}

/* Threads of other users count for nothing. */
static void threads_of_the_user_are_counted(void **state)
{
	(void)state;
	put("/proc/loadavg", "0.1 0.2 0.3 1/5000 999\n");
	put("/proc/80/status", "Uid:\t1000\t1000\nThreads:\t900\n");
	put("/proc/81/status", "Uid:\t1001\t1000\nThreads:\t900\n");
	put("/proc/82/status", "Uid:\t1000\t0\nThreads:\t45\n");
	assert_string_equal(reason(), "");
	put("/proc/82/status", "Uid:\t1000\t0\nThreads:\t46\n");
	assert_string_equal(reason(), "user 1000 has 950 of 1000 threads that "
			    "RLIMIT_NPROC allows (ulimit -u)");
	put("/proc/70/limits", "Max processes   unlimited  unlimited x\n");
	assert_string_equal(reason(), "");
}

static void put_user_ns(const char *to)
{
	char path[512];

	put("/proc/70/ns/pid", "x");
	snprintf(path, sizeof(path), "%s/proc/70/ns/user", root);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

/* Rights in a user namespace of its own are none here. */
static void the_limit_of_processes_is_not_for_root(void **state)
{
	(void)state;
	put("/proc/loadavg", "0.1 0.2 0.3 1/5000 999\n");
	put("/proc/80/status", "Uid:\t0\t0\nThreads:\t996\n");
	put_process(0, "0000000000000000");
	put_user_ns("user:[4026531837]");
	assert_string_equal(reason(), "");
	put_user_ns("user:[4026539999]");
	assert_reason_has("RLIMIT_NPROC");
	put("/proc/80/status", "Uid:\t1000\t0\nThreads:\t996\n");
	put_process(1000, "0000000001000000");
	assert_reason_has("RLIMIT_NPROC");
	put_user_ns("user:[4026531837]");
	assert_string_equal(reason(), "");
}

/* 600 MiB are promised to the copy, of 1000; 200 more stay. */
static void strict_overcommit_promises_all_of_the_data(void **state)
{
	(void)state;
	put("/proc/sys/vm/overcommit_memory", "2\n");
	assert_string_equal(reason(), "");
	put("/proc/meminfo", "MemTotal: %d kB\nMemAvailable: %d kB\n"
	    "CommitLimit: %d kB\nCommitted_AS: %d kB\n", 4000 * MIB,
	    2000 * MIB, 4000 * MIB, 3210 * MIB);
	assert_reason_has("CommitLimit");
	put("/proc/sys/vm/overcommit_memory", "1\n");
	assert_string_equal(reason(), "");
}

static void memory_of_the_machine_counts(void **state)
{
	(void)state;
	put_machine(252);
	assert_string_equal(reason(), "");
	put_machine(250);
	assert_reason_has("MemAvailable");
}

/* In a container's own mounts, below its root, its cgroup is at the top. */
static void limits_are_seen_through_the_root_of_the_process(void **state)
{
	(void)state;
	put("/proc/70/cgroup", "0::/../other\n");
	assert_reason_has("limits of its memory cgroup /../other cannot be "
			  "seen");
	put("/proc/70/mountinfo",
	    "30 23 0:27 /../other /sys/fs/cgroup ro - cgroup2 cg rw\n");
	put("/proc/70/root/sys/fs/cgroup/memory.max", "%d\n", 600 << 20);
	put("/proc/70/root/sys/fs/cgroup/memory.current", "%d\n", 9 << 20);
	assert_string_equal(reason(), "");
	put("/proc/70/root/sys/fs/cgroup/memory.current", "%d\n", 599 << 20);
	assert_reason_has("memory.max of /proc/70/root/sys/fs/cgroup");
}

static void a_process_that_is_gone_is_not_forked(void **state)
{
	struct err why = {0};

	(void)state;
	assert_false(headroom_allows_fork_below(root, 71, &why));
	assert_string_equal(why.message,
			    "its /proc/71/status cannot be read");
}

/* Files are read again, and left out when they are broken meanwhile. */
static void a_watch_sees_the_limit_come_near(void **state)
{
	struct headroom_watch watch;
	struct err why = {0};

	(void)state;
	put("/cg/pod/memory.max", "%d\n", 600 << 20);
	put("/cg/pod/memory.current", "%d\n", 100 << 20);
	headroom_watch_open_below(&watch, root, TARGET);
	assert_int_equal(watch.n_levels, 1);
	assert_false(headroom_watch_low(&watch, &why));
	put("/cg/pod/memory.current", "%d\n", 571 << 20);
	assert_false(headroom_watch_low(&watch, &why));	/* too early to look */
	watch.next_ns = 0;
	assert_true(headroom_watch_low(&watch, &why));
	assert_string_equal(why.message, "only 29.0 MiB of 600.0 MiB are left "
			    "of memory.max of /cg/pod");
	put("/cg/pod/memory.current", "?\n");
	assert_false(headroom_watch_short(&watch, 0, &why));
	put_machine(100);
	assert_true(headroom_watch_short(&watch, 0, &why));
	headroom_watch_close(&watch);
}

/* 300 MiB in an instant: the other 200 MiB will not last. In ten seconds they
 * will, and a little in an instant says nothing. */
static void a_watch_sees_how_fast_it_comes(void **state)
{
	struct headroom_watch watch;
	struct err why = {0};

	(void)state;
	put("/cg/pod/memory.max", "%d\n", 600 << 20);
	put("/cg/pod/memory.current", "%d\n", 100 << 20);
	put_machine(2000);
	headroom_watch_open_below(&watch, root, TARGET);
	assert_false(headroom_watch_low(&watch, &why));
	put("/cg/pod/memory.current", "%d\n", 107 << 20);
	watch.next_ns = 0;
	watch.window_ns -= 1000;
	assert_false(headroom_watch_low(&watch, &why));
	put("/cg/pod/memory.current", "%d\n", 400 << 20);
	watch.next_ns = 0;
	watch.window_ns -= UINT64_C(10000000000);
	watch.levels[0].left_before = UINT64_C(500) << 20;
	assert_false(headroom_watch_low(&watch, &why));
	watch.next_ns = 0;
	watch.levels[0].left_before = UINT64_C(500) << 20;
	assert_true(headroom_watch_low(&watch, &why));
	assert_string_equal(why.message, "200.0 MiB of 600.0 MiB are left of "
			    "memory.max of /cg/pod, and they go too fast");
	headroom_watch_close(&watch);
}

/* Of 1 TiB no 51 GiB have to be left. */
static void a_large_machine_keeps_a_gigabyte(void **state)
{
	const uint64_t tib = UINT64_C(1) << 40, gib = 1 << 30;
	struct err why = {0};

	(void)state;
	assert_false(headroom_is_short("x", 0, gib, tib, &why));
	assert_true(headroom_is_short("x", 1, gib, tib, &why));
}

static void buffers_are_some_of_the_memory_here(void **state)
{
	(void)state;
	assert_in_range(headroom_for_buffers(), 1 << 20,
			(uint64_t)sysconf(_SC_PHYS_PAGES) *
			(uint64_t)sysconf(_SC_PAGESIZE) / 8);
}

#define ON_TREE(f) cmocka_unit_test_setup_teardown(f, make_tree, remove_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(a_process_without_limits_may_be_forked),
		ON_TREE(memory_of_a_cgroup_must_suffice_for_the_copy),
		ON_TREE(limits_of_parents_count),
		ON_TREE(memory_high_counts_as_a_limit),
		ON_TREE(file_pages_that_can_be_dropped_are_free),
		ON_TREE(version_1_is_understood),
		ON_TREE(pids_max_counts_at_every_level),
		ON_TREE(threads_of_the_user_are_counted),
		ON_TREE(the_limit_of_processes_is_not_for_root),
		ON_TREE(strict_overcommit_promises_all_of_the_data),
		ON_TREE(memory_of_the_machine_counts),
		ON_TREE(limits_are_seen_through_the_root_of_the_process),
		ON_TREE(a_process_that_is_gone_is_not_forked),
		ON_TREE(a_watch_sees_the_limit_come_near),
		ON_TREE(a_watch_sees_how_fast_it_comes),
		cmocka_unit_test(a_large_machine_keeps_a_gigabyte),
		cmocka_unit_test(buffers_are_some_of_the_memory_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
