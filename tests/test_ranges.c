/* SPDX-License-Identifier: MIT */
/* Which bytes of which mapping are captured, and from where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "dump/pagemap.h"
#include "dump/ranges.h"

enum { P = 4096, MIB = 1 << 20 };

/* Strings must not be freed one by one: the image of a test owns none. */
static void add_mapping(struct image *image, uint64_t start, uint64_t pages,
			uint32_t perms, const char *path)
{
	struct mapping m = {
		.start = start, .end = start + pages * P, .perms = perms,
		.path = path, .vm_flags = "",
		.first_run = image->page_runs.len,
	};

	assert_true(vec_push(&image->mappings, m));
}

static void add_pages(struct image *image, uint64_t start, uint64_t pages,
		      enum page_kind kind)
{
	struct mapping *m = &image->mappings.at[image->mappings.len - 1];

	assert_true(pagemap_add(image, m->first_run, start, pages, kind));
	m->n_runs = image->page_runs.len - m->first_run;
}

/* "start-end presence" a range, then "start-end source" a piece, in pages
 * from 1 MiB on; the ranges' sum must be the plan's. */
static const char *describe(const struct image *image, const struct plan *plan)
{
	static const char *const presence[] = { "captured", "zero", "absent",
						"torn" };
	static const char *const from[] = { "memory", "object", "file",
					    "zeros" };
	static char text[4096];
	uint64_t bytes = 0, base = MIB;
	size_t n = 0;

	for (size_t i = 0; i < image->ranges.len; i++) {
		const struct range *r = &image->ranges.at[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%d-%d %s\n",
				      (int)((r->start - base) / P),
				      (int)((r->end - base) / P),
				      presence[r->presence]);
		if (r->presence == PRESENCE_CAPTURED ||
		    r->presence == PRESENCE_TORN)
			bytes += r->end - r->start;
	}
	for (size_t i = 0; i < plan->pieces.len; i++) {
		const struct piece *p = &plan->pieces.at[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "  %d-%d %s",
				      (int)((p->start - base) / P),
				      (int)((p->end - base) / P),
				      from[p->from]);
		if (p->from == FROM_FILE || p->from == FROM_OBJECT)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      " at %d",
					      (int)(p->offset / P));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\n");
	}
	assert_int_equal(bytes, plan->bytes);
	return text;
}

static void check(struct image *image, const struct mapped_files *files,
		  const char *expected)
{
	static const struct mapped_files none;
	struct err err = {0};
	struct plan plan;

	assert_true(ranges_plan(image, files ? files : &none, &plan, &err));
	assert_string_equal(describe(image, &plan), expected);
	plan_free(&plan);
	image_close(image);
}

static void untouched_memory_is_zero_and_has_no_bytes(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 1 << 20, PERM_READ | PERM_WRITE, "");
	check(&image, NULL, "0-1048576 zero\n");
}

static void memory_without_access_is_absent(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 10, 0, "");
	add_mapping(&image, MIB + 10 * P, 10, PERM_READ, "[vvar]");
	add_mapping(&image, MIB + 20 * P, 10, PERM_READ | PERM_WRITE,
		    "/dev/mem");
	check(&image, NULL, "0-10 absent\n10-20 absent\n20-30 absent\n");
}

/* 255 pages are less than 1 MiB, 256 are not. */
static void short_runs_of_zeros_are_captured_long_ones_are_not(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 1000, PERM_READ | PERM_WRITE, "[heap]");
	add_pages(&image, MIB + 2 * P, 1, PAGE_PRESENT);
	add_pages(&image, MIB + 258 * P, 1, PAGE_SWAPPED);
	add_pages(&image, MIB + 515 * P, 2, PAGE_PRESENT);
	check(&image, NULL,
	      "0-2 zero\n"
	      "2-259 captured\n"
	      "259-515 zero\n"
	      "515-517 captured\n"
	      "517-1000 zero\n"
	      "  2-3 memory\n"
	      "  3-258 zeros\n"
	      "  258-259 memory\n"
	      "  515-517 memory\n");
}

static void the_zero_page_of_the_kernel_is_not_read(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 10, PERM_READ | PERM_WRITE, "");
	add_pages(&image, MIB, 3, PAGE_ZERO);
	add_pages(&image, MIB + 3 * P, 1, PAGE_PRESENT);
	add_pages(&image, MIB + 4 * P, 2, PAGE_ZERO);
	add_pages(&image, MIB + 6 * P, 1, PAGE_PRESENT);
	check(&image, NULL,
	      "0-3 zero\n"
	      "3-7 captured\n"
	      "7-10 zero\n"
	      "  3-4 memory\n"
	      "  4-6 zeros\n"
	      "  6-7 memory\n");
}

static void ranges_do_not_cross_mappings(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 2, PERM_READ | PERM_WRITE, "");
	add_pages(&image, MIB, 2, PAGE_PRESENT);
	add_mapping(&image, MIB + 2 * P, 2, PERM_READ, "");
	add_pages(&image, MIB + 2 * P, 2, PAGE_PRESENT);
	check(&image, NULL,
	      "0-2 captured\n"
	      "2-4 captured\n"
	      "  0-2 memory\n"
	      "  2-4 memory\n");
}

static void of_a_plain_file_only_changed_pages_are_captured(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 8, PERM_READ | PERM_WRITE, "/data");
	add_pages(&image, MIB, 2, PAGE_FILE);
	add_pages(&image, MIB + 2 * P, 1, PAGE_PRESENT);
	add_pages(&image, MIB + 5 * P, 1, PAGE_SWAPPED);
	add_mapping(&image, MIB + 8 * P, 2,
		    PERM_READ | PERM_WRITE | PERM_SHARED, "/data");
	add_pages(&image, MIB + 8 * P, 2, PAGE_FILE);
	check(&image, NULL,
	      "0-2 absent\n"
	      "2-3 captured\n"
	      "3-5 absent\n"
	      "5-6 captured\n"
	      "6-8 absent\n"
	      "8-10 absent\n"
	      "  2-3 memory\n"
	      "  5-6 memory\n");
}

static struct mapped_files files_of(int fd, uint64_t size, bool elf)
{
	struct mapped_files files = { .root = -1 };
	struct mapped_file file = {
		.inode = 7, .size = size, .fd = fd, .elf = elf,
		.executable = elf,
	};

	assert_true(vec_push(&files.files, file));
	return files;
}

/* Header and read-only data, code, data, bss behind the end of the file. */
static void of_a_module_data_is_captured_and_code_is_not(void **state)
{
	struct mapped_files files = files_of(99, 13 * P + 5, true);
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 4, PERM_READ, "/lib");
	add_pages(&image, MIB + P, 2, PAGE_FILE);
	add_mapping(&image, MIB + 4 * P, 6, PERM_READ | PERM_EXEC, "/lib");
	add_pages(&image, MIB + 4 * P, 3, PAGE_FILE);
	add_pages(&image, MIB + 7 * P, 1, PAGE_PRESENT);
	add_mapping(&image, MIB + 10 * P, 6, PERM_READ | PERM_WRITE, "/lib");
	add_pages(&image, MIB + 11 * P, 1, PAGE_PRESENT);
	image.mappings.at[1].offset = 4 * P;
	image.mappings.at[2].offset = 10 * P;
	for (size_t i = 0; i < 3; i++)
		image.mappings.at[i].inode = 7;
	check(&image, &files,
	      "0-4 captured\n"
	      "4-7 absent\n"
	      "7-8 captured\n"
	      "8-10 absent\n"
	      "10-14 captured\n"
	      "14-16 absent\n"
	      "  0-1 file at 0\n"
	      "  1-3 memory\n"
	      "  3-4 file at 3\n"
	      "  7-8 memory\n"
	      "  10-11 file at 10\n"
	      "  11-12 memory\n"
	      "  12-14 file at 12\n");
	vec_free(&files.files);
}

/* A program linked with -z noseparate-code has its header in the code. */
static void the_page_with_the_elf_header_is_captured(void **state)
{
	struct mapped_files files = files_of(99, 20 * P, true);
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 4, PERM_READ | PERM_EXEC, "/bin");
	add_pages(&image, MIB, 3, PAGE_FILE);
	add_mapping(&image, MIB + 4 * P, 4, PERM_READ | PERM_EXEC, "/bin");
	image.mappings.at[0].inode = image.mappings.at[1].inode = 7;
	check(&image, &files,
	      "0-1 captured\n"
	      "1-4 absent\n"
	      "4-5 captured\n"
	      "5-8 absent\n"
	      "  0-1 memory\n"
	      "  4-5 file at 0\n");
	vec_free(&files.files);
}

/* When the file cannot be opened, what is in memory is captured. */
static void a_module_without_its_file_gives_what_is_in_memory(void **state)
{
	struct mapped_files files = files_of(-1, 0, true);
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 4, PERM_READ, "/lib (deleted)");
	add_pages(&image, MIB + P, 2, PAGE_FILE);
	image.mappings.at[0].inode = 7;
	check(&image, &files,
	      "0-1 absent\n"
	      "1-3 captured\n"
	      "3-4 absent\n"
	      "  1-3 memory\n");
	vec_free(&files.files);
}

/* Pages 2 and 5 of the object exist, 2 is mapped; the object has 8 pages,
 * the mapping shows pages 1 to 9. */
static void shared_memory_is_what_the_object_holds(void **state)
{
	int fd = memfd_create("ranges", MFD_CLOEXEC);
	struct mapped_files files;
	struct image image = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 * P), 0);
	assert_int_equal(pwrite(fd, "x", 1, 2 * P), 1);
	assert_int_equal(pwrite(fd, "y", 1, 5 * P + 9), 1);
	files = files_of(fd, 8 * P, false);
	add_mapping(&image, MIB, 8, PERM_READ | PERM_WRITE | PERM_SHARED,
		    "/memfd:ranges (deleted)");
	add_pages(&image, MIB + P, 1, PAGE_FILE);
	image.mappings.at[0].inode = 7;
	image.mappings.at[0].offset = P;
	check(&image, &files,
	      "0-1 zero\n"
	      "1-5 captured\n"
	      "5-7 zero\n"
	      "7-8 absent\n"
	      "  1-2 memory\n"
	      "  2-4 zeros\n"
	      "  4-5 object at 5\n");
	vec_free(&files.files);
	close(fd);
}

static void shared_memory_that_others_map_may_be_torn(void **state)
{
	struct image image = {0};
	struct mapping *m;

	(void)state;
	add_mapping(&image, MIB, 2, PERM_READ | PERM_WRITE | PERM_SHARED,
		    "/dev/zero (deleted)");
	add_pages(&image, MIB, 1, PAGE_FILE);
	m = &image.mappings.at[0];
	m->has_smaps = true;
	m->rss = P;
	m->pss = P / 2;
	check(&image, NULL, "0-1 torn\n1-2 absent\n  0-1 memory\n");
}

static void set_flags(struct image *image, const char *flags)
{
	image->mappings.at[image->mappings.len - 1].vm_flags = flags;
}

/* What a userfaultfd has not brought yet is unknown, not zero. */
static void memory_behind_a_userfaultfd_is_absent_until_it_is_there(void **state)
{
	struct image image = {0};

	(void)state;
	add_mapping(&image, MIB, 3, PERM_READ | PERM_WRITE, "");
	set_flags(&image, "rd wr mr mw me um ac");
	add_pages(&image, MIB + P, 1, PAGE_PRESENT);
	check(&image, NULL, "0-1 absent\n1-2 captured\n2-3 absent\n"
			    "  1-2 memory\n");
}

/* Marks of the pieces: p in the pause, r from the running process, - none. */
static const char *marks(const struct plan *plan)
{
	static char text[64];
	size_t n = 0;

	for (; n < plan->pieces.len && n + 1 < sizeof(text); n++) {
		const struct piece *p = &plan->pieces.at[n];

		assert_false(p->in_pause && p->from_running);
		text[n] = p->in_pause ? 'p' : p->from_running ? 'r' : '-';
	}
	text[n] = '\0';
	return text;
}

static void add_touched(struct image *image, uint64_t mib, uint64_t size_mib,
			uint32_t perms, const char *path, const char *flags)
{
	add_mapping(image, mib * MIB, size_mib * MIB / P, perms, path);
	set_flags(image, flags);
	add_pages(image, mib * MIB, size_mib * MIB / P,
		  perms & PERM_SHARED ? PAGE_FILE : PAGE_PRESENT);
}

/* 40 MiB of shared memory come first, but private memory has precedence. */
static void what_a_forked_copy_lacks_is_copied_in_the_pause(void **state)
{
	const uint32_t rw = PERM_READ | PERM_WRITE;
	const struct mapped_files none = {0};
	struct image image = {0};
	struct err err = {0};
	struct plan plan;

	(void)state;
	add_touched(&image, 1, 40, rw | PERM_SHARED, "/dev/zero (deleted)",
		    "rd wr sh");
	add_touched(&image, 100, 10, rw, "", "rd wr dc ac");
	add_touched(&image, 200, 100, rw, "", "rd wr ac");
	add_touched(&image, 300, 10, rw, "", "rd wr wf ac");
	add_touched(&image, 400, 10, rw, "/mnt/huge/x", "rd wr de ht");
	add_touched(&image, 500, 34, rw | PERM_SHARED, "/SYSV00000000",
		    "rd wr sh");
	assert_true(ranges_plan(&image, &none, &plan, &err));
	assert_string_equal(marks(&plan), "rp-ppp");
	assert_int_equal(image_range(&image, MIB)->presence,
			 PRESENCE_CAPTURED);
	ranges_forked(&image, &plan);
	assert_int_equal(image_range(&image, MIB)->presence, PRESENCE_TORN);
	for (uint64_t mib = 100; mib <= 500; mib += 100)
		assert_int_equal(image_range(&image, mib * MIB)->presence,
				 PRESENCE_CAPTURED);
	assert_int_equal(image.diag.len, 1);
	assert_int_equal(image.diag.at[0].count, 40 * MIB);
	assert_int_equal(image.diag.at[0].first, MIB);
	plan_free(&plan);
	image_close(&image);
}

/*
 * Random pages: every page that exists is read, in order and once; no page
 * that does not exist is; what is neither is zero.
 */
static void random_heaps_are_covered_exactly(void **state)
{
	enum { PAGES = 3000 };
	const char *wish = getenv("SEED");
	unsigned seed = wish ? (unsigned)strtoul(wish, NULL, 10) : 20261121;
	static const struct mapped_files none;

	(void)state;
	printf("SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 200; round++) {
		struct image image = {0};
		struct err err = {0};
		struct plan plan;
		char there[PAGES] = {0};
		uint64_t at = MIB;
		size_t r = 0;

		add_mapping(&image, MIB, PAGES, PERM_READ | PERM_WRITE, "");
		for (int p = rand() % 900; p < PAGES; p++) {
			there[p] = 1;
			add_pages(&image, MIB + (uint64_t)p * P, 1,
				  PAGE_PRESENT);
			if (rand() % 8 == 0)
				p += rand() % 600;
		}
		assert_true(ranges_plan(&image, &none, &plan, &err));
		for (size_t i = 0; i < image.ranges.len; i++) {
			assert_int_equal(image.ranges.at[i].start, at);
			at = image.ranges.at[i].end;
		}
		assert_int_equal(at, MIB + PAGES * P);
		for (size_t i = 0; i < plan.pieces.len; i++) {
			const struct piece *p = &plan.pieces.at[i];

			while (image.ranges.at[r].presence == PRESENCE_ZERO ||
			       image.ranges.at[r].end <= p->start)
				r++;
			assert_true(p->start >= image.ranges.at[r].start &&
				    p->end <= image.ranges.at[r].end);
			for (at = p->start; at < p->end; at += P) {
				size_t page = (size_t)((at - MIB) / P);

				assert_int_equal(there[page],
						 p->from == FROM_MEMORY);
				there[page] = 0;
			}
		}
		for (size_t i = 0; i < PAGES; i++)
			assert_int_equal(there[i], 0);
		plan_free(&plan);
		image_close(&image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_memory_is_zero_and_has_no_bytes),
		cmocka_unit_test(memory_without_access_is_absent),
		cmocka_unit_test(
			short_runs_of_zeros_are_captured_long_ones_are_not),
		cmocka_unit_test(the_zero_page_of_the_kernel_is_not_read),
		cmocka_unit_test(ranges_do_not_cross_mappings),
		cmocka_unit_test(
			of_a_plain_file_only_changed_pages_are_captured),
		cmocka_unit_test(of_a_module_data_is_captured_and_code_is_not),
		cmocka_unit_test(the_page_with_the_elf_header_is_captured),
		cmocka_unit_test(
			a_module_without_its_file_gives_what_is_in_memory),
		cmocka_unit_test(shared_memory_is_what_the_object_holds),
		cmocka_unit_test(shared_memory_that_others_map_may_be_torn),
		cmocka_unit_test(
			memory_behind_a_userfaultfd_is_absent_until_it_is_there),
		cmocka_unit_test(
			what_a_forked_copy_lacks_is_copied_in_the_pause),
		cmocka_unit_test(random_heaps_are_covered_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
