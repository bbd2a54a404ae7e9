/* SPDX-License-Identifier: MIT */
/* Look-ups and reads of an image, across the borders of its ranges. */
#include <unistd.h>

#include "formats/snapshot.h"
#include "tests/aid_cmocka.h"
#include "tests/make_core.h"
#include "tests/make_image.h"

enum { RW = PERM_READ | PERM_WRITE, MIB = 1 << 20 };

/* Two mappings that touch, a hole, and one more. */
static void open_three(struct image *image)
{
	struct make_core core = {0};
	char letters[0x3000];

	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (char)('a' + i % 26);
	make_core_map(&core, 0x10000, 0x1000, RW, "", 0);
	make_core_map(&core, 0x11000, 0x2000, PERM_READ, "", 0);
	make_core_map(&core, 0x20000, 0x1000, RW, "", 0);
	make_core_write(&core, 0x10000, letters, 0x1000);
	make_core_write(&core, 0x11000, letters + 0x1000, 0x2000);
	make_core_write(&core, 0x20ffc, "end", 3);
	make_core_image(&core, image);
	make_core_free(&core);
}

static void reads_across_ranges_but_not_across_holes(void **state)
{
	struct image image;
	char buf[0x3000];

	(void)state;
	open_three(&image);
	assert_true(image_read(&image, 0x10ff0, buf, 0x20));
	for (size_t i = 0; i < 0x20; i++)
		assert_int_equal(buf[i], 'a' + (0xff0 + i) % 26);
	assert_true(image_read(&image, 0x10000, buf, 0x3000));
	assert_false(image_read(&image, 0x12fff, buf, 2));
	assert_int_equal(image.ops->read(image.memory, 0x12ff0, buf, 100), 16);
	assert_false(image_read(&image, 0, buf, 1));
	assert_false(image_read(&image, UINT64_MAX - 3, buf, 8));
	image_close(&image);
}

static void reads_texts_that_end_and_cuts_those_that_do_not(void **state)
{
	struct image image;
	char buf[16];

	(void)state;
	open_three(&image);
	assert_int_equal(image_text(&image, 0x20ffc, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "end");
	assert_int_equal(image_text(&image, 0x20000, buf, sizeof(buf)), 0);
	/* Longer than the buffer. */
	assert_int_equal(image_text(&image, 0x10000, buf, 5), 4);
	assert_string_equal(buf, "abcd");
	/* Runs into a hole. */
	assert_int_equal(image_text(&image, 0x12ffe, buf, sizeof(buf)),
			 SIZE_MAX);
	assert_int_equal(image_text(&image, 0x30000, buf, sizeof(buf)),
			 SIZE_MAX);
	image_close(&image);
}

static void finds_the_mapping_of_each_address(void **state)
{
	struct image image;

	(void)state;
	open_three(&image);
	for (uint64_t addr = 0xf000; addr < 0x22000; addr += 0x800) {
		const struct mapping *m = image_mapping(&image, addr);
		const struct range *r = image_range(&image, addr);
		const struct mapping *want = NULL;

		for (size_t i = 0; i < image.mappings.len; i++) {
			if (image.mappings.at[i].start <= addr &&
			    addr < image.mappings.at[i].end)
				want = &image.mappings.at[i];
		}
		assert_ptr_equal(m, want);
		assert_int_equal(r != NULL, want != NULL);
	}
	image_close(&image);
}

static void slides_a_window_over_any_words(void **state)
{
	struct image image;
	struct window w;
	uint64_t seed = rng_seed();

	(void)state;
	open_three(&image);
	w = window_of(&image);
	for (int i = 0; i < 5000; i++) {
		uint64_t addr = 0xfff0 + rng_below(&seed, 0x11100);
		uint64_t want = 0, got = 0;
		bool there = image_u64(&image, addr, &want);

		assert_int_equal(window_u64(&w, addr, &got), there);
		assert_true(!there || got == want);
	}
	assert_false(window_u64(&w, UINT64_MAX - 3, &seed));
	assert_false(window_u64(&w, UINT64_MAX - 7, &seed));
	window_close(&w);
	window_close(&w);
	image_close(&image);
}

static void gives_spans_up_to_the_end_of_a_range(void **state)
{
	struct image image;
	struct window w;
	size_t n;

	(void)state;
	open_three(&image);
	w = window_of(&image);
	assert_non_null(window_span(&w, 0x10100, 8, &n));
	assert_int_equal(n, 0xf00);
	assert_non_null(window_span(&w, 0x10200, 0xe00, &n));
	assert_int_equal(n, 0xe00);
	assert_null(window_span(&w, 0x10200, 0xe01, &n));
	assert_null(window_span(&w, 0x13000, 1, &n));
	assert_non_null(window_span(&w, 0x11000, 1, &n));
	assert_int_equal(n, 0x2000);
	window_close(&w);
	image_close(&image);
}

static void reads_zeros_where_nothing_was_touched(void **state)
{
	struct image made, image;
	struct err err = {0};
	uint64_t zero = 0x1000000 + 2 * MIB, word = 1;
	char path[64];
	size_t n = SIZE_MAX;
	const uint8_t *at;
	void *token;
	int fd;

	(void)state;
	make_image(&made);
	snprintf(path, sizeof(path), "/tmp/holdfast-image-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0 && make_image_save(&made, path, &err));
	assert_true(image_open(path, &image, &err));
	assert_int_equal(image_range(&image, zero)->presence, PRESENCE_ZERO);
	assert_true(image_u64(&image, zero + MIB, &word));
	assert_int_equal(word, 0);
	at = image.ops->pin(image.memory, zero + 16, &n, &token);
	assert_non_null(at);
	assert_int_equal(n, MIB);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(at[i], 0);
	image.ops->unpin(image.memory, token);
	/* A word across captured, zero and captured memory. */
	assert_true(image_u64(&image, zero - 4, &word));
	assert_int_equal(word >> 32, 0);
	assert_int_equal((uint8_t)word, make_image_byte(zero - 4));
	assert_null(image.ops->pin(image.memory, 0x602000, &n, &token));
	image_close(&image);
	image_close(&made);
	close(fd);
	unlink(path);
}

static void finds_variables_and_symbols(void **state)
{
	struct image image;

	(void)state;
	make_image(&image);
	assert_null(image_variable(&image, 0x5fffff));
	assert_ptr_equal(image_variable(&image, 0x600000), &image.vars.at[0]);
	assert_ptr_equal(image_variable(&image, 0x60000f), &image.vars.at[0]);
	assert_ptr_equal(image_variable(&image, 0x600010), &image.vars.at[1]);
	assert_ptr_equal(image_variable(&image, 0x6001df), &image.vars.at[29]);
	/* From number 30 on they are thread-local: no addresses. */
	assert_null(image_variable(&image, 0x6001e0));
	assert_null(image_symbol(&image, 0x3fffff, SYMBOL_FUNCTION));
	assert_ptr_equal(image_symbol(&image, 0x40001f, SYMBOL_FUNCTION),
			 &image.symbols.at[0]);
	assert_null(image_symbol(&image, 0x400020, SYMBOL_FUNCTION));
	assert_ptr_equal(image_symbol(&image, 0x400020, SYMBOL_OBJECT),
			 &image.symbols.at[1]);
	assert_ptr_equal(image_module(&image, 0x400000), &image.modules.at[0]);
	assert_null(image_module(&image, 0x403000));
	assert_string_equal(path_name("/usr/bin/redis-server"),
			    "redis-server");
	assert_string_equal(path_name("plain"), "plain");
	assert_string_equal(path_name(""), "");
	image_close(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_across_ranges_but_not_across_holes),
		cmocka_unit_test(
			reads_texts_that_end_and_cuts_those_that_do_not),
		cmocka_unit_test(finds_the_mapping_of_each_address),
		cmocka_unit_test(slides_a_window_over_any_words),
		cmocka_unit_test(gives_spans_up_to_the_end_of_a_range),
		cmocka_unit_test(reads_zeros_where_nothing_was_touched),
		cmocka_unit_test(finds_variables_and_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
