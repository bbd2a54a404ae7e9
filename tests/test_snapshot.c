/* SPDX-License-Identifier: MIT */
/* Snapshots: what is written is read back, whatever happens to the file. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/snapshot.h"
#include "formats/source.h"
#include "tests/aid_cmocka.h"
#include "tests/aid_files.h"
#include "tests/make_core.h"
#include "tests/make_image.h"

static char path[512];

static const char *scratch(const char *name)
{
	const char *dir = getenv("TEST_DIR");

	snprintf(path, sizeof(path), "%s/snapshot-%d-%s", dir ? dir : "/tmp",
		 (int)getpid(), name);
	return path;
}

/* Save the image of tests/make_image.c and return the file's bytes. */
static uint8_t *saved(struct image *image, size_t *n)
{
	struct err err = {0};
	uint8_t *bytes;

	make_image(image);
	if (!make_image_save(image, scratch("saved"), &err))
		fail_msg("%s", err.message);
	bytes = slurp(path, n);
	unlink(path);
	return bytes;
}

static bool open_bytes(const void *bytes, size_t n, struct image *ret,
		       struct err *err)
{
	char name[64];
	int fd = make_file(bytes, n, name);
	bool ok;

	*err = (struct err){0};
	ok = image_open(name, ret, err);
	close(fd);
	return ok;
}

static void reads_back_everything(void **state)
{
	struct image image, got;
	struct err err;
	size_t n;
	uint8_t *bytes = saved(&image, &n);
	const char *what;

	(void)state;
	assert_true(open_bytes(bytes, n, &got, &err));
	what = make_image_compare(&image, &got);
	if (what)
		fail_msg("%s differ", what);
	assert_int_equal(got.diag.len, image.diag.len);
	image_close(&got);
	image_close(&image);
	free(bytes);
}

static void finds_types_and_symbols_by_name_again(void **state)
{
	struct image image, got;
	struct err err;
	size_t n;
	uint8_t *bytes = saved(&image, &n);
	uint32_t i = TYPE_NONE;

	(void)state;
	assert_true(open_bytes(bytes, n, &got, &err));
	assert_int_not_equal(types_find(&got.types, "Pair<77>", &i),
			     TYPE_NONE);
	assert_string_equal(image_symbol(&got, 0x400021, SYMBOL_OBJECT)->name,
			    "_ZN2ns4cacheE");
	assert_string_equal(image_variable(&got, 0x600011)->name, "ns::cache");
	assert_string_equal(image_module(&got, 0x600011)->path,
			    "/lib/libmade.so");
	image_close(&got);
	image_close(&image);
	free(bytes);
}

static void writes_the_same_bytes_every_time(void **state)
{
	struct image image;
	size_t n, m;
	uint8_t *a = saved(&image, &n), *b;

	(void)state;
	image_close(&image);
	b = saved(&image, &m);
	assert_int_equal(n, m);
	assert_memory_equal(a, b, n);
	image_close(&image);
	free(a);
	free(b);
}

/* Findings: those of the capture are there in any case. */
static uint64_t findings(const struct image *image)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < image->diag.len; i++)
		sum += image->diag.at[i].count;
	return sum;
}

/* A damaged file gives an error, a finding, or all of its content. */
static void check_damaged(const struct image *image, const uint8_t *bytes,
			  size_t n, const char *how, size_t at)
{
	struct image got;
	struct err err;
	const char *what;

	if (!open_bytes(bytes, n, &got, &err)) {
		assert_int_not_equal(err.code, ERR_NONE);
		assert_int_not_equal(err.message[0], 0);
		return;
	}
	what = make_image_compare(image, &got);
	if (what && strcmp(what, "bytes of memory") == 0)
		fail_msg("%s at %zu: wrong memory", how, at);
	if (what && findings(&got) <= findings(image) &&
	    got.diag.len <= image->diag.len)
		fail_msg("%s at %zu: %s differ, and nothing is said", how, at,
			 what);
	image_close(&got);
}

static void tells_of_any_changed_byte(void **state)
{
	struct image image;
	size_t n, ends = getenv("TEST_ALL_BYTES") ? SIZE_MAX / 2 : 160;
	uint8_t *bytes = saved(&image, &n);
	uint64_t seed = rng_seed();

	(void)state;
	for (size_t at = 0; at < n; at++) {
		uint8_t old = bytes[at];

		/* Both ends whole; in between one byte in so many. */
		if (at >= ends && n - at > ends &&
		    rng_below(&seed, n / 256) != 0)
			continue;
		bytes[at] ^= (uint8_t)(1 + rng_below(&seed, 255));
		check_damaged(&image, bytes, n, "changed byte", at);
		bytes[at] = old;
	}
	image_close(&image);
	free(bytes);
}

static void opens_when_cut_at_any_length(void **state)
{
	struct image image, got;
	struct err err;
	size_t n, opened = 0, cuts = 0;
	uint8_t *bytes = saved(&image, &n);
	uint64_t seed = rng_seed();

	(void)state;
	for (size_t cut = 0; cut < n; cut += 1 + rng_below(&seed, n / 128)) {
		check_damaged(&image, bytes, cut, "cut", cut);
		cuts++;
		if (!open_bytes(bytes, cut, &got, &err))
			continue;
		/* The note stands in the first frame. */
		assert_int_equal(got.threads.len, 3);
		assert_int_equal(got.mappings.len, 5);
		assert_int_equal(got.modules.len, 2);
		assert_string_equal(got.meta.cgroup, "memory.max max\n");
		assert_string_equal(got.threads.at[1].name, "io");
		assert_true(findings(&got) > findings(&image));
		image_close(&got);
		opened++;
	}
	/* Frames are about equal in size: most cuts leave the first whole. */
	assert_true(opened * 2 > cuts);
	image_close(&image);
	free(bytes);
}

static void walks_the_frames_without_a_seek_table(void **state)
{
	struct image image, got;
	struct err err;
	size_t n;
	uint8_t *bytes = saved(&image, &n);

	(void)state;
	assert_true(open_bytes(bytes, n - 1, &got, &err));
	assert_null(make_image_compare(&image, &got));
	assert_true(findings(&got) > findings(&image));
	image_close(&got);
	image_close(&image);
	free(bytes);
}

/* ELF keeps a count that 16 bits cannot hold in section header 0. */
static void check_extended_count(const char *file, uint32_t want)
{
	struct diag diag = {0};
	struct source *source;
	struct err err = {0};
	uint64_t shoff;
	uint32_t info;
	uint16_t phnum;

	assert_true(source_open(file, &diag, &source, &err));
	assert_int_equal(source_read(source, 40, &shoff, 8), 8);
	assert_int_equal(source_read(source, 56, &phnum, 2), 2);
	assert_int_equal(source_read(source, shoff + 44, &info, 4), 4);
	assert_int_equal(phnum, 0xffff);
	assert_int_equal(info, want);
	source_close(source);
}

/* 70,000 single pages, as far apart as a hostile allocator puts them. */
static void writes_more_segments_than_16_bits_count(void **state)
{
	struct image image = { .meta = {
		.exe = "", .command = "", .captured_at = "", .kernel = "",
		.options = "", .status = "", .limits = "", .cgroup = "",
	} }, got;
	struct snapshot_target target = { .path = scratch("many") };
	struct snapshot_writer *writer;
	struct err err = {0};
	uint64_t page[512] = {0}, word;

	(void)state;
	assert_true(types_init(&image.types, &err));
	for (uint64_t i = 0; i < 70000; i++) {
		struct range r = { .start = 0x100000 + i * 0x2000 };

		r.end = r.start + 4096;
		assert_true(vec_push(&image.ranges, r));
	}
	assert_true(snapshot_begin(&target, &image, &writer, &err));
	for (uint64_t i = 0; i < 70000; i++) {
		page[1] = i;
		assert_true(snapshot_memory(writer, page, 4096, &err));
	}
	assert_true(snapshot_finish(writer, &image, &err));
	check_extended_count(path, 70001);
	assert_true(image_open(path, &got, &err));
	assert_int_equal(got.ranges.len, 70000);
	assert_int_equal(got.diag.len, 0);
	for (uint64_t i = 0; i < 70000; i += 777) {
		assert_true(image_u64(&got, 0x100008 + i * 0x2000, &word));
		assert_int_equal(word, i);
	}
	image_close(&got);
	image_close(&image);
	unlink(path);
}

static void holds_the_caller_to_the_ranges(void **state)
{
	struct image image;
	struct snapshot_target target = { .path = scratch("ranges") };
	struct snapshot_writer *writer;
	struct err err = {0};
	static uint8_t page[4096];

	(void)state;
	make_image(&image);
	assert_true(snapshot_begin(&target, &image, &writer, &err));
	assert_true(snapshot_memory(writer, page, sizeof(page), &err));
	assert_false(snapshot_finish(writer, &image, &err));
	assert_non_null(strstr(err.message, "less memory"));
	assert_int_equal(access(path, F_OK), -1);
	err_clear(&err);
	image.ranges.len = 1;
	assert_true(snapshot_begin(&target, &image, &writer, &err));
	for (int i = 0; i < 3; i++)
		assert_true(snapshot_memory(writer, page, sizeof(page), &err));
	assert_false(snapshot_memory(writer, page, 1, &err));
	snapshot_abort(writer);
	assert_int_equal(access(path, F_OK), -1);
	image_close(&image);
}

static void replaces_a_file_only_when_forced(void **state)
{
	struct image image;
	struct snapshot_target target = { .path = scratch("there") };
	struct snapshot_writer *writer;
	struct err err = {0};
	struct stat st;

	(void)state;
	make_image(&image);
	assert_true(make_image_save(&image, path, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(snapshot_begin(&target, &image, &writer, &err));
	assert_null(writer);
	unlink(path);
	image_close(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_everything),
		cmocka_unit_test(finds_types_and_symbols_by_name_again),
		cmocka_unit_test(writes_the_same_bytes_every_time),
		cmocka_unit_test(tells_of_any_changed_byte),
		cmocka_unit_test(opens_when_cut_at_any_length),
		cmocka_unit_test(walks_the_frames_without_a_seek_table),
		cmocka_unit_test(writes_more_segments_than_16_bits_count),
		cmocka_unit_test(holds_the_caller_to_the_ranges),
		cmocka_unit_test(replaces_a_file_only_when_forced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
