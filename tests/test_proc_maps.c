/* SPDX-License-Identifier: MIT */
/* Texts of /proc as the kernel writes them, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dump/cgroup.h"
#include "dump/mapped_files.h"
#include "dump/pagemap.h"
#include "dump/proc_file.h"
#include "dump/proc_maps.h"

static struct proc_text text_of(const char *literal)
{
	struct proc_text text = { strdup(literal), strlen(literal) };

	assert_non_null(text.at);
	return text;
}

static struct image parse(const char *literal)
{
	struct proc_text text = text_of(literal);
	struct image image = {0};
	struct err err = {0};

	assert_true(proc_maps_parse(&text, &image, &err));
	proc_text_free(&text);
	return image;
}

static const char smaps[] =
	"55d0c0a00000-55d0c0a02000 r-xp 00001000 fe:01 1835110"
	"                    /usr/bin/my prog (deleted)\n"
	"Size:                  8 kB\n"
	"KernelPageSize:        4 kB\n"
	"Rss:                   8 kB\n"
	"Pss:                   5 kB\n"
	"Pss_Dirty:             1 kB\n"
	"Shared_Clean:          4 kB\n"
	"Shared_Dirty:         12 kB\n"
	"Private_Clean:        16 kB\n"
	"Private_Dirty:        20 kB\n"
	"Referenced:            8 kB\n"
	"Anonymous:            24 kB\n"
	"AnonHugePages:      2048 kB\n"
	"Swap:                 28 kB\n"
	"SwapPss:              99 kB\n"
	"THPeligible:           0\n"
	"VmFlags: rd ex mr mw me dd sd \n"
	"7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
	"Rss:                   0 kB\n"
	"7ffc00000000-7ffc00021000 ---s 00000000 08:10 7      "
	"            /tmp/a\\012b\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0"
	"                  [vsyscall]\n";

static void reads_every_field_of_smaps(void **state)
{
	struct image image = parse(smaps);
	const struct mapping *m = image.mappings.at;

	(void)state;
	assert_int_equal(image.mappings.len, 4);
	assert_int_equal(m->start, 0x55d0c0a00000);
	assert_int_equal(m->end, 0x55d0c0a02000);
	assert_int_equal(m->perms, PERM_READ | PERM_EXEC);
	assert_int_equal(m->offset, 0x1000);
	assert_int_equal(m->dev_major, 0xfe);
	assert_int_equal(m->dev_minor, 1);
	assert_int_equal(m->inode, 1835110);
	assert_string_equal(m->path, "/usr/bin/my prog (deleted)");
	assert_string_equal(m->vm_flags, "rd ex mr mw me dd sd");
	assert_true(m->has_smaps);
	assert_int_equal(m->rss, 8 * 1024);
	assert_int_equal(m->pss, 5 * 1024);
	assert_int_equal(m->shared_clean, 4 * 1024);
	assert_int_equal(m->shared_dirty, 12 * 1024);
	assert_int_equal(m->private_clean, 16 * 1024);
	assert_int_equal(m->private_dirty, 20 * 1024);
	assert_int_equal(m->anonymous, 24 * 1024);
	assert_int_equal(m->anon_huge, 2048 * 1024);
	assert_int_equal(m->swap, 28 * 1024);
	assert_true(mapping_has_flag(m, "dd"));
	assert_true(mapping_has_flag(m, "rd"));
	assert_true(mapping_has_flag(m, "sd"));
	assert_false(mapping_has_flag(m, "io"));
	assert_int_equal(image.diag.len, 0);
	image_close(&image);
}

static void keeps_paths_as_the_kernel_gives_them(void **state)
{
	struct image image = parse(smaps);

	(void)state;
	assert_string_equal(image.mappings.at[1].path, "");
	assert_string_equal(image.mappings.at[1].vm_flags, "");
	assert_string_equal(image.mappings.at[2].path, "/tmp/a\\012b");
	assert_int_equal(image.mappings.at[2].perms, PERM_SHARED);
	assert_int_equal(image.mappings.at[2].dev_minor, 0x10);
	assert_false(image.mappings.at[2].has_smaps);
	assert_string_equal(image.mappings.at[3].path, "[vsyscall]");
	assert_int_equal(image.mappings.at[3].end, 0xffffffffff601000);
	image_close(&image);
}

/* "Anonymous" and "AnonHugePages" begin with a hexadecimal digit. */
static void reads_plain_maps_without_a_final_newline(void **state)
{
	struct image image = parse(
		"1000-2000 rw-p 00000000 00:00 0\n"
		"3000-4000 -w-s 00000000 00:01 5    /dev/zero (deleted)");

	(void)state;
	assert_int_equal(image.mappings.len, 2);
	assert_string_equal(image.mappings.at[0].path, "");
	assert_string_equal(image.mappings.at[1].path, "/dev/zero (deleted)");
	assert_int_equal(image.diag.len, 0);
	image_close(&image);
}

static void leaves_out_and_counts_what_is_no_mapping(void **state)
{
	static const char *const bad[] = {
		"2000-1000 rw-p 00000000 00:00 0\n",
		"1000-1000 rw-p 00000000 00:00 0\n",
		"1001-2000 rw-p 00000000 00:00 0\n",
		"1000-2000 rw-? 00000000 00:00 0\n",
		"1000-2000 rwzp 00000000 00:00 0\n",
		"1000-2000 rw-p 00000000 00:00\n",
		"1000-2000 rw-p 00000000 00:00 x\n",
		"1000-2000 rw\n",
		"1000-\n",
		"1000-10000000000000000 rw-p 00000000 00:00 0\n",
		"1000-2000 rw-p 00000000 fffffffff:00 0\n",
		" 1000-2000 rw-p 00000000 00:00 0\n",
		"\n",
		"\xff\xfe\x01\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct image image = parse(bad[i]);

		assert_int_equal(image.mappings.len, 0);
		assert_int_equal(image.diag.len, 1);
		image_close(&image);
	}
}

/* The figures of a mapping that is left out must not go to the one before. */
static void fields_of_a_mapping_left_out_go_with_it(void **state)
{
	struct image image = parse(
		"3000-4000 rw-p 00000000 00:00 0\n"
		"Rss:                   4 kB\n"
		"1000-2000 rw-p 00000000 00:00 0\n"
		"Rss:                  44 kB\n"
		"VmFlags: dd\n"
		"3800-5000 rw-p 00000000 00:00 0\n"
		"Rss:                  48 kB\n");

	(void)state;
	assert_int_equal(image.mappings.len, 1);
	assert_int_equal(image.mappings.at[0].rss, 4096);
	assert_string_equal(image.mappings.at[0].vm_flags, "");
	assert_int_equal(image.diag.len, 2);
	image_close(&image);
}

static void ignores_figures_that_do_not_fit(void **state)
{
	struct image image = parse(
		"1000-2000 rw-p 00000000 00:00 0\n"
		"Rss:    99999999999999999999999 kB\n"
		"Pss:    18446744073709551615 kB\n"
		"Swap:   -1 kB\n"
		"Anonymous:\n"
		":\n");

	(void)state;
	assert_int_equal(image.mappings.len, 1);
	assert_false(image.mappings.at[0].has_smaps);
	assert_int_equal(image.mappings.at[0].rss, 0);
	assert_int_equal(image.mappings.at[0].pss, 0);
	image_close(&image);
}

static void finds_a_flag_only_as_a_whole_word(void **state)
{
	struct mapping m = { .vm_flags = "rdd ddx dd" };

	(void)state;
	assert_true(mapping_has_flag(&m, "dd"));
	m.vm_flags = "rdd ddx";
	assert_false(mapping_has_flag(&m, "dd"));
	m.vm_flags = "";
	assert_false(mapping_has_flag(&m, "dd"));
}

static void a_command_name_may_hold_anything(void **state)
{
	struct proc_text text = text_of(
		"77 (a) Z 1 (b\n) S 42 77 77 0 -1 2097216 0 0\n");
	struct proc_stat stat;

	(void)state;
	assert_true(proc_stat_parse(&text, &stat));
	assert_string_equal(stat.comm, "a) Z 1 (b\n");
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.ppid, 42);
	assert_true(stat.kernel_thread);
	proc_text_free(&text);
	text = text_of("77 no parentheses S 42");
	assert_false(proc_stat_parse(&text, &stat));
	proc_text_free(&text);
	text = text_of("77 )( S 42 77 77 0 -1 1");
	assert_false(proc_stat_parse(&text, &stat));
	proc_text_free(&text);
}

static enum mapping_class classify(const char *path, uint32_t perms,
				   const char *flags)
{
	struct mapping m = { .path = path, .perms = perms, .vm_flags = flags };

	return mapping_classify(&m);
}

static void knows_memory_from_files_and_devices(void **state)
{
	const uint32_t rw = PERM_READ | PERM_WRITE, rws = rw | PERM_SHARED;

	(void)state;
	assert_int_equal(classify("", rw, "rd wr"), CLASS_PRIVATE);
	assert_int_equal(classify("[heap]", rw, ""), CLASS_PRIVATE);
	assert_int_equal(classify("[stack]", rw, ""), CLASS_PRIVATE);
	assert_int_equal(classify("[anon:x]", rw, ""), CLASS_PRIVATE);
	assert_int_equal(classify("/dev/zero", rw, ""), CLASS_PRIVATE);
	assert_int_equal(classify("/dev/zero (deleted)", rws, ""),
			 CLASS_SHARED);
	assert_int_equal(classify("/memfd:x (deleted)", rws, ""),
			 CLASS_SHARED);
	assert_int_equal(classify("/memfd:x (deleted)", rw, ""), CLASS_SHARED);
	assert_int_equal(classify("/SYSV00000000 (deleted)", rws, ""),
			 CLASS_SHARED);
	assert_int_equal(classify("/dev/shm/x", rws, ""), CLASS_SHARED);
	assert_int_equal(classify("/usr/lib/x.so", PERM_READ, ""), CLASS_FILE);
	assert_int_equal(classify("[vdso]", PERM_READ | PERM_EXEC, "de"),
			 CLASS_KERNEL_CODE);
	assert_int_equal(classify("[vvar]", PERM_READ, ""), CLASS_LEFT_OUT);
	assert_int_equal(classify("[vsyscall]", PERM_EXEC, ""),
			 CLASS_LEFT_OUT);
	assert_int_equal(classify("/dev/dri/card0", rws, ""), CLASS_LEFT_OUT);
	assert_int_equal(classify("anon_inode:[perf_event]", rws, ""),
			 CLASS_LEFT_OUT);
	assert_int_equal(classify("", 0, ""), CLASS_LEFT_OUT);
	assert_int_equal(classify("", rw, "rd wr dd"), CLASS_LEFT_OUT);
	assert_int_equal(classify("", rw, "rd wr io"), CLASS_LEFT_OUT);
	assert_int_equal(classify("", rw, "rd wr pf"), CLASS_LEFT_OUT);
}

static void reads_words_of_pagemap(void **state)
{
	const uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62,
		       file = UINT64_C(1) << 61, guard = UINT64_C(1) << 58;
	enum page_kind kind;

	(void)state;
	assert_false(pagemap_entry(0, &kind));
	assert_false(pagemap_entry(UINT64_C(0x55) | UINT64_C(1) << 55, &kind));
	assert_true(pagemap_entry(present | 0x1234, &kind));
	assert_int_equal(kind, PAGE_PRESENT);
	assert_true(pagemap_entry(present | file, &kind));
	assert_int_equal(kind, PAGE_FILE);
	assert_true(pagemap_entry(swapped | 5, &kind));
	assert_int_equal(kind, PAGE_SWAPPED);
	assert_false(pagemap_entry(swapped | guard, &kind));
}

static void joins_pages_that_follow_each_other(void **state)
{
	struct image image = {0};

	(void)state;
	assert_true(pagemap_add(&image, 0, 0x1000, 1, PAGE_PRESENT));
	assert_true(pagemap_add(&image, 0, 0x2000, 2, PAGE_PRESENT));
	assert_true(pagemap_add(&image, 0, 0x4000, 1, PAGE_ZERO));
	assert_true(pagemap_add(&image, 0, 0x6000, 1, PAGE_ZERO));
	/* The next mapping begins where this one ends. */
	assert_true(pagemap_add(&image, 3, 0x7000, 1, PAGE_ZERO));
	assert_true(pagemap_add(&image, 4, 0x1000000,
				UINT64_C(0x100000001), PAGE_ZERO));
	assert_int_equal(image.page_runs.len, 6);
	assert_int_equal(image.page_runs.at[0].start, 0x1000);
	assert_int_equal(image.page_runs.at[0].pages, 3);
	assert_int_equal(image.page_runs.at[2].start, 0x6000);
	assert_int_equal(image.page_runs.at[3].pages, 1);
	assert_int_equal(image.page_runs.at[4].pages, UINT32_MAX);
	assert_int_equal(image.page_runs.at[5].pages, 2);
	image_close(&image);
}

static void finds_the_memory_cgroup_of_both_versions(void **state)
{
	struct proc_text v2 = text_of("0::/user.slice/a:b\n");
	struct proc_text v1 = text_of("9:name=systemd:/x\n"
				      "4:cpu,memory:/pod/7\n0::/y\n");
	struct proc_text none = text_of("9:name=memory:/x\n3:cpu:/\nrubbish\n");
	char path[CGROUP_PATH_MAX];
	int version;

	(void)state;
	assert_true(cgroup_find(&v2, "memory", path, &version));
	assert_int_equal(version, 2);
	assert_string_equal(path, "/user.slice/a:b");
	assert_true(cgroup_find(&v1, "memory", path, &version));
	assert_int_equal(version, 1);
	assert_string_equal(path, "/pod/7");
	assert_false(cgroup_find(&none, "memory", path, &version));
	proc_text_free(&v2);
	proc_text_free(&v1);
	proc_text_free(&none);
}

static void finds_where_a_cgroup_is_mounted(void **state)
{
	struct proc_text mounts = text_of(
		"30 23 0:27 / /proc rw - proc proc rw\n"
		"35 31 0:32 /pod /cg/memory rw shared:9 master:1 - "
		"cgroup cgroup rw,memory\n"
		"41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n"
		"short line\n");
	char folder[CGROUP_PATH_MAX];
	size_t mount;

	(void)state;
	assert_true(cgroup_folder(&mounts, "memory", 2, "/a/b",
				   folder, &mount));
	assert_string_equal(folder, "/cg/unified/a/b");
	assert_true(cgroup_folder(&mounts, "memory", 1, "/pod/7",
				   folder, &mount));
	assert_string_equal(folder, "/cg/memory/7");
	assert_int_equal(mount, strlen("/cg/memory"));
	assert_false(cgroup_folder(&mounts, "memory", 1, "/podium",
				   folder, &mount));
	assert_false(cgroup_folder(&mounts, "memory", 1, "/",
				   folder, &mount));
	proc_text_free(&mounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_field_of_smaps),
		cmocka_unit_test(keeps_paths_as_the_kernel_gives_them),
		cmocka_unit_test(reads_plain_maps_without_a_final_newline),
		cmocka_unit_test(leaves_out_and_counts_what_is_no_mapping),
		cmocka_unit_test(fields_of_a_mapping_left_out_go_with_it),
		cmocka_unit_test(ignores_figures_that_do_not_fit),
		cmocka_unit_test(finds_a_flag_only_as_a_whole_word),
		cmocka_unit_test(a_command_name_may_hold_anything),
		cmocka_unit_test(knows_memory_from_files_and_devices),
		cmocka_unit_test(reads_words_of_pagemap),
		cmocka_unit_test(joins_pages_that_follow_each_other),
		cmocka_unit_test(finds_the_memory_cgroup_of_both_versions),
		cmocka_unit_test(finds_where_a_cgroup_is_mounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
