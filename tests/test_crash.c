/* SPDX-License-Identifier: MIT */
/* What is kept of a crash that does not fit; the folder's names, journal,
 * settings; the pattern. */
#include <fcntl.h>
#include <unistd.h>

#include "dump/core_pattern.h"
#include "dump/crash_journal.h"
#include "dump/crash_threads.h"
#include "dump/crash_trim.h"
#include "tests/aid_cmocka.h"

enum { P = 4096, BASE = 1 << 20, PAGES = 20000 };

/* What becomes of each page: its place in the list of ranges, or pieces. */
struct fate {
	enum presence presence[PAGES];
	uint64_t source[PAGES];	/* offset of the piece + 1; 0: in none */
};

static void look(const struct image *image, const struct plan *plan,
		 struct fate *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < PAGES; i++)
		ret->presence[i] = PRESENCE_ABSENT;
	for (size_t i = 0; i < image->ranges.len; i++) {
		const struct range *r = &image->ranges.at[i];

		assert_true(r->start < r->end);
		assert_true(i == 0 || r[-1].end <= r->start);
		for (uint64_t at = r->start; at < r->end; at += P)
			ret->presence[(at - BASE) / P] = r->presence;
	}
	for (size_t i = 0; i < plan->pieces.len; i++) {
		const struct piece *p = &plan->pieces.at[i];

		for (uint64_t at = p->start; at < p->end; at += P)
			ret->source[(at - BASE) / P] =
				1 + p->offset + (at - p->start);
	}
}

static void add_mapping(struct image *image, struct plan *plan, uint64_t first,
			uint64_t n, bool captured)
{
	struct mapping m = {
		.start = BASE + first * P, .end = BASE + (first + n) * P,
		.path = "", .vm_flags = "",
	};
	struct range r = {
		m.start, m.end, 0,
		captured ? PRESENCE_CAPTURED : PRESENCE_ZERO,
	};
	/* Two pieces: the offsets tell whether they were cut in place. */
	struct piece a = {
		.start = m.start, .end = m.start + n / 2 * P,
		.from = FROM_MEMORY, .fd = -1, .offset = first * 1000000,
	};
	struct piece b = {
		.start = a.end, .end = m.end, .from = FROM_FILE, .fd = 3,
		.offset = first * 1000000 + 7777,
	};

	assert_true(vec_push(&image->mappings, m));
	assert_true(vec_push(&image->ranges, r));
	if (!captured)
		return;
	if (a.start < a.end)
		assert_true(vec_push(&plan->pieces, a));
	assert_true(vec_push(&plan->pieces, b));
	plan->bytes += n * P;
}

/* Is the page at @addr to be kept? Said in other words than in the code. */
static bool is_kept(const struct image *image, uint64_t addr)
{
	const struct mapping *m = image_mapping(image, addr);

	if (m->end - m->start <= TRIM_SMALL)
		return true;
	for (size_t i = 0; i < image->modules.len; i++) {
		if (addr >= image->modules.at[i].start &&
		    addr < image->modules.at[i].end)
			return true;
	}
	for (size_t i = 0; i < image->threads.len; i++) {
		uint64_t sp = image->threads.at[i].regs[X86_RSP];
		uint64_t low = (sp - 128) / P * P;

		if (sp < m->start || sp >= m->end)
			continue;
		if (low < m->start)
			low = m->start;
		if (addr >= low && addr - low < TRIM_STACK_MAX)
			return true;
	}
	return false;
}

static void trims_random_images_to_modules_and_stacks(void **state)
{
	static struct fate before, after;
	uint64_t seed = rng_seed();

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct image image = {0};
		struct plan plan = {0};
		struct err err = {0};
		uint64_t page = 0, bytes = 0;

		while (page < PAGES - 5200) {
			uint64_t n = 1 + rng_next(&seed) %
				     (rng_next(&seed) % 4 ? 40 : 5000);

			add_mapping(&image, &plan, page, n,
				    rng_next(&seed) % 5 != 0);
			if (rng_next(&seed) % 3 == 0) {
				struct thread t = {0};

				t.regs[X86_RSP] = BASE + page * P +
					rng_next(&seed) % (n * P);
				assert_true(vec_push(&image.threads, t));
			}
			if (rng_next(&seed) % 6 == 0) {
				struct module m = {
					.start = BASE + page * P,
					.end = BASE + (page + n) * P,
				};

				assert_true(vec_push(&image.modules, m));
			}
			page += n + rng_next(&seed) % 3;
		}
		look(&image, &plan, &before);
		assert_true(crash_trim(&image, &plan, &err));
		look(&image, &plan, &after);
		for (size_t i = 0; i < PAGES; i++) {
			uint64_t addr = BASE + i * P;
			bool had = before.source[i] != 0;
			bool has = had && is_kept(&image, addr);

			assert_int_equal(after.source[i],
					 has ? before.source[i] : 0);
			assert_int_equal(after.presence[i], had && !has ?
					 PRESENCE_ABSENT : before.presence[i]);
			bytes += has ? P : 0;
		}
		assert_int_equal(plan.bytes, bytes);
		plan_free(&plan);
		image_close(&image);
	}
}

static void names_of_files_say_who_crashed_when(void **state)
{
	struct arena arena = {0};
	struct crash_entry e;
	char name[CRASH_NAME_MAX];

	(void)state;
	crash_store_name("my prog", 4242, 1795232568, name);
	assert_string_equal(name, "my_prog.4242.20261121T034248Z.core.zst");
	assert_true(crash_journal_parse_name(name, &arena, &e));
	assert_string_equal(e.exe, "my_prog");
	assert_int_equal(e.pid, 4242);
	assert_int_equal(e.time, 1795232568);
	crash_store_name("../../etc", 1, 0, name);
	assert_string_equal(name, "_._.._etc.1.19700101T000000Z.core.zst");
	assert_null(strchr(name, '/'));
	assert_true(name[0] != '.');
	crash_store_name("a.b.c", 7, 1795232568, name);
	assert_true(crash_journal_parse_name(name, &arena, &e));
	assert_string_equal(e.exe, "a.b.c");
	arena_free(&arena);
}

static void other_files_are_nobodys_crash(void **state)
{
	static const char *const others[] = {
		"", ".core.zst", "x.core.zst", "x.1.core.zst",
		"x.1.20261121T034248Z.core", "x.1.20261121T034248.core.zst",
		"x.1.20261321T034248Z.core.zst", "x.-1.20261121T034248Z.core.zst",
		".1.20261121T034248Z.core.zst", "1.20261121T034248Z.core.zst",
		"x.99999999999.20261121T034248Z.core.zst", "journal",
		"x.1.20261121T034248Zx.core.zst", "x..20261121T034248Z.core.zst",
	};
	struct arena arena = {0};
	struct crash_entry e;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(crash_journal_parse_name(others[i], &arena, &e));
	arena_free(&arena);
}

static void the_journal_is_read_as_it_was_written(void **state)
{
	const struct crash_entry written[] = {
		{ .time = 1795232568, .pid = 1, .signal = 11, .exe = "/bin/a",
		  .file = "a.1.20261121T034248Z.core.zst" },
		{ .time = 1795232569, .pid = 2, .signal = 6,
		  .exe = "/srv/tab\there\nand there", .why = "no room" },
	};
	struct crash_store store;
	struct crash_list list;
	struct err err = {0};
	char folder[] = "/tmp/holdfast-test-XXXXXX", path[128];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(crash_store_open(folder, &store, &err));
	for (int i = 0; i < 2; i++)
		assert_true(crash_store_note(&store, &written[i], &err));
	fd = openat(store.folder, written[0].file, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "12345", 5), 5);
	close(fd);
	assert_true(crash_store_list(&store, &list, &err));
	assert_int_equal(list.at.len, 2);
	assert_string_equal(list.at.at[0].exe, "/srv/tab?here?and there");
	assert_string_equal(list.at.at[0].why, "no room");
	assert_null(list.at.at[0].file);
	assert_string_equal(list.at.at[1].exe, "/bin/a");
	assert_int_equal(list.at.at[1].signal, 11);
	assert_int_equal(list.at.at[1].size, 5);
	crash_list_free(&list);
	crash_store_close(&store);
	for (int i = 0; i < 3; i++) {
		const char *const names[] = { written[0].file, "journal",
					      "lock" };

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void settings_are_kept_and_damage_falls_back_to_defaults(void **state)
{
	struct crash_settings s = crash_settings_default(), got;
	const struct crash_settings usual = s;
	char folder[] = "/tmp/holdfast-test-XXXXXX", path[64];
	struct err err = {0};
	int fd, file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	crash_settings_read(fd, &got);
	assert_memory_equal(&got, &usual, sizeof(got));
	s.max_size = 123456789012;
	s.keep_free = 5;
	s.no_types = 1;
	assert_true(crash_settings_write(fd, &s, &err));
	crash_settings_read(fd, &got);
	assert_memory_equal(&got, &s, sizeof(got));
	file = openat(fd, "settings", O_WRONLY | O_TRUNC);
	assert_int_equal(write(file, "max-size x\nmax-count 7 8\nfoo 1\n\0\xff", 34),
			 34);
	close(file);
	crash_settings_read(fd, &got);
	assert_memory_equal(&got, &usual, sizeof(got));
	snprintf(path, sizeof(path), "%s/settings", folder);
	unlink(path);
	close(fd);
	rmdir(folder);
}

static void the_pattern_fits_or_is_refused(void **state)
{
	char pattern[CORE_PATTERN_MAX], folder[CORE_PATTERN_MAX], path[200];
	struct err err = {0};

	(void)state;
	assert_true(core_pattern_make("/usr/bin/holdfast", "/var/crash",
				      pattern, &err));
	assert_string_equal(pattern, "|/usr/bin/holdfast crash handle --dir "
			    "/var/crash %P %I %s %t");
	assert_true(core_pattern_ours(pattern, folder));
	assert_string_equal(folder, "/var/crash");
	assert_false(core_pattern_ours("core", folder));
	assert_false(core_pattern_ours("|/usr/share/apport/apport %p", folder));
	assert_string_equal(core_pattern_owner("|/usr/lib/systemd/systemd-"
					       "coredump %P"),
			    "systemd-coredump");
	assert_null(core_pattern_owner("/var/apport/core"));
	for (int n = 1; n < 150; n++) {
		snprintf(path, sizeof(path), "/%0*d", n, 0);
		err = (struct err){0};
		/* 17 + 20 + 12 bytes beside the folder, and the bar. */
		assert_int_equal(core_pattern_make("/usr/bin/holdfast", path,
						   pattern, &err),
				 1 + 17 + 20 + (n + 1) + 12 <= 127);
	}
	assert_false(core_pattern_make("/a b", "/c", pattern, &err));
	assert_false(core_pattern_make("/a", "/c%p", pattern, &err));
}

static void threads_have_the_ids_of_their_own_namespace(void **state)
{
	(void)state;
	assert_int_equal(crash_threads_inner_id("Name:\tx\nNSpid:\t712\t7\t1\n"
						"Threads:\t2\n"), 1);
	assert_int_equal(crash_threads_inner_id("Name:\tx\nNSpid:\t712\n"), 712);
	assert_int_equal(crash_threads_inner_id("Name:\tNSpid:\t3\n"), 0);
	assert_int_equal(crash_threads_inner_id("\nNSpid:"), 0);
	assert_int_equal(crash_threads_inner_id("\nNSpid:\t99999999999\n"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trims_random_images_to_modules_and_stacks),
		cmocka_unit_test(names_of_files_say_who_crashed_when),
		cmocka_unit_test(other_files_are_nobodys_crash),
		cmocka_unit_test(the_journal_is_read_as_it_was_written),
		cmocka_unit_test(settings_are_kept_and_damage_falls_back_to_defaults),
		cmocka_unit_test(the_pattern_fits_or_is_refused),
		cmocka_unit_test(threads_have_the_ids_of_their_own_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
