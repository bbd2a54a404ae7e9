/* SPDX-License-Identifier: MIT */
/* New sections behind old memory, whatever has happened to the file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_read.h"
#include "formats/seekable.h"
#include "formats/snapshot_renew.h"
#include "tests/aid_cmocka.h"
#include "tests/aid_files.h"
#include "tests/aid_same_memory.h"
#include "tests/make_image.h"

static const char *scratch(const char *name)
{
	static char path[2][512];
	static int turn;
	const char *dir = getenv("TEST_DIR");

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/renew-%d-%s",
		 dir ? dir : "/tmp", (int)getpid(), name);
	return path[turn];
}

static void save(const char *file, struct image *image)
{
	struct err err = {0};

	make_image(image);
	if (!make_image_save(image, file, &err))
		fail_msg("%s", err.message);
}

static bool renew(const char *from, const char *to, struct image *image,
		  struct err *err)
{
	const struct snapshot_target target = { .path = to, .force = true };

	*err = (struct err){0};
	diag_free(&image->diag);
	return snapshot_renew(from, &target, false, image, err);
}

static uint64_t count_of(const struct image *image, const char *text)
{
	for (size_t i = 0; i < image->diag.len; i++) {
		if (strstr(image->diag.at[i].what, text))
			return image->diag.at[i].count;
	}
	return 0;
}

static void changes_sections_and_nothing_else(void **state)
{
	const char *from = scratch("from"), *to = scratch("to");
	struct symbol symbol = { .addr = 0x700000, .name = "added", .kind = 1 };
	struct image image, old, got;
	struct err err = {0};
	const char *what;

	(void)state;
	save(from, &image);
	assert_true(image_open(from, &old, &err));
	assert_true(vec_push(&old.symbols, symbol));
	assert_true(vec_push(&image.symbols, symbol));
	if (!renew(from, to, &old, &err))
		fail_msg("%s", err.message);
	assert_true(image_open(to, &got, &err));
	what = make_image_compare(&image, &got);
	if (what)
		fail_msg("%s differ", what);
	/* What the capture had noted is there once. */
	assert_int_equal(got.diag.len, image.diag.len);
	assert_int_equal(count_of(&got, "pages could not be read"), 2);
	assert_true(memory_is_part_of(&old, &got));
	assert_true(memory_is_part_of(&got, &old));
	image_close(&got);
	image_close(&old);
	image_close(&image);
	unlink(from);
	unlink(to);
}

static void replaces_a_file_by_itself_with_its_mode(void **state)
{
	const char *path = scratch("itself");
	const struct snapshot_target target = { .path = path, .force = true };
	struct image image, old, got;
	struct err err = {0};
	struct stat st;

	(void)state;
	save(path, &image);
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(image_open(path, &old, &err));
	diag_free(&old.diag);
	assert_true(snapshot_renew(path, &target, true, &old, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(image_open(path, &got, &err));
	assert_null(make_image_compare(&image, &got));
	image_close(&got);
	image_close(&old);
	image_close(&image);
	unlink(path);
}

/*
 * The first frame holds the head, which says where memory is; nothing behind
 * it may keep a snapshot from being renewed, however small the frames are.
 */
static size_t head_of(const uint8_t *bytes, size_t n)
{
	size_t head = seekable_frame_size(bytes, n);

	assert_true(head > 0 && head < n);
	return head;
}

/* Renew the damaged file @from when it opens; true when that was possible. */
static bool check_damaged(const char *from, const char *to, const char *how,
			  size_t at)
{
	struct image old, got;
	struct err err = {0};
	bool ok;

	if (!image_open(from, &old, &err))
		return false;
	ok = renew(from, to, &old, &err);
	if (ok) {
		if (!image_open(to, &got, &err))
			fail_msg("%s at %zu: %s", how, at, err.message);
		if (!memory_is_part_of(&old, &got) ||
		    !memory_is_part_of(&got, &old))
			fail_msg("%s at %zu: other memory", how, at);
		assert_int_equal(got.threads.len, old.threads.len);
		assert_int_equal(got.mappings.len, old.mappings.len);
		assert_int_equal(got.symbols.len, old.symbols.len);
		assert_int_equal(got.vars.len, old.vars.len);
		assert_int_equal(count_of(&got, "is lost"), 0);
		image_close(&got);
	} else {
		assert_int_not_equal(err.code, ERR_NONE);
	}
	image_close(&old);
	return ok;
}

static void keeps_damage_as_it_is(void **state)
{
	const char *from = scratch("damaged"), *to = scratch("still");
	struct image image;
	size_t n, head, tries = 150;
	uint64_t seed = rng_seed();
	uint8_t *bytes;

	(void)state;
	save(from, &image);
	bytes = slurp(from, &n);
	head = head_of(bytes, n);
	for (size_t i = 0; i < tries; i++) {
		size_t least = i % 3 ? head : 0;
		size_t at = least + (size_t)rng_below(&seed, n - least);
		uint8_t old = bytes[at];

		bytes[at] ^= (uint8_t)(1 + rng_below(&seed, 255));
		spill(from, bytes, n);
		if (!check_damaged(from, to, "changed byte", at) && at >= head)
			fail_msg("changed byte at %zu: not renewed", at);
		bytes[at] = old;
	}
	image_close(&image);
	free(bytes);
	unlink(from);
	unlink(to);
}

static void resolves_what_is_left_of_a_cut_file(void **state)
{
	const char *from = scratch("cut"), *to = scratch("short");
	struct image image;
	size_t n, head, cut;
	uint64_t seed = rng_seed();
	uint8_t *bytes;

	(void)state;
	save(from, &image);
	bytes = slurp(from, &n);
	head = head_of(bytes, n);
	for (cut = 0; cut < n; cut += 1 + rng_below(&seed, n / 64)) {
		spill(from, bytes, cut);
		if (check_damaged(from, to, "cut", cut) != (cut >= head))
			fail_msg("cut at %zu, first frame ends at %zu", cut,
				 head);
	}
	/* No step of chance leaves these two out. */
	for (cut = head - 1; cut <= head; cut++) {
		spill(from, bytes, cut);
		assert_int_equal(check_damaged(from, to, "cut", cut),
				 cut == head);
	}
	image_close(&image);
	free(bytes);
	unlink(from);
	unlink(to);
}

enum { MANY = 70000 };

/* Pages so far apart that each is a segment: the head has several frames. */
static void save_many(const char *path)
{
	struct image image = { .meta = {
		.exe = "", .command = "", .captured_at = "", .kernel = "",
		.options = "", .status = "", .limits = "", .cgroup = "",
	} };
	const struct snapshot_target target = { .path = path, .force = true };
	struct snapshot_writer *writer;
	struct err err = {0};
	uint64_t page[512];
	uint64_t seed = 1;

	assert_true(types_init(&image.types, &err));
	for (uint64_t i = 0; i < MANY; i++) {
		struct range r = { .start = 0x100000 + i * 0x2000 };

		r.end = r.start + 4096;
		assert_true(vec_push(&image.ranges, r));
	}
	assert_true(snapshot_begin(&target, &image, &writer, &err));
	for (uint64_t i = 0; i < MANY; i++) {
		for (size_t k = 0; k < 512; k++)
			page[k] = k % 32 ? i : rng_next(&seed);
		assert_true(snapshot_memory(writer, page, 4096, &err));
	}
	assert_true(snapshot_finish(writer, &image, &err));
	image_close(&image);
}

static void cuts_more_segments_than_16_bits_count(void **state)
{
	const char *from = scratch("many"), *to = scratch("fewer");
	struct image old, got;
	struct err err = {0};
	uint64_t word, lost = 0;
	size_t n;
	uint8_t *bytes;

	(void)state;
	save_many(from);
	bytes = slurp(from, &n);
	spill(from, bytes, n / 2);
	assert_true(image_open(from, &old, &err));
	if (!renew(from, to, &old, &err))
		fail_msg("%s", err.message);
	assert_true(image_open(to, &got, &err));
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t addr = 0x100008 + i * 0x2000;
		bool was = image_u64(&old, addr, &word);

		assert_int_equal(image_u64(&got, addr, &word), was);
		assert_true(!was || word == i);
		lost += was ? 0 : 4096;
	}
	assert_true(lost > 1 << 20 && lost < MANY * UINT64_C(4096) * 3 / 4);
	assert_int_equal(count_of(&got, "were cut off"), lost);
	image_close(&got);
	image_close(&old);
	free(bytes);
	unlink(from);
	unlink(to);
}

static void refuses_what_has_no_frames_to_copy(void **state)
{
	const char *path = scratch("none"), *to = scratch("nothing");
	struct image image;
	struct err err;

	(void)state;
	make_image(&image);
	spill(path, "\x7f" "ELF", 4);
	assert_false(snapshot_is_renewable(path));
	assert_false(renew(path, to, &image, &err));
	assert_non_null(strstr(err.message, "-o FILE"));
	unlink(path);
	assert_false(snapshot_is_renewable(path));
	assert_false(snapshot_is_renewable("/dev/null"));
	assert_int_equal(access(to, F_OK), -1);
	image_close(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_sections_and_nothing_else),
		cmocka_unit_test(replaces_a_file_by_itself_with_its_mode),
		cmocka_unit_test(keeps_damage_as_it_is),
		cmocka_unit_test(resolves_what_is_left_of_a_cut_file),
		cmocka_unit_test(cuts_more_segments_than_16_bits_count),
		cmocka_unit_test(refuses_what_has_no_frames_to_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
