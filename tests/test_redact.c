/* SPDX-License-Identifier: MIT */
/* What a capture of pointers keeps of a made process, word by word. */
#include "tests/aid_cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dump/exclude.h"
#include "dump/redact.h"
#include "formats/snapshot_sections.h"

enum {
	RW = PERM_READ | PERM_WRITE,
	WORDS = PAGE_SIZE_X86 / 8,
};

#define DATA UINT64_C(0x555555560000)
#define HEAP UINT64_C(0x555555580000)
#define LOW UINT64_C(0x40000000)	/* "@" and up: addresses that are text */
#define LOW_END UINT64_C(0x70000000)
#define CONSTANTS UINT64_C(0x555555554000)

static void add_map(struct image *image, uint64_t start, uint64_t end,
		    uint32_t perms, const char *path)
{
	struct mapping m = {
		.start = start, .end = end, .perms = perms, .path = path,
		.vm_flags = "",
	};
	struct range r = {
		.start = start, .end = end, .presence = PRESENCE_CAPTURED,
	};

	assert_true(vec_push(&image->mappings, m));
	assert_true(vec_push(&image->ranges, r));
}

static void make_process(struct image *image)
{
	struct module module = {
		.path = "/bin/made", .hint = "", .debug_path = "",
		.start = CONSTANTS, .end = DATA + 0x1000,
	};

	*image = (struct image){ .meta = { .command = "made --token 123" } };
	add_map(image, LOW, LOW_END, RW, "");
	add_map(image, CONSTANTS, CONSTANTS + 0x1000, PERM_READ, "/bin/made");
	add_map(image, DATA, DATA + 0x1000, RW, "/bin/made");
	add_map(image, HEAP, HEAP + 0x10000, RW, "[heap]");
	add_map(image, 0x7f0000000000, 0x7f0000002000, PERM_READ, "");
	assert_true(vec_push(&image->modules, module));
}

/* What becomes of @page at @addr; with @spans or without. */
static void redact(struct image *image, struct heap_spans *spans,
		   uint64_t addr, uint64_t page[WORDS])
{
	struct heap_spans none = {0};
	struct redactor *r;
	struct err err = {0};

	assert_true(redactor_build(image, spans ? spans : &none, &r, &err));
	assert_true(redact_memory(r, addr, (const uint8_t *)page,
				  (uint8_t *)page, PAGE_SIZE_X86, &err));
	redactor_free(r);
}

static uint64_t word_of(const char *text)
{
	uint64_t word = 0;

	memcpy(&word, text, strnlen(text, sizeof(word)));
	return word;
}

static void keeps_addresses_and_small_numbers(void **state)
{
	struct image image;
	const uint64_t in[] = {
		0, 1, 65535, 65536, HEAP, HEAP + 0xffff, HEAP + 0x10000,
		HEAP + 0x10001, DATA - 1, CONSTANTS + 5, UINT64_MAX,
		0x0040000000000000 | HEAP, word_of("secrets!"), 4096, 5000,
	};
	const uint64_t out[] = {
		0, 1, 65535, 0, HEAP, HEAP + 0xffff, HEAP + 0x10000,
		0, 0, CONSTANTS + 5, 0, 0, 0, 4096, 5000,
	};
	uint64_t page[WORDS] = {0};

	(void)state;
	make_process(&image);
	memcpy(page, in, sizeof(in));
	redact(&image, NULL, DATA, page);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		assert_int_equal(page[i], out[i]);
		assert_int_equal(image_is_redacted(&image, DATA + 8 * i),
				 in[i] != out[i]);
	}
	assert_true(image.meta.pointers_only);
	image_close(&image);
}

static void keeps_constants_of_modules_alone(void **state)
{
	struct image image;
	uint64_t page[WORDS] = { word_of("constant") };
	uint64_t sealed[WORDS] = { word_of("password") };

	(void)state;
	make_process(&image);
	redact(&image, NULL, CONSTANTS, page);
	redact(&image, NULL, 0x7f0000000000, sealed);
	assert_int_equal(page[0], word_of("constant"));
	assert_int_equal(sealed[0], 0);
	assert_false(image_is_redacted(&image, CONSTANTS));
	image_close(&image);
}

/* Two chunks of 48 bytes: [header][40 free][header][40 live] */
static void keeps_headers_and_links_of_free_chunks(void **state)
{
	struct heap_spans spans = {0};
	struct image image;
	uint64_t text = word_of("in chunk"), page[WORDS];
	uint64_t chunk = HEAP + 0x10, size = 40;

	(void)state;
	make_process(&image);
	for (size_t i = 0; i < WORDS; i++)
		page[i] = text;
	page[1] = 0x20031;		/* size of a chunk beyond 65,536 */
	page[2] = (chunk >> 12) ^ (HEAP + 0x100);	/* mangled */
	page[3] = HEAP + 0x500;		/* bk */
	page[4] = 7;			/* a number of the dead block */
	page[6] = size + 8;		/* prev_size of the next chunk */
	page[8] = page[2];		/* no link: the block is live */
	assert_true(vec_push(&spans.metadata,
			     ((struct memory_span){ HEAP, chunk })));
	assert_true(vec_push(&spans.free, ((struct memory_span){
				     chunk, chunk + size })));
	assert_true(vec_push(&spans.metadata, ((struct memory_span){
				     chunk + size, chunk + size + 8 })));
	redact(&image, &spans, HEAP, page);
	assert_int_equal(page[0], text);
	assert_int_equal(page[1], 0x20031);
	assert_int_equal(page[2], (chunk >> 12) ^ (HEAP + 0x100));
	assert_int_equal(page[3], HEAP + 0x500);
	assert_int_equal(page[4], 0);
	assert_int_equal(page[5], 0);
	assert_int_equal(page[6], size + 8);
	assert_int_equal(page[7], text);
	for (size_t i = 8; i < WORDS; i++)
		assert_int_equal(page[i], 0);
	image_close(&image);
}

static void keeps_no_number_in_free_memory(void **state)
{
	struct heap_spans spans = {0};
	struct image image;
	uint64_t page[WORDS];

	(void)state;
	make_process(&image);
	for (size_t i = 0; i < WORDS; i++)
		page[i] = i % 2 ? 77 : HEAP + 16 * i;
	assert_true(vec_push(&spans.free, ((struct memory_span){
				     HEAP, HEAP + 0x8000 })));
	redact(&image, &spans, HEAP, page);
	for (size_t i = 0; i < WORDS; i++)
		assert_int_equal(page[i], i < 4 && i % 2 == 0 ?
				 HEAP + 16 * i : 0);
	image_close(&image);
}

/* "abcd" and "ABCDE" are below 2^40; 0x64636261 lies in the low mapping. */
static void takes_short_text_for_an_address_only_where_a_block_begins(
	void **state)
{
	struct heap_spans spans = {0};
	struct image image;
	uint64_t block = word_of("pbcd"), page[WORDS] = {
		word_of("abcd"), block, block + 1, LOW + 0x61, LOW + 0x616100,
	};

	(void)state;
	make_process(&image);
	assert_true(block % 16 == 0 && block > LOW && block < LOW_END);
	assert_true(vec_push(&spans.metadata,
			     ((struct memory_span){ block - 8, block })));
	redact(&image, &spans, DATA, page);
	assert_int_equal(page[0], 0);
	assert_int_equal(page[1], block);
	assert_int_equal(page[2], 0);
	assert_int_equal(page[3], LOW + 0x61);
	assert_int_equal(page[4], LOW + 0x616100);
	image_close(&image);
}

/* --- what stands in the notes --- */

static void leaves_out_registers_and_arguments_but_not_for_unwinding(
	void **state)
{
	static uint8_t vectors[512], siginfo[128] = { 11 };
	struct heap_spans none = {0};
	struct snapshot_target target = { .force = true };
	struct snapshot_writer *writer;
	struct thread t = {
		.tid = 7, .name = "made", .fpregs = vectors,
		.fpregs_size = sizeof(vectors), .siginfo = siginfo,
		.siginfo_size = sizeof(siginfo),
	};
	uint64_t text = word_of("register"), heap = HEAP + 8;
	char path[] = "/tmp/test_redact.XXXXXX";
	struct image image, got;
	struct redactor *r;
	struct err err = {0};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	target.path = path;
	make_process(&image);
	image.mappings.len = image.ranges.len = 0;
	add_map(&image, HEAP, HEAP + 0x1000, RW, "[heap]");
	image.ranges.at[0].presence = PRESENCE_ZERO;
	image.modules.len = 0;
	image.meta.exe = image.meta.captured_at = image.meta.kernel =
		image.meta.options = image.meta.status = image.meta.limits =
		image.meta.cgroup = "";
	assert_true(types_init(&image.types, &err));
	memcpy(vectors + 160, &text, 8);
	memcpy(vectors + 168, &heap, 8);
	memcpy(siginfo + 16, &text, 8);
	t.regs[X86_RAX] = text;
	t.regs[X86_RBX] = heap;
	t.regs[X86_CS] = 0x33;
	t.regs[X86_ORIG_RAX] = UINT64_MAX;
	assert_true(vec_push(&image.threads, t));
	assert_true(redactor_build(&image, &none, &r, &err));
	assert_true(redacted_begin(r, &target, &image, &writer, &err));
	assert_int_equal(image.threads.at[0].regs[X86_RAX], text);
	assert_true(snapshot_finish(writer, &image, &err));
	redactor_free(r);
	image_close(&image);

	assert_true(image_open(path, &got, &err));
	unlink(path);
	assert_true(got.meta.pointers_only);
	assert_string_equal(got.meta.command, "made");
	assert_int_equal(got.threads.at[0].regs[X86_RAX], 0);
	assert_int_equal(got.threads.at[0].regs[X86_RBX], heap);
	assert_int_equal(got.threads.at[0].regs[X86_CS], 0x33);
	assert_int_equal(got.threads.at[0].regs[X86_ORIG_RAX], UINT64_MAX);
	memcpy(&text, got.threads.at[0].fpregs + 160, 8);
	assert_int_equal(text, 0);
	memcpy(&text, got.threads.at[0].fpregs + 168, 8);
	assert_int_equal(text, heap);
	assert_int_equal(got.threads.at[0].siginfo[0], 11);
	assert_int_equal(got.threads.at[0].siginfo[16], 0);
	image_close(&got);
}

static void leaves_out_numbers_of_locals_without_a_place(void **state)
{
	const struct local in[] = {
		{ .flags = LOCAL_REGISTER, .value = 65536 },
		{ .flags = LOCAL_VALUE, .value = 65535 },
		{ .flags = LOCAL_REGISTER, .value = HEAP + 1 },
		{ .flags = 0, .addr = 65536, .value = 65536 },
	};
	struct heap_spans none = {0};
	struct image image;
	struct redactor *r;
	struct err err = {0};

	(void)state;
	make_process(&image);
	for (size_t i = 0; i < 4; i++)
		assert_true(vec_push(&image.locals, in[i]));
	assert_true(redactor_build(&image, &none, &r, &err));
	redact_locals(r);
	redact_locals(NULL);
	redactor_free(r);
	assert_int_equal(image.locals.at[0].value, 0);
	assert_int_equal(image.locals.at[0].flags,
			 LOCAL_REGISTER | LOCAL_LOST | LOCAL_REDACTED);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(image.locals.at[i].value, in[i].value);
		assert_int_equal(image.locals.at[i].flags, in[i].flags);
	}
	image_close(&image);
}

/* --- the section --- */

static bool read_back(const struct blob *blob, size_t n, struct image *got)
{
	struct err err = {0};

	return redacted_read(bytes_of(blob->bytes.at, n), got, &err);
}

static void writes_and_reads_which_words_are_gone(void **state)
{
	uint64_t page[WORDS] = {0}, other[WORDS] = { word_of("and more") };
	struct image image, got = {0};
	struct blob blob = {0};

	(void)state;
	make_process(&image);
	page[3] = page[511] = word_of("gone now");
	redact(&image, NULL, DATA, page);
	redact(&image, NULL, HEAP + 0x3000, other);
	redacted_write(&image, &blob);
	assert_true(read_back(&blob, blob.bytes.len, &got));
	for (size_t i = 0; i < WORDS; i++) {
		assert_int_equal(image_is_redacted(&got, DATA + 8 * i),
				 i == 3 || i == 511);
		assert_int_equal(image_is_redacted(&got, HEAP + 0x3000 + 8 * i),
				 i == 0);
	}
	assert_false(image_is_redacted(&got, DATA + 0x1000));
	assert_false(image_is_redacted(&got, 0));
	/* Cut anywhere it is refused, and what was read before stays. */
	for (size_t n = 0; n < blob.bytes.len; n++)
		assert_false(read_back(&blob, n, &got));
	assert_true(image_is_redacted(&got, DATA + 24));
	/* A span beyond its bits. */
	blob.bytes.at[24 + 9] += 0x10;
	assert_false(read_back(&blob, blob.bytes.len, &got));
	blob_free(&blob);
	image_close(&got);
	image_close(&image);
}

/* --- excludes --- */

static uint64_t bytes_with(const struct image *image, enum presence presence)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < image->ranges.len; i++) {
		if (image->ranges.at[i].presence == presence)
			sum += image->ranges.at[i].end -
			       image->ranges.at[i].start;
	}
	return sum;
}

static void cuts_what_is_excluded_out_of_ranges_and_plan(void **state)
{
	static const char *const excludes[] = {
		"0x555555582001-0x555555583001", "made", "0x7f0000001fff",
		"nosuch", "0x1000",
	};
	struct plan plan = {0};
	struct image image;
	struct err err = {0};

	(void)state;
	make_process(&image);
	for (size_t i = 0; i < image.ranges.len; i++) {
		struct piece p = {
			image.ranges.at[i].start, image.ranges.at[i].end,
			FROM_FILE, 3, 0x100, false, false,
		};

		assert_true(vec_push(&plan.pieces, p));
		plan.bytes += p.end - p.start;
	}
	assert_true(exclude_apply(excludes, 5, &image, &plan, &err));
	/* Two pages of the heap, two of the module, the last mapping. */
	assert_int_equal(bytes_with(&image, PRESENCE_ABSENT), 6 * 4096);
	assert_int_equal(bytes_with(&image, PRESENCE_CAPTURED), plan.bytes);
	assert_int_equal(image_range(&image, HEAP + 0x2000)->presence,
			 PRESENCE_ABSENT);
	assert_int_equal(image_range(&image, HEAP + 0x4000)->offset, 0x4000);
	assert_int_equal(plan.pieces.len, 3);
	assert_int_equal(plan.pieces.at[1].end, HEAP + 0x2000);
	assert_int_equal(plan.pieces.at[2].start, HEAP + 0x4000);
	assert_int_equal(plan.pieces.at[2].offset, 0x4100);
	assert_int_equal(image.diag.len, 3);
	plan_free(&plan);
	image_close(&image);
}

static void tells_sound_excludes_from_others(void **state)
{
	(void)state;
	assert_true(exclude_is_sound("[heap]"));
	assert_true(exclude_is_sound("libc.so.6"));
	assert_true(exclude_is_sound("0x7f0000000000"));
	assert_true(exclude_is_sound("0x1000-0x2000"));
	assert_false(exclude_is_sound(""));
	assert_false(exclude_is_sound("0x"));
	assert_false(exclude_is_sound("0x12z"));
	assert_false(exclude_is_sound("0x2000-0x1000"));
	assert_false(exclude_is_sound("0x1000-2000"));
	assert_false(exclude_is_sound("0x11112222333344445"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_addresses_and_small_numbers),
		cmocka_unit_test(keeps_constants_of_modules_alone),
		cmocka_unit_test(keeps_headers_and_links_of_free_chunks),
		cmocka_unit_test(keeps_no_number_in_free_memory),
		cmocka_unit_test(
		takes_short_text_for_an_address_only_where_a_block_begins),
		cmocka_unit_test(
		leaves_out_registers_and_arguments_but_not_for_unwinding),
		cmocka_unit_test(leaves_out_numbers_of_locals_without_a_place),
		cmocka_unit_test(writes_and_reads_which_words_are_gone),
		cmocka_unit_test(cuts_what_is_excluded_out_of_ranges_and_plan),
		cmocka_unit_test(tells_sound_excludes_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
