/* SPDX-License-Identifier: MIT */
/* ELF cores, built byte by byte, read through image_open(). */
#include <elf.h>
#include <unistd.h>

#include "formats/snapshot.h"
#include "tests/aid_cmocka.h"
#include "tests/make_core.h"

enum { RW = PERM_READ | PERM_WRITE };

static uint64_t said(const struct image *image, const char *what)
{
	for (size_t i = 0; i < image->diag.len; i++) {
		if (strstr(image->diag.at[i].what, what))
			return image->diag.at[i].count;
	}
	return 0;
}

static void three_mappings(struct make_core *core)
{
	make_core_map(core, 0x10000, 0x3000, RW, "", 0);
	make_core_map(core, 0x400000, 0x2000, PERM_READ | PERM_EXEC,
		      "/bin/made", 0x1000);
	make_core_map(core, 0x500000, 0x4000, RW, "", 0)->dumped = 0x1000;
	make_core_u64(core, 0x10008, 0x1122334455667788);
	make_core_u64(core, 0x12ff8, 7);
	make_core_u64(core, 0x500ff8, 9);
	core->pid = 41;
	core->signal = 11;
	make_core_thread(core, 41, 0x400123, 0x12000);
	make_core_thread(core, 42, 0x400456, 0x11000)->regs[X86_FS_BASE] = 5;
	make_core_auxv(core, AT_PHDR, 0x400040);
}

static void check_three(const struct image *image)
{
	uint64_t word;

	assert_int_equal(image->meta.kind, IMAGE_CORE);
	assert_int_equal(image->meta.pid, 41);
	assert_int_equal(image->meta.signal, 11);
	assert_string_equal(image->meta.exe, "/bin/made");
	assert_string_equal(image->meta.command, "made");
	assert_int_equal(image->threads.len, 2);
	assert_int_equal(image->threads.at[0].tid, 41);
	assert_int_equal(image->threads.at[1].regs[X86_RIP], 0x400456);
	assert_int_equal(image->threads.at[1].regs[X86_FS_BASE], 5);
	assert_int_equal(image->mappings.len, 3);
	assert_string_equal(image->mappings.at[1].path, "/bin/made");
	assert_int_equal(image->mappings.at[1].offset, 0x1000);
	assert_int_equal(image->mappings.at[1].perms, PERM_READ | PERM_EXEC);
	assert_true(image_u64(image, 0x10008, &word));
	assert_int_equal(word, 0x1122334455667788);
	assert_true(image_u64(image, 0x12ff8, &word));
	assert_int_equal(word, 7);
	assert_false(image_u64(image, 0x12ffc, &word));
	assert_true(image_u64(image, 0x500ff8, &word));
	assert_int_equal(word, 9);
	/* Not dumped is not zero. */
	assert_false(image_u64(image, 0x501000, &word));
	assert_int_equal(image_range(image, 0x501000)->presence,
			 PRESENCE_ABSENT);
	assert_null(image_range(image, 0x504000));
	assert_int_equal(image->diag.len, 0);
}

static void read_three(struct make_core core)
{
	struct image image;

	three_mappings(&core);
	make_core_image(&core, &image);
	check_three(&image);
	image_close(&image);
	make_core_free(&core);
}

static void reads_mappings_memory_and_threads(void **state)
{
	(void)state;
	read_three((struct make_core){0});
}

static void reads_notes_that_stand_last(void **state)
{
	(void)state;
	read_three((struct make_core){ .notes_last = true });
}

static void finds_the_count_of_segments_in_section_0(void **state)
{
	(void)state;
	read_three((struct make_core){ .xnum = true });
}

static void reads_seventy_thousand_segments(void **state)
{
	struct make_core core = {0};
	struct image image;
	uint64_t word;

	(void)state;
	for (uint64_t i = 0; i < 70000; i++) {
		make_core_map(&core, 0x10000 + i * 0x100, 16, RW, "", 0);
		memcpy(core.maps.at[i].bytes, &i, sizeof(i));
	}
	make_core_image(&core, &image);
	assert_int_equal(image.ranges.len, 70000);
	for (uint64_t i = 0; i < 70000; i += 1111) {
		assert_true(image_u64(&image, 0x10000 + i * 0x100, &word));
		assert_int_equal(word, i);
	}
	image_close(&image);
	make_core_free(&core);
}

static bool open_bytes(const void *bytes, size_t n, struct image *ret,
		       struct err *err)
{
	char path[64];
	int fd = make_file(bytes, n, path);
	bool ok;

	*err = (struct err){0};
	ok = image_open(path, ret, err);
	close(fd);
	return ok;
}

static void gives_what_a_cut_core_has(void **state)
{
	struct make_core core = {0};
	struct image image;
	struct err err;
	size_t n, cut;
	uint8_t *bytes;
	uint64_t word;

	(void)state;
	three_mappings(&core);
	bytes = make_core_bytes(&core, &n);
	/* Behind the memory stands the section header: 64 bytes. */
	cut = n - 64 - 0x1000 - 0x800;
	assert_true(open_bytes(bytes, cut, &image, &err));
	assert_int_equal(said(&image, "cut off"), 0x1800);
	assert_int_equal(image.threads.len, 2);
	assert_true(image_u64(&image, 0x400000, &word));
	assert_true(image_u64(&image, 0x4017f8, &word));
	assert_false(image_u64(&image, 0x401800, &word));
	assert_int_equal(image_range(&image, 0x401800)->presence,
			 PRESENCE_ABSENT);
	image_close(&image);
	free(bytes);
	make_core_free(&core);
}

/* Any cut: what is still read is what was written. */
static void never_invents_memory_at_any_cut(void **state)
{
	struct make_core core = {0};
	struct image image;
	struct err err;
	size_t n;
	uint8_t *bytes;
	uint64_t word;

	(void)state;
	three_mappings(&core);
	bytes = make_core_bytes(&core, &n);
	for (size_t cut = 0; cut < n; cut += cut < 3000 ? 1 : 509) {
		if (!open_bytes(bytes, cut, &image, &err)) {
			assert_int_not_equal(err.code, ERR_NONE);
			assert_true(cut < 64);
			continue;
		}
		if (image_u64(&image, 0x10008, &word))
			assert_int_equal(word, 0x1122334455667788);
		if (image_u64(&image, 0x500ff8, &word))
			assert_int_equal(word, 9);
		else
			assert_true(image.diag.len > 0);
		image_close(&image);
	}
	free(bytes);
	make_core_free(&core);
}

static void refuses(const void *bytes, size_t n, const char *words)
{
	struct image image;
	struct err err;

	assert_false(open_bytes(bytes, n, &image, &err));
	if (!strstr(err.message, words))
		fail_msg("expected '%s' in '%s'", words, err.message);
	assert_null(image.ops);
}

static void says_what_it_refuses(void **state)
{
	Elf64_Ehdr h = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_CORE, .e_machine = EM_AARCH64,
	};
	uint8_t big[64] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, 1 };

	(void)state;
	refuses("", 0, "an empty file");
	refuses("pid 17 has died\n", 16, "text");
	refuses("\1\2\3\4\5\6\7\0\1\2\3\4", 12, "unknown");
	refuses(&h, sizeof(h), "64-bit little-endian core of aarch64");
	refuses(&h, 40, "inside the ELF header");
	h.e_machine = EM_386;
	h.e_ident[EI_CLASS] = ELFCLASS32;
	refuses(&h, sizeof(h), "32-bit little-endian core of i386; only "
		"64-bit little-endian x86-64");
	h.e_type = ET_EXEC;
	refuses(&h, sizeof(h), "executable");
	big[17] = ET_CORE;
	big[19] = EM_S390;
	refuses(big, sizeof(big), "64-bit big-endian core of s390");
}

static void opens_no_folder_and_no_missing_file(void **state)
{
	struct image image;
	struct err err = {0};

	(void)state;
	assert_false(image_open("/", &image, &err));
	assert_non_null(strstr(err.message, "a directory"));
	err_clear(&err);
	assert_false(image_open("/nowhere/at/all", &image, &err));
	assert_non_null(strstr(err.message, "No such file"));
}

static void settles_overlapping_segments(void **state)
{
	struct make_core core = {0};
	struct image image;
	uint8_t a[0x2000], b[0x3000], got[0x3000];

	(void)state;
	memset(a, 0xaa, sizeof(a));
	memset(b, 0xbb, sizeof(b));
	make_core_map(&core, 0x11000, 0x3000, RW, "", 0);
	memcpy(core.maps.at[0].bytes, b, sizeof(b));
	make_core_map(&core, 0x10000, 0x2000, RW, "", 0);
	memcpy(core.maps.at[1].bytes, a, sizeof(a));
	make_core_map(&core, 0x12000, 0x1000, RW, "", 0);
	make_core_image(&core, &image);
	assert_int_equal(said(&image, "overlap"), 2);
	assert_true(image_read(&image, 0x10000, got, 0x2000));
	assert_memory_equal(got, a, 0x2000);
	assert_true(image_read(&image, 0x12000, got, 0x2000));
	assert_memory_equal(got, b, 0x2000);
	for (size_t i = 1; i < image.ranges.len; i++)
		assert_true(image.ranges.at[i - 1].end <=
			    image.ranges.at[i].start);
	for (size_t i = 1; i < image.mappings.len; i++)
		assert_true(image.mappings.at[i - 1].end <=
			    image.mappings.at[i].start);
	image_close(&image);
	make_core_free(&core);
}

/* gcore leaves unmodified text out of its segments, not out of NT_FILE. */
static void keeps_files_that_have_no_segment(void **state)
{
	struct make_core core = {0};
	struct image image;
	struct err err;
	Elf64_Phdr *load;
	uint8_t *bytes;
	size_t n;

	(void)state;
	make_core_map(&core, 0x10000, 0x1000, PERM_READ, "/lib/a", 0);
	make_core_map(&core, 0x11000, 0x5000, PERM_READ | PERM_EXEC, "/lib/a",
		      0x1000);
	make_core_map(&core, 0x16000, 0x1000, RW, "/lib/a", 0x6000);
	bytes = make_core_bytes(&core, &n);
	load = (Elf64_Phdr *)(void *)(bytes + sizeof(Elf64_Ehdr)) + 2;
	load->p_type = PT_NULL;
	assert_true(open_bytes(bytes, n, &image, &err));
	assert_int_equal(image.mappings.len, 3);
	assert_int_equal(image.mappings.at[1].start, 0x11000);
	assert_int_equal(image.mappings.at[1].end, 0x16000);
	assert_int_equal(image.mappings.at[1].offset, 0x1000);
	assert_string_equal(image.mappings.at[1].path, "/lib/a");
	assert_int_equal(image_range(&image, 0x12000)->presence,
			 PRESENCE_ABSENT);
	image_close(&image);
	free(bytes);
	make_core_free(&core);
}

static void survives_headers_that_lie(void **state)
{
	struct make_core core = {0};
	struct image image;
	struct err err;
	uint8_t *bytes, *copy;
	size_t n;
	uint64_t seed = rng_seed();

	(void)state;
	three_mappings(&core);
	bytes = make_core_bytes(&core, &n);
	copy = malloc(n);
	for (int i = 0; i < 3000; i++) {
		static const uint64_t evil[] = {
			0, 1, UINT64_MAX, INT64_MAX, UINT32_MAX,
			UINT64_MAX - 4095, 0x10000,
		};
		size_t at = (size_t)(rng_next(&seed) % 1400) & ~(size_t)7;

		memcpy(copy, bytes, n);
		memcpy(copy + at, &evil[rng_next(&seed) % 7], 8);
		if (open_bytes(copy, n, &image, &err))
			image_close(&image);
		else
			assert_int_not_equal(err.code, ERR_NONE);
	}
	free(copy);
	free(bytes);
	make_core_free(&core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_mappings_memory_and_threads),
		cmocka_unit_test(reads_notes_that_stand_last),
		cmocka_unit_test(finds_the_count_of_segments_in_section_0),
		cmocka_unit_test(reads_seventy_thousand_segments),
		cmocka_unit_test(gives_what_a_cut_core_has),
		cmocka_unit_test(never_invents_memory_at_any_cut),
		cmocka_unit_test(says_what_it_refuses),
		cmocka_unit_test(opens_no_folder_and_no_missing_file),
		cmocka_unit_test(settles_overlapping_segments),
		cmocka_unit_test(keeps_files_that_have_no_segment),
		cmocka_unit_test(survives_headers_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
